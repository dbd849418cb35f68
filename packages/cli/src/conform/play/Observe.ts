/** Facts of a run, for the judgements of several scenarios. */
import * as Journal from "@effect-lambda/emulator/Journal"
import type { EntryOf, JournalEntry, Source } from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as ExtensionName from "../../emulate/summary/ExtensionName.ts"
import * as ExtensionOutcomes from "../../emulate/summary/ExtensionOutcomes.ts"
import * as Judgement from "./Judgement.ts"
import type { Command, Held, Run } from "./Scenario.ts"

/** The process of this extension that was started last. */
export const processOf = (entries: ReadonlyArray<JournalEntry>, name: string) =>
  entries.findLast(Journal.is("ProcessStarted", ({ source }) => ExtensionName.of(source) === name))

/** The first extension of these that ended outside of a shutdown, which is a crash with any exit code. */
export const crashOf = (
  entries: ReadonlyArray<JournalEntry>,
  names: ReadonlyArray<string>
): { readonly sentence: string; readonly entry: EntryOf<"ProcessExited"> } | undefined => {
  let isShuttingDown = false
  for (const entry of entries) {
    if (entry._tag === "ShutdownStarted") isShuttingDown = true
    if (entry._tag === "ShutdownEnded") isShuttingDown = false
    if (entry._tag !== "ProcessExited" || isShuttingDown || !names.includes(ExtensionName.of(entry.source))) continue
    return { sentence: `${ExtensionName.of(entry.source)} ended with ${ExtensionOutcomes.howOf(entry)}`, entry }
  }
  return undefined
}

/** The sentence for an invocation that did not succeed. */
export const failureOf = ({ errorType, status }: EntryOf<"InvocationDone">): string =>
  status === "timeout" ? "was held until the function's timeout" : `ended with ${errorType ?? status}`

/**
 * Invocations that print nothing, in which the lines of earlier ones arrive: a buffer of the default time becomes full,
 * and an extension that sends at the next event has one.
 */
export const drain: ReadonlyArray<Command> = [{ lines: 0, sleepMs: 1200 }, { lines: 0 }]

/**
 * Invokes with these commands, and gives the harm that the function has from the extension. The function itself fails
 * only where its command says so.
 *
 * @param after the situation, as the end of a sentence: `after a lost poll`
 */
export const harmOf = Effect.fnUntraced(function* (run: Run, commands: ReadonlyArray<Command>, after: string) {
  for (const [index, command] of commands.entries()) {
    const done = yield* run.invoke(command)
    const crash = crashOf(yield* run.entries, run.names)
    if (crash !== undefined) return Judgement.fail(`${crash.sentence} ${after}`, crash.entry)
    if (done.status !== "success" && (command.end ?? "return") === "return") {
      return Judgement.fail(`invocation ${index + 1} ${failureOf(done)} ${after}`, done)
    }
  }
  return undefined
})

/**
 * Invokes three times, and judges whether the extension still works then.
 *
 * @param after the situation, as the end of a sentence: `after a lost poll`
 */
export const worksOn = Effect.fnUntraced(function* (run: Run, after: string) {
  const harm = yield* harmOf(run, [{}, {}, {}], after)
  if (harm !== undefined) return harm
  const entries = yield* run.entries
  return Judgement.pass(`it called next again ${after}`, entries.findLast(Journal.is("NextCalled")))
})

/** Whether the time for which an invocation was held is known to be over or below the limit. */
const isClear = ({ leastMs, mostMs }: Held, limitMs: number): boolean => leastMs >= limitMs || mostMs < limitMs

/**
 * Judges the time for which these invocations were held. Those that a busy machine may have made longer do not count.
 *
 * @param when the situation, as the end of a sentence: `while the backend was slow`
 */
export const judgeHeld = (
  run: Pick<Run, "held">,
  invocations: ReadonlyArray<EntryOf<"InvocationDone">>,
  limitMs: number,
  when = ""
): Judgement.Judgement => {
  const clear = invocations
    .filter((done) => isClear(run.held(done), limitMs))
    .toSorted((a, b) => run.held(b).leastMs - run.held(a).leastMs)
  const [longest] = clear
  const after = `after the function was done${when === "" ? "" : ` ${when}`}`
  if (longest === undefined && invocations.length > 0) {
    const measured = invocations.map((done) => run.held(done).mostMs).join(", ")
    return Judgement.tooBusy(`it held invocations for ${measured} ms ${after}, part of which it had no processor`)
  }
  const ms = longest === undefined ? 0 : run.held(longest).leastMs
  return (ms < limitMs ? Judgement.pass : Judgement.warn)(`it held an invocation for ${ms} ms ${after}`, longest)
}

/** The tokens of the lines that the function printed. */
export const printedTokens = (entries: ReadonlyArray<JournalEntry>): ReadonlyArray<string> =>
  entries.flatMap((entry) =>
    entry._tag === "Output" && entry.source === "runtime" ? (/conform-[0-9a-f]{8}-\d+/.exec(entry.line) ?? []) : []
  )

/**
 * The sequences of a terminal: colours, movements, titles and links. The pattern of `stripVTControlCharacters` goes to the end
 * of the line from each title that does not end, which takes hours for a hostile line.
 */
// oxlint-disable-next-line no-control-regex -- these begin and end a sequence
const sequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\))/g

const withoutSequences = (line: string): string => line.replace(sequences, "")

const lossWords = "lost|loss|drop(?:s|ped\\w*|ping)?|discard(?:ed\\w*|ing)?|unsent|not sent|undelivered|gave up"
const loss = new RegExp(`\\b(?:${lossWords})\\b`, "i")

const failureWords = "fail(?:ed|ure|s)?|errors?|cannot|could not|unable"
const sendWords = "(?:send|export|upload|post|deliver|flush|forward|publish)\\w*"
const failedSend = new RegExp(
  `\\b(?:${failureWords})\\b.{0,60}\\b${sendWords}|\\b${sendWords}.{0,60}\\b(?:${failureWords})\\b`,
  "i"
)

/** Words such as `0 dropped`, `no records were lost`, `dropped=0` and `"lost":0`. */
const words = `${lossWords}|${failureWords}`
const noLoss = new RegExp(
  `\\b(?:0|no|none|nothing)\\s+(?:\\w+\\s+){0,2}(?:${words})\\b|\\b(?:${words})\\b\\W{1,4}0\\b(?![.,]\\d)`,
  "gi"
)

/**
 * A line of an extension that says a loss, with the number of lost records or without, or a send that failed. A loss of
 * nothing is none.
 */
export const saysLoss = (line: string): boolean => {
  const text = withoutSequences(line).replace(noLoss, "")
  return loss.test(text) || failedSend.test(text)
}

/** The first line of these extensions that says a loss. */
export const saidLoss = (entries: ReadonlyArray<JournalEntry>, names: ReadonlyArray<string>) =>
  entries.find(Journal.is("Output", ({ line, source }) => names.includes(ExtensionName.of(source)) && saysLoss(line)))

/**
 * Judges what of the printed lines did not reach the sink. A loss that is said is a warning.
 *
 * @param since the index in the journal from which on lines count
 */
export const judgeLoss = Effect.fnUntraced(function* (run: Run, since = 0) {
  const entries = yield* run.entries
  const arrived = yield* run.sink.tokens
  const printed = printedTokens(entries.filter(({ index }) => index >= since))
  const lost = printed.filter((token) => !arrived.has(token))
  const [first] = lost
  if (first === undefined) return Judgement.pass(`all ${printed.length} lines of the function arrived at the sink`)
  // An extension that cannot send may write the records to its own log.
  const isWritten = ({ line, source }: EntryOf<"Output">) =>
    run.names.includes(ExtensionName.of(source)) && line.includes(first)
  const said = saidLoss(entries, run.names) ?? entries.find(Journal.is("Output", isWritten))
  const sentence = `${lost.length} of ${printed.length} lines of the function never arrived at the sink`
  return said === undefined
    ? Judgement.fail(`${sentence}, and no line of the extension says so`)
    : Judgement.warn(`${sentence}, which the extension says: ${withoutSequences(said.line).trim().slice(0, 200)}`, said)
})

/** The answer of a listener that makes the platform send the batch again. */
export const isRefusedBatch = Journal.is("TelemetryNotDelivered", ({ problem }) =>
  problem.startsWith("the listener answered")
)

/**
 * Judges what became of the telemetry: by the lines at the sink, or, if none arrives there, by the batches that the
 * listener refused.
 *
 * @param when the situation, as the end of a sentence: `after lines of JSON`
 */
export const judgeTaking = Effect.fnUntraced(function* (run: Run, when: string) {
  if (run.traits.sendsLines) return yield* judgeLoss(run)
  const entries = yield* run.entries
  const refused = entries.find(isRefusedBatch)
  if (refused !== undefined) {
    const dropped = entries.findLast(Journal.is("TelemetryDropped", ({ source }) => source === refused.source))
    const sentence = `${refused.problem} ${when}`
    return dropped === undefined || saidLoss(entries, run.names) !== undefined
      ? Judgement.warn(sentence, refused)
      : Judgement.fail(`${sentence}, and ${dropped.records} records never arrived at it`, refused, dropped)
  }
  return run.traits.subscriptions.some(({ types }) => types.includes("function"))
    ? Judgement.notTestable(
        `its listener took every batch ${when}, but no line arrives at the sink, so a loss behind it cannot be seen`
      )
    : Judgement.pass(`its listener took every batch ${when}`)
})

/** Judges how the extensions ended after the last SHUTDOWN that they were given. */
export const judgeEnd = (entries: ReadonlyArray<JournalEntry>, names: ReadonlyArray<string>, reason: string) => {
  for (const name of names) {
    const isOf = (source: Source) => ExtensionName.of(source) === name
    const told = entries.findLast(
      Journal.is("EventDelivered", ({ eventType, source }) => eventType === "SHUTDOWN" && isOf(source))
    )
    if (told === undefined) {
      const stop = entries.findLast(Journal.is("Killed", ({ source }) => isOf(source)))
      return Judgement.warn(`${name} was still busy, never fetched SHUTDOWN ${reason}, and was killed`, stop)
    }
    const again = entries.find(Journal.is("NextCalled", ({ index, source }) => index > told.index && isOf(source)))
    const exit = entries.find(Journal.is("ProcessExited", ({ index, source }) => index > told.index && isOf(source)))
    const killed = entries.find(
      Journal.is("Killed", ({ index, signal, source }) => index > told.index && signal === "SIGKILL" && isOf(source))
    )
    if (killed !== undefined && again !== undefined) {
      return Judgement.warn(
        `${name} asked for another event after SHUTDOWN ${reason}, and was killed`,
        told,
        again,
        killed
      )
    }
    if (killed !== undefined)
      return Judgement.warn(`${name} did not end by itself after SHUTDOWN ${reason}, and was killed`, told, killed)
    if (exit !== undefined && (exit.status._tag !== "Code" || exit.status.code !== 0)) {
      return Judgement.warn(
        `${name} ended its shutdown with ${ExtensionOutcomes.howOf(exit)}; Lambda expects code 0`,
        told,
        exit
      )
    }
  }
  const last = entries.findLast(Journal.is("ProcessExited", ({ source }) => names.includes(ExtensionName.of(source))))
  return Judgement.pass(`it ended by itself with code 0 after SHUTDOWN ${reason}`, last)
}
