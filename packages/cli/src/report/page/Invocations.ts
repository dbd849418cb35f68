/**
 * The budget of each invocation: the time until the function's response, the time that extensions held it open, and
 * what was left of the timeout.
 *
 * @since 0.1.0
 */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as ExtensionName from "../../emulate/summary/ExtensionName.ts"

/**
 * An invocation; times are epoch milliseconds, and `undefined` if it did not come that far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Invocation {
  readonly number: number
  readonly requestId: string
  /** The position of its first entry. */
  readonly position: number
  readonly startedAt: number
  readonly deadlineMs: number
  readonly respondedAt: number | undefined
  readonly doneAt: number | undefined
  /** `open` if the journal ends before it. */
  readonly status: string
  readonly errorType: string | undefined
  /** The last extension that came back to next after the response. */
  readonly heldBy: string | undefined
  readonly maxMemoryBytes: number | undefined
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/**
 * The invocations of a journal, in their order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (journal: ReadonlyArray<JournalEntry>): ReadonlyArray<Invocation> => {
  const invocations: Array<Mutable<Invocation>> = []
  const running = new Map<string, Mutable<Invocation>>()
  /** The extensions that have an event and have not asked for the next one. */
  const busy = new Set<string>()
  journal.forEach((entry, position) => {
    switch (entry._tag) {
      case "InvocationStarted": {
        const invocation: Mutable<Invocation> = {
          number: invocations.length + 1,
          requestId: entry.requestId,
          position,
          startedAt: entry.at,
          deadlineMs: entry.deadlineMs,
          respondedAt: undefined,
          doneAt: undefined,
          status: "open",
          errorType: undefined,
          heldBy: undefined,
          maxMemoryBytes: undefined
        }
        invocations.push(invocation)
        running.set(entry.requestId, invocation)
        return
      }
      case "RuntimeResponded": {
        const invocation = running.get(entry.requestId)
        if (invocation === undefined) return
        invocation.respondedAt = entry.at
        if (entry.functionError !== undefined) invocation.errorType = entry.functionError
        return
      }
      case "EventDelivered":
        if (entry.eventType === "INVOKE") busy.add(ExtensionName.of(entry.source))
        return
      case "NextCalled": {
        if (entry.source === "runtime") return
        const name = ExtensionName.of(entry.source)
        busy.delete(name)
        for (const invocation of running.values()) if (invocation.respondedAt !== undefined) invocation.heldBy = name
        return
      }
      case "InvocationDone": {
        const invocation = running.get(entry.requestId)
        if (invocation === undefined) return
        running.delete(entry.requestId)
        invocation.doneAt = entry.at
        // A response with an error is a success for Lambda, and none for the one who invoked.
        invocation.status = entry.status === "success" && invocation.errorType !== undefined ? "error" : entry.status
        invocation.errorType = entry.errorType ?? invocation.errorType
        invocation.maxMemoryBytes = entry.maxMemoryBytes
        if (entry.status === "timeout" && invocation.respondedAt !== undefined && busy.size > 0) {
          invocation.heldBy = [...busy].join(", ")
        }
        busy.clear()
        return
      }
      default:
        return
    }
  })
  return invocations
}
