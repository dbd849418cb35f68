/** Whether a busy machine, and not the extension, may have made a verdict. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import type { Judgement } from "./Judgement.ts"
import type { StarvationWatch } from "./StarvationWatch.ts"

/** A process that was behind for longer may have missed a limit of Lambda for that. */
const behindMs = 1000

/** A process that was left with so much time had the default of a function. */
const enoughMs = 3000

/** The limits that the run has, in milliseconds. */
export interface LimitsMs {
  readonly timeout: number
  readonly init: number
}

/**
 * An act of the extension: it ends, polls, or asks for what is refused, however fast the machine is. The time for which an
 * invocation that succeeded was held is judged without that in which there was no processor.
 */
const isOwnAct = (entry: JournalEntry): boolean =>
  entry._tag === "ProcessExited" ||
  entry._tag === "NextCalled" ||
  entry._tag === "ApiRefused" ||
  (entry._tag === "InvocationDone" && entry.status === "success")

const limitOf = (entry: JournalEntry, { init, timeout }: LimitsMs): number => {
  if (entry._tag === "InvocationDone") return timeout
  return entry._tag === "InitEnded" ? init : enoughMs
}

/**
 * The milliseconds for which a process had no processor, if that may be why the verdict is bad; else nothing. A good
 * verdict of a busy machine is one all the more.
 */
export const of = (
  { at, status }: Judgement,
  journal: ReadonlyArray<JournalEntry>,
  limits: LimitsMs,
  watch: StarvationWatch
): number | undefined => {
  if (status !== "fail" && status !== "warn") return undefined
  const shown = journal.filter(({ index }) => at.includes(index))
  if (shown.some(isOwnAct)) return undefined
  const last = shown.at(-1)
  const limit = last === undefined ? enoughMs : limitOf(last, limits)
  const behind = last === undefined ? watch.worst() : watch.before(last.at, limit)
  return behind > Math.max(behindMs, limit - enoughMs) ? behind : undefined
}
