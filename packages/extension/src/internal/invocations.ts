import * as Deferred from "effect/Deferred"
import type * as PlatformEvent from "../PlatformEvent.ts"

/** What telemetry has said of one invocation. */
export interface Invocation {
  isStarted: boolean
  readonly done: Deferred.Deferred<typeof PlatformEvent.RuntimeDone.Type>
}

// Lambda runs one invocation at a time; more are kept for records that come late.
const remembered = 64

/**
 * The last invocations, at least 64 of them. Two maps that take turns: one map
 * that forgets as fast as it learns leaves its old tables to the slowest kind
 * of garbage collection, which a flood shows.
 */
export class Invocations {
  #recent = new Map<string, Invocation>()
  #older = new Map<string, Invocation>()

  of(requestId: string): Invocation {
    const known = this.#recent.get(requestId) ?? this.#older.get(requestId)
    if (known !== undefined) return known
    if (this.#recent.size === remembered) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    const added: Invocation = { isStarted: false, done: Deferred.makeUnsafe() }
    this.#recent.set(requestId, added)
    return added
  }
}
