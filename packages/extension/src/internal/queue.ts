import * as Effect from "effect/Effect"
import type { TelemetryEvent } from "../TelemetryEvent.ts"

/** At most so many records, and so many bytes as they came over the wire. */
export interface Bounds {
  readonly maxRecords: number
  readonly maxBytes: number
}

interface Segment {
  readonly events: ReadonlyArray<TelemetryEvent>
  /** How many of `events` are taken already. */
  taken: number
  /** The share of one record in what was delivered. */
  readonly bytesEach: number
  readonly at: number
}

/**
 * The records that wait for one consumer, bounded in records and bytes. It is
 * written from the callback of a socket, so offering is a plain call; what does
 * not fit is refused (the newest first) and the caller counts it.
 */
export class Queue {
  records = 0
  bytes = 0
  /** How many records did not fit so far. */
  refused = 0
  isEnded = false
  readonly #bounds: Bounds
  readonly #segments: Array<Segment> = []
  readonly #waiting = new Set<() => void>()

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /** When the oldest record arrived, epoch milliseconds; `undefined` where nothing waits. */
  get oldestAt(): number | undefined {
    return this.#segments[0]?.at
  }

  /** Time to take something, whatever a whole batch is. */
  get isHalfFull(): boolean {
    return this.records * 2 >= this.#bounds.maxRecords || this.bytes * 2 >= this.#bounds.maxBytes
  }

  /** How many of the records were refused. */
  offer(events: ReadonlyArray<TelemetryEvent>, bytes: number, at: number): number {
    if (this.isEnded) return events.length
    const bytesEach = events.length === 0 ? 0 : bytes / events.length
    const byBytes = bytesEach === 0 ? events.length : Math.floor((this.#bounds.maxBytes - this.bytes) / bytesEach)
    const fitting = Math.max(0, Math.min(events.length, this.#bounds.maxRecords - this.records, byBytes))
    if (fitting > 0) {
      const accepted = fitting === events.length ? events : events.slice(0, fitting)
      this.#segments.push({ events: accepted, taken: 0, bytesEach, at })
      this.records += fitting
      this.bytes += fitting * bytesEach
      this.#notify()
    }
    this.refused += events.length - fitting
    return events.length - fitting
  }

  /** The oldest records within the bounds; at least one where there is one, however large. */
  take(bounds: Bounds): { readonly events: ReadonlyArray<TelemetryEvent>; readonly bytes: number } {
    const events: Array<TelemetryEvent> = []
    let bytes = 0
    // The first record may be larger than that, and nothing comes after it then.
    while (this.#segments[0] !== undefined && bytes <= bounds.maxBytes) {
      const segment = this.#segments[0]
      const rest = segment.events.length - segment.taken
      const byBytes = segment.bytesEach === 0 ? rest : Math.floor((bounds.maxBytes - bytes) / segment.bytesEach)
      const atLeast = events.length === 0 ? 1 : 0
      const count = Math.max(atLeast, Math.min(rest, bounds.maxRecords - events.length, byBytes))
      if (count === 0) break
      for (let index = segment.taken; index < segment.taken + count; index++) {
        const event = segment.events[index]
        if (event !== undefined) events.push(event)
      }
      bytes += count * segment.bytesEach
      segment.taken += count
      if (segment.taken < segment.events.length) break
      this.#segments.shift()
    }
    this.records -= events.length
    this.bytes = this.records === 0 ? 0 : this.bytes - bytes
    if (events.length > 0) this.#notify()
    return { events, bytes: Math.round(bytes) }
  }

  /** Refuses everything from now on; what waits can still be taken. */
  end(): void {
    this.isEnded = true
    this.#notify()
  }

  /** Completes as soon as `holds` is true; it is asked again whenever the queue changes. */
  when(holds: () => boolean): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (holds()) return resume(Effect.void)
      const ask = () => {
        if (!holds()) return
        this.#waiting.delete(ask)
        resume(Effect.void)
      }
      this.#waiting.add(ask)
      return Effect.sync(() => {
        this.#waiting.delete(ask)
      })
    })
  }

  #notify(): void {
    for (const ask of this.#waiting) ask()
  }
}
