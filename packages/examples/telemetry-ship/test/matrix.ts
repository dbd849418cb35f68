/**
 * Every strategy against every kind of sink, in the emulator with the freeze on. `node …/matrix.ts` writes the table
 * into docs/telemetry.md; matrix.wide-test.ts holds what must be true of every cell.
 */
import { Emulator, Journal } from "@effect-lambda/emulator"
import type * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { readFileSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { bundled, compileCache } from "../../../tools/programs.ts"
import * as Receiver from "../src/Receiver.ts"

/** The extension of the matrix. */
export const source = join(import.meta.dirname, "programs/flush.ts")

export const strategies = ["endOfInvocation", "endOfInvocationPipelined", "periodic", "adaptive", "continuous"] as const
export const sinks = ["healthy", "slow", "hanging", "failing, then healthy"] as const

/** `adaptive` changes its mind after twenty. */
export const invocationsOf = (strategy: (typeof strategies)[number]) => (strategy === "adaptive" ? 30 : 20)
export const linesEach = 20

// Far beyond the 150 ms that test/programs/flush.ts gives a flush: an invocation that is held past its budget times out.
const timeoutMillis = 10_000

const answers: Readonly<Record<(typeof sinks)[number], (invocation: number) => ReturnType<Receiver.Answer>>> = {
  healthy: () => ({ status: 200 }),
  slow: () => ({ status: 200, afterMillis: 50 }),
  hanging: () => "never",
  "failing, then healthy": (invocation) => ({ status: invocation <= 2 ? 500 : 200 })
}

/** The program logs its accounting as JSON. */
const accountingOf = (messages: ReadonlyArray<unknown>): TelemetryAccounting.TelemetryAccounting | undefined => {
  const text = messages.findLast((message) => typeof message === "string" && message.startsWith("{"))
  return typeof text === "string" ? JSON.parse(text) : undefined
}

export interface Cell {
  readonly strategy: (typeof strategies)[number]
  readonly sink: (typeof sinks)[number]
}

export const cells: ReadonlyArray<Cell> = strategies.flatMap((strategy) => sinks.map((sink) => ({ strategy, sink })))

/**
 * Runs one cell of the matrix.
 *
 * @param program the file that starts the extension
 */
export const run = Effect.fnUntraced(function* ({ sink, strategy }: Cell, program: string) {
  let invocation = 0
  const receiver = yield* Receiver.make(() => answers[sink](invocation))
  const emulator = yield* Emulator.make({
    extensions: [program],
    function: { command: [join(import.meta.dirname, "../function/function.mjs")] },
    environment: { STRATEGY: strategy, TELEMETRY_URL: receiver.url, NODE_COMPILE_CACHE: compileCache },
    timeout: timeoutMillis,
    freeze: true
  })
  const extension = `extension:${basename(program)}`
  const held: Array<number> = []
  const statuses: Array<string> = []
  for (invocation = 1; invocation <= invocationsOf(strategy); invocation++) {
    const { requestId } = yield* emulator.invoke(JSON.stringify({ invocation, lines: linesEach }))
    const isOurs = (entry: { readonly requestId: string }) => entry.requestId === requestId
    const responded = yield* emulator.journal.waitFor(Journal.is("RuntimeDone", isOurs), "1 minute")
    const done = yield* emulator.journal.waitFor(Journal.is("InvocationDone", isOurs), "1 minute")
    held.push(done.at - responded.at)
    statuses.push(done.status)
  }
  yield* emulator.shutdown()

  const entries = yield* emulator.journal.entries
  const messages = entries
    .filter(Journal.is("Output"))
    .filter(({ source }) => source === extension)
    .map(({ line }): unknown => JSON.parse(line).message)
  const accepted = receiver.batches.filter(({ status }) => status === 200).map(({ id }) => id)
  return {
    strategy,
    sink,
    lines: receiver.accepted().filter((line) => /invocation \d+, line/.test(line)).length,
    doubles: accepted.length - new Set(accepted).size,
    longestHeldMillis: Math.max(...held),
    heldMillis: held.reduce((sum, millis) => sum + millis, 0),
    statuses,
    accounting: accountingOf(messages),
    exited: entries.find(Journal.is("ProcessExited", ({ source }) => source === extension)),
    messages
  }
}, Effect.scoped)

export type Result = Effect.Success<ReturnType<typeof run>>

const text = ({ accounting, doubles, heldMillis, lines, longestHeldMillis, strategy }: Result) =>
  [
    `${lines} of ${invocationsOf(strategy) * linesEach} lines`,
    `${accounting?.consumers[0]?.unsent ?? "?"} unsent`,
    `${doubles} doubles`,
    `held ${Math.round(longestHeldMillis)} ms at most, ${Math.round(heldMillis)} ms in all`
  ].join("<br>")

const write = Effect.gen(function* () {
  const program = yield* Effect.promise(() => bundled(source))
  const rows: Array<string> = []
  for (const strategy of strategies) {
    const cells = yield* Effect.forEach(sinks, (sink) => run({ strategy, sink }, program))
    rows.push(`| \`${strategy}\` | ${cells.map(text).join(" | ")} |`)
    yield* Console.log(rows.at(-1))
  }
  const file = join(import.meta.dirname, "../../../../docs/telemetry.md")
  const table = [`| strategy | ${sinks.join(" | ")} |`, `| --- |${" --- |".repeat(sinks.length)}`, ...rows].join("\n")
  const [before, rest] = readFileSync(file, "utf8").split("<!-- matrix -->\n")
  const after = rest?.slice(rest.indexOf("<!-- /matrix -->"))
  writeFileSync(file, `${before}<!-- matrix -->\n\n${table}\n\n${after}`)
})

if (import.meta.main) NodeRuntime.runMain(write)
