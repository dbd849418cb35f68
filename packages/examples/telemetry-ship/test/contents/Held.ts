/** For how long a flush held each invocation after the function's own end. Pure but for `watch`. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { extension, type Plan } from "./Plan.ts"

/** A wait for the machine: its end, and how long it was. */
export interface Wait {
  readonly at: number
  readonly millis: number
}

export interface Held {
  readonly plan: Plan
  /** From the function's end, or from the event if that came later, to the call of next. */
  readonly millis: number
  /** The time that the plan gives to a flush. */
  readonly flushMillis: number
  /** The part until Lambda had delivered the records of the function's end. */
  readonly untilToldMillis: number
  /** The part in which a process waited for the machine. */
  readonly machineMillis: number
}

/** A fault at the poll of the extension. */
const isAtPoll = Journal.is(
  "FaultInjected",
  ({ fault, target }) =>
    target === extension &&
    (fault._tag === "Status" || fault._tag === "DropParkedNext" || ("route" in fault && fault.route === "next"))
)

/** The time that waits cover between two moments; waits of two processes at once count once. */
const covered = (waits: ReadonlyArray<Wait>, start: number, end: number): number => {
  let sum = 0
  let from = start
  for (const { at, millis } of waits.toSorted((one, other) => one.at - other.at)) {
    const begin = Math.max(at - millis, from)
    const until = Math.min(at, end)
    if (until <= begin) continue
    sum += until - begin
    from = until
  }
  return sum
}

/**
 * The invocations that succeeded, without those whose poll a fault took: there the wait before the next try holds too.
 *
 * @param told when the record of the function's end reached the extension, by request id
 */
export const of = (
  plan: Plan,
  entries: ReadonlyArray<JournalEntry>,
  waits: ReadonlyArray<Wait>,
  told: ReadonlyMap<string, number>
): ReadonlyArray<Held> =>
  entries.filter(Journal.is("RuntimeDone")).flatMap((done) => {
    const succeeded = entries.some(
      (entry) => entry._tag === "InvocationDone" && entry.requestId === done.requestId && entry.status === "success"
    )
    const delivered = entries.find(
      (entry) => entry._tag === "EventDelivered" && entry.source === extension && entry.requestId === done.requestId
    )
    if (!succeeded || delivered?._tag !== "EventDelivered" || delivered.lost) return []
    const next = entries.find(
      (entry) => entry._tag === "NextCalled" && entry.source === extension && entry.index > delivered.index
    )
    if (next === undefined) return []
    const faults = entries
      .filter(isAtPoll)
      .filter(({ at, index }) => index > delivered.index && at <= next.at)
      .map(({ fault }) => fault)
    if (faults.some(({ _tag }) => _tag !== "Slow")) return []
    const delay = faults.reduce((sum, fault) => sum + (fault._tag === "Slow" ? Duration.toMillis(fault.delay) : 0), 0)
    const start = Math.max(done.at, delivered.at + delay)
    const delivery = entries.find((entry) => entry._tag === "TelemetryDelivered" && entry.index > done.index)
    // A piece of TCP may end within the record.
    const toldAt = told.get(done.requestId) ?? delivery?.at ?? next.at
    return [
      {
        plan,
        millis: Math.max(0, next.at - start),
        flushMillis: plan.settings.flushMillis,
        untilToldMillis: Math.max(0, Math.min(next.at, toldAt) - start),
        machineMillis: covered(waits, start, next.at)
      }
    ]
  })

const everyMillis = 5

/** Writes down how late a timer of this process is, until the scope is closed: the emulator and the backend answer late then. */
export const watch = Effect.gen(function* () {
  const waits: Array<Wait> = []
  let last = Date.now()
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      setInterval(() => {
        const now = Date.now()
        if (now - last - everyMillis > 2) waits.push({ at: now, millis: now - last - everyMillis })
        last = now
      }, everyMillis)
    ),
    (timer) => Effect.sync(() => clearInterval(timer))
  )
  return waits
})
