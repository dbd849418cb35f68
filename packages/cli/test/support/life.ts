/** Layers of the examples beside functions, from init to SHUTDOWN. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import { join } from "node:path"

const fixtures = join(import.meta.dirname, "../fixtures")

/** The interpreter behind `python3`, which may be a script that looks for it. */
export const python = (() => {
  try {
    return execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim()
  } catch {
    return undefined
  }
})()

export const nodeFunction = join(fixtures, "logging.mjs")
export const bashFunction = join(fixtures, "logging.sh")
export const pythonFunction = join(fixtures, "logging.py")
// Replaces /var/lang/bin/node, which only Lambda's images have.
export const managedNode = { EFFECT_LAMBDA_NODE: process.execPath }

/** Init, two invocations, SHUTDOWN. */
export const live = Effect.fnUntraced(function* (
  opt: string,
  handler: string,
  environment: Readonly<Record<string, string>>,
  root = false
) {
  const emulator = yield* Emulator.make({
    extensions: { opt, root },
    function: handler.endsWith(".sh") ? { command: [handler] } : { handler },
    environment
  })
  const payloads: Array<string> = []
  for (const name of ["Ada", "Grace"]) {
    const { payload, requestId } = yield* emulator.invoke(JSON.stringify({ name }))
    yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (done) => done.requestId === requestId),
      "1 minute"
    )
    payloads.push(payload)
  }
  yield* emulator.shutdown()
  return { payloads, entries: yield* emulator.journal.entries }
})

export type Life = Effect.Success<ReturnType<typeof live>>

export const outputOf = ({ entries }: Life, source: Journal.Source): string =>
  entries
    .filter(Journal.is("Output", (output) => output.source === source))
    .map(({ line }) => line)
    .join("\n")

/** The function was served, and the extension did what Lambda wants from its start to its end. */
export const assertWell = (life: Life, name: string) => {
  const source: Journal.Source = `extension:${name}`
  const output = outputOf(life, source)
  assert.deepStrictEqual(
    life.payloads.map((payload) => JSON.parse(payload)),
    [{ hello: "Ada" }, { hello: "Grace" }],
    output
  )
  const { entries } = life
  assert.deepStrictEqual(
    entries.filter(Journal.is("Registered")).map(({ events, source }) => [source, events]),
    [[source, ["INVOKE", "SHUTDOWN"]]],
    output
  )
  assert.lengthOf(entries.filter(Journal.is("ApiRefused")), 0)
  const ended = entries.filter(Journal.is("ProcessExited", (exited) => exited.source === source))
  assert.deepStrictEqual(
    ended.map(({ state, status }) => ({ state, status })),
    [{ state: "Exited", status: { _tag: "Code", code: 0 } }],
    output
  )
  assert.notMatch(output, /"level":"(ERROR|FATAL)"/)
}

export const functions = [
  ["Node", nodeFunction],
  ...(python === undefined ? [] : [["Python", pythonFunction] as const])
] as const
