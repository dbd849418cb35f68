/** Plays one plan: the emulator with the freeze on, real processes, and a backend. */
import { Emulator, type EmulatorError, Journal } from "@effect-lambda/emulator"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bundled, compileCache } from "../../../../tools/programs.ts"
import * as Backend from "./Backend.ts"
import { type Explanation, explain } from "./Explain.ts"
import * as Held from "./Held.ts"
import type { Plan } from "./Plan.ts"
import * as Random from "./Random.ts"

const programs = join(import.meta.dirname, "../programs")
const extension = await bundled(join(programs, "contents.ts"))

export interface Outcome extends Explanation {
  readonly held: ReadonlyArray<Held.Held>
  /** The journal, for the reader of a failure. */
  readonly entries: ReadonlyArray<Journal.JournalEntry>
  readonly requests: ReadonlyArray<Backend.Request>
}

const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "")

/** A fault has shut the environment down, so nothing can be invoked any more. */
const isOver = ({ reason }: EmulatorError.EmulatorError) =>
  reason._tag === "InvocationAbandoned" || reason._tag === "AlreadyShutDown"

export const play = Effect.fnUntraced(function* (plan: Plan) {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "matrix-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const backend = yield* Backend.make(plan.backend, Random.make(plan.seed + plan.index))
  const settings = { ...plan.settings, folder, url: backend.url }
  const ownWaits = yield* Held.watch
  const emulator = yield* Emulator.make({
    extensions: [extension],
    function:
      plan.runtime === "program"
        ? { command: [join(programs, "lines.mjs")] }
        : { handler: join(programs, "handler.mjs") },
    environment: {
      MATRIX: JSON.stringify(settings),
      NODE_COMPILE_CACHE: compileCache,
      ...(plan.logFormat === "json" && { AWS_LAMBDA_LOG_FORMAT: "JSON" })
    },
    logFormat: plan.logFormat,
    faults: plan.faults,
    seed: plan.seed,
    timeout: plan.timeoutMillis,
    freeze: true
  })
  for (const { lines, pauseMillis } of plan.invocations) {
    yield* Effect.sleep(pauseMillis)
    const invoked = yield* Effect.result(emulator.invoke(JSON.stringify({ lines })))
    if (Result.isFailure(invoked)) {
      if (isOver(invoked.failure)) break
      return yield* invoked.failure
    }
    const { requestId } = invoked.success
    yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (done) => done.requestId === requestId),
      "1 minute"
    )
  }
  yield* emulator.shutdown()

  const entries = yield* emulator.journal.entries
  const filesOf = (prefix: string) =>
    readdirSync(folder)
      .filter((name) => name.startsWith(prefix))
      .map((name) => [Number(name.slice(prefix.length)), read(join(folder, name))] as const)
  const given = new Map(filesOf("given-"))
  const extensionWaits = filesOf("waits-").flatMap(([, text]) =>
    Array.from(text.matchAll(/(\d+) (\d+)/g), ([, at, millis]) => ({ at: Number(at), millis: Number(millis) }))
  )
  const seen = { entries, given, requests: backend.requests, file: read(join(folder, "records")) }
  const told = new Map(
    filesOf("told-").flatMap(([, text]) =>
      Array.from(text.matchAll(/(\d+) (\S+)/g), ([, at, requestId = ""]) => [requestId, Number(at)] as const)
    )
  )
  return {
    ...explain(seen),
    held: Held.of(plan, entries, [...ownWaits, ...extensionWaits], told),
    entries,
    requests: backend.requests
  } satisfies Outcome
}, Effect.scoped)
