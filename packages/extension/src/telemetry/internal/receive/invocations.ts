/** The last invocations, as telemetry tells of them. */
import * as Deferred from "effect/Deferred"
import type { InvokeEvent } from "../../../ExtensionEvent.ts"
import type * as PlatformEvent from "../../PlatformEvent.ts"

type Start = typeof PlatformEvent.Start.Type
type RuntimeDone = typeof PlatformEvent.RuntimeDone.Type

/** The facts from telemetry about one attempt at an invocation. */
export interface Invocation {
  /** Whether the invocation was attempted before: an end without a start then belongs to the attempt before. */
  readonly isRepeated: boolean
  /** The time in the start of the attempt before, which Lambda may deliver again. */
  readonly startedBefore: string | undefined
  /** The time in the start of this attempt, after it was seen. */
  startedAt: string | undefined
  /** The deadline in its INVOKE, after it was seen. */
  deadlineMs: number | undefined
  /** The end of this attempt. `done` tells it to waiting fibers, after the records before it have been passed on. */
  end: RuntimeDone | undefined
  readonly done: Deferred.Deferred<RuntimeDone>
}

// Lambda runs one invocation at a time; more are kept for records that come late.
const remembered = 64

/**
 * The last invocations, at least 64 of them and the one that runs. Lambda repeats a failed
 * asynchronous invocation under the same id, often in the same environment. A
 * start after an end is a new attempt, and so is an INVOKE with a later
 * deadline.
 *
 * Two maps take turns: a single map that forgets as fast as it learns leaves
 * its old tables to the slowest kind of garbage collection, as a flood shows.
 */
export class Invocations {
  #recent = new Map<string, Invocation>()
  #older = new Map<string, Invocation>()
  /** The invocation that runs, which fibers wait for: records that come late, of however many others, must not push it out. */
  #running: { readonly requestId: string; invocation: Invocation } | undefined

  /** The last attempt that is known. */
  of(requestId: string): Invocation {
    if (this.#running?.requestId === requestId) return this.#running.invocation
    return this.#recent.get(requestId) ?? this.#older.get(requestId) ?? this.#add(requestId)
  }

  /** The attempt that this event announces. */
  invoked({ deadlineMs, requestId }: InvokeEvent): Invocation {
    const last = this.of(requestId)
    const isLater = last.deadlineMs !== undefined && deadlineMs > last.deadlineMs
    const invocation = isLater ? this.#add(requestId, last) : last
    invocation.deadlineMs ??= deadlineMs
    this.#running = { requestId, invocation }
    return invocation
  }

  started({ record: { requestId }, time }: Start): void {
    const last = this.of(requestId)
    if (time === last.startedAt || time === last.startedBefore) return
    const invocation = last.end !== undefined ? this.#add(requestId, last) : last
    invocation.startedAt = time
  }

  /** The attempt that has ended now, if the record tells which attempt that is. */
  ended(end: RuntimeDone): Invocation | undefined {
    const last = this.of(end.record.requestId)
    if (last.isRepeated && last.startedAt === undefined) return undefined
    // The event itself knows the body that it came in, which would stay in memory with the invocation.
    last.end ??= { ...end }
    return last
  }

  #add(requestId: string, before?: Invocation): Invocation {
    if (this.#recent.size === remembered) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    const added: Invocation = {
      isRepeated: before !== undefined,
      startedBefore: before?.startedAt,
      startedAt: undefined,
      deadlineMs: undefined,
      end: undefined,
      done: Deferred.makeUnsafe()
    }
    this.#recent.set(requestId, added)
    if (this.#running?.requestId === requestId) this.#running.invocation = added
    return added
  }
}
