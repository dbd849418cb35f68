/**
 * One start of a layer with `--start eager` whose telemetry is refused until its listener is up: chosen by a seed, played in
 * the emulator, and compared with what the backend has.
 */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Effect from "effect/Effect"
import { existsSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as Random from "../../../examples/telemetry-ship/test/contents/Random.ts"
import * as Receiver from "../../../examples/telemetry-ship/src/Receiver.ts"
import * as Build from "../../src/build/Build.ts"
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import * as LogEvent from "../../src/shared/LogEvent.ts"
import { withBundle } from "../support/trial.ts"

export interface Plan {
  /** The program does nothing for so long; its listener comes up after that. */
  readonly lateMillis: number
  /** The first process dies before it listens, and Lambda starts another one. */
  readonly diesOnce: boolean
  readonly initType: "on-demand" | "provisioned-concurrency" | "snap-start"
  readonly freeze: boolean
  readonly initLines: number
  readonly lineLength: number
  /** The lines of each invocation. */
  readonly invocations: ReadonlyArray<number>
}

export const plan = (seed: number, index: number): Plan => {
  const random = Random.make(seed * 1_000_003 + index)
  return {
    lateMillis: random.pick([0, 0, random.between(1, 150), random.between(150, 800)]),
    diesOnce: random.chance(0.1),
    initType: random.pick(["on-demand", "on-demand", "provisioned-concurrency", "snap-start"]),
    freeze: random.chance(0.5),
    initLines: random.between(0, 20),
    lineLength: random.pick([10, 200, 2000]),
    invocations: Array.from({ length: random.between(0, 3) }, () => random.between(0, 30))
  }
}

/** Builds the layer under this name, which its port comes from: two that run at once need two names. */
export const build = Effect.fnUntraced(function* (name: string, folder: string) {
  const settings: LayerConfig.Settings = {
    name,
    start: "eager",
    arch: process.arch === "arm64" ? "arm64" : "x64",
    out: join(folder, name)
  }
  const config = yield* LayerConfig.resolve(join(import.meta.dirname, "program.ts"), settings)
  const { layers } = yield* withBundle(Build.run(config, { check: false, zip: false }))
  const [layer] = layers
  return layer === undefined ? yield* Effect.die(`${name} was not built`) : layer.directory
})

export interface Outcome {
  /** Deliveries that nobody took. */
  readonly refused: number
  /** Records at the backend, from platform.initStart on. */
  readonly arrived: number
  /** Records that the platform or the extension counts as lost. */
  readonly counted: number
  /** Records that are neither at the backend nor counted. */
  readonly missing: ReadonlyArray<string>
  /** Records that the backend has more often than they were made, without a reason. */
  readonly doubled: ReadonlyArray<string>
  /** Records that came twice, since the answer to their first delivery was lost: the platform sends such a batch again. */
  readonly repeated: number
  /** Anything else that is not as it should be. */
  readonly problems: ReadonlyArray<string>
  readonly entries: ReadonlyArray<Journal.JournalEntry>
}

const idOf = (line: string): string | undefined => /@([-0-9a-f]{36})@/.exec(line)?.[1]

/** The records that the platform had to deliver, by the journal: a key for each record, as often as the record exists. */
const made = (entries: ReadonlyArray<Journal.JournalEntry>): ReadonlyArray<string> =>
  entries.flatMap((entry) => {
    switch (entry._tag) {
      case "InitStarted":
        return [`platform.initStart ${entry.phase}`]
      case "InvocationStarted":
        return [`platform.start ${entry.requestId}`]
      case "InvocationDelivered":
        return [`platform.runtimeDone ${entry.requestId}`]
      case "InvocationDone":
        return [`platform.report ${entry.requestId}`]
      case "Output": {
        const id = entry.source === "runtime" ? idOf(entry.line) : undefined
        return id === undefined ? [] : [`line ${id}`]
      }
      default:
        return []
    }
  })

const keyOf = (text: string): string => {
  const { record, type } = JSON.parse(text)
  if (type === "function") return `line ${idOf(String(record))}`
  return `${type} ${record.requestId ?? record.phase ?? ""}`
}

const countOf = (keys: ReadonlyArray<string>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

/** Keys that are more often in the first than in the second. */
const more = (first: ReadonlyArray<string>, second: ReadonlyArray<string>): ReadonlyArray<string> => {
  const counts = countOf(second)
  return [...countOf(first)].filter(([key, count]) => count > (counts.get(key) ?? 0)).map(([key]) => key)
}

const lostOf = (entries: ReadonlyArray<Journal.JournalEntry>): number => {
  let lost = 0
  for (const entry of entries) {
    if (entry._tag === "TelemetryDropped") lost += entry.records
    if (entry._tag !== "Output" || entry.source === "runtime") continue
    const line = LogLine.read(entry.line)
    const event = line === undefined ? undefined : LogEvent.of(line)
    if (event?.["event.name"] !== "lambda_extension.telemetry_accounting") continue
    const { consumers, droppedByLambda, undecodable } = event.accounting
    lost += droppedByLambda.records + undecodable
    for (const { droppedByQueue, droppedBySink, unsent } of consumers) lost += droppedByQueue + droppedBySink + unsent
  }
  return lost
}

/** Plays a start to its end. */
export const play = Effect.fnUntraced(function* (opt: string, { invocations, lineLength, ...chosen }: Plan) {
  const receiver = yield* Receiver.make()
  const died = join(opt, "died")
  rmSync(died, { force: true })
  const emulator = yield* Emulator.make({
    extensions: { opt },
    function: { handler: join(import.meta.dirname, "handler.mjs") },
    initType: chosen.initType,
    freeze: chosen.freeze,
    timeout: 20_000,
    environment: {
      EFFECT_LAMBDA_NODE: process.execPath,
      TELEMETRY_URL: receiver.url,
      LATE_MS: String(chosen.lateMillis),
      DIES_ONCE: chosen.diesOnce ? died : "",
      INIT_LINES: String(chosen.initLines),
      LINE_LENGTH: String(lineLength)
    }
  })
  const { invoke, journal, shutdown } = emulator
  const init = yield* journal.waitFor(Journal.is("InitEnded"), "1 minute")
  const problems: Array<string> = []
  if (!chosen.diesOnce && init.status !== "success") problems.push(`init: ${init.status} ${init.errorType}`)
  for (const lines of invocations) {
    const { requestId } = yield* invoke(JSON.stringify({ lines, length: lineLength }))
    const done = yield* journal.waitFor(
      Journal.is("InvocationDone", (done) => done.requestId === requestId),
      "1 minute"
    )
    if (!chosen.diesOnce && done.status !== "success") problems.push(`invocation: ${done.status} ${done.errorType}`)
  }
  yield* shutdown()
  const entries = yield* journal.entries
  const keys = receiver.accepted().map(keyOf)
  const missing = more(made(entries), keys)
  const counted = lostOf(entries)
  if (chosen.diesOnce && !existsSync(died)) problems.push("the program did not die")
  // A poll beside that of the stub, or a second subscription, is refused or taken, and both are in the journal.
  // The function's answer to an invocation whose extension has died is refused too, and rightly.
  const isOfRuntime = (path: string) => path.includes("/runtime/")
  for (const { errorType, path } of entries.filter(Journal.is("ApiRefused", ({ path }) => !isOfRuntime(path)))) {
    problems.push(`refused: ${path} ${errorType}`)
  }
  const subscribed = entries.filter(Journal.is("TelemetrySubscription", ({ state }) => state === "Subscribed"))
  if (subscribed.length !== 1) problems.push(`${subscribed.length} subscriptions`)
  const doubled = more(keys, made(entries)).filter((key) =>
    /^(line|platform\.(start|runtimeDone|report|initStart)) /.test(key)
  )
  const unanswered = Journal.is("TelemetryNotDelivered", ({ problem }) => !problem.includes("ECONNREFUSED"))
  const repeated = entries.filter(unanswered).reduce((sum, { records }) => sum + records, 0)
  const outcome: Outcome = {
    refused: entries.filter(Journal.is("TelemetryNotDelivered")).length,
    arrived: keys.length,
    counted,
    missing: missing.length > counted ? missing : [],
    doubled: doubled.length > repeated ? doubled : [],
    repeated: doubled.length > repeated ? 0 : doubled.length,
    problems,
    entries
  }
  return outcome
}, Effect.scoped)
