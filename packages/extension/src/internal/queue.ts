import * as Effect from "effect/Effect"
import type { TelemetryEvent } from "../TelemetryEvent.ts"
import { memoryOf, sizeOf } from "./written.ts"

/** At most so many records, and so many bytes. */
export interface Bounds {
  readonly maxRecords: number
  readonly maxBytes: number
}

interface Segment {
  readonly events: ReadonlyArray<TelemetryEvent>
  readonly at: number
}

// Of a JSON array; a body of lines has none.
const emptyBody = 2

/**
 * The records that wait for one consumer, bounded in number and in the memory they take. It is written from the callback of a
 * socket, so offering is a plain call; what does not fit is refused (the newest first) and the caller counts it.
 */
export class Queue {
  records = 0
  /** The body that the records would make: their texts, a separator after each, and two brackets. */
  bytes = emptyBody
  /** The memory they take. */
  held = 0
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
    return this.records * 2 >= this.#bounds.maxRecords || this.held * 2 >= this.#bounds.maxBytes
  }

  /** How many of the records were refused. */
  offer(events: ReadonlyArray<TelemetryEvent>, at: number): number {
    if (this.isEnded) return events.length
    let fitting = 0
    while (fitting < events.length && this.records < this.#bounds.maxRecords) {
      const event = events[fitting]
      if (event === undefined) break
      const held = memoryOf(event)
      if (this.held + held > this.#bounds.maxBytes) break
      this.records++
      this.bytes += sizeOf(event) + 1
      this.held += held
      fitting++
    }
    if (fitting > 0) {
      const accepted = fitting === events.length ? events : events.slice(0, fitting)
      this.#segments.push({ events: accepted, at })
      this.#notify()
    }
    this.refused += events.length - fitting
    return events.length - fitting
  }

  /** The oldest records whose body is within the bounds; at least one where there is one, however large. */
  take(bounds: Bounds): ReadonlyArray<TelemetryEvent> {
    const taken: Array<TelemetryEvent> = []
    let body = emptyBody
    let isFull = false
    while (!isFull && this.#segments[0] !== undefined) {
      const { at, events } = this.#segments[0]
      let from = 0
      for (const event of events) {
        const size = sizeOf(event) + 1
        isFull = taken.length >= bounds.maxRecords || (taken.length > 0 && body + size > bounds.maxBytes)
        if (isFull) break
        body += size
        this.held -= memoryOf(event)
        taken.push(event)
        from++
      }
      // Without those that are taken, or they would stay in memory.
      if (from === events.length) this.#segments.shift()
      else if (from > 0) this.#segments[0] = { events: events.slice(from), at }
    }
    this.records -= taken.length
    this.bytes -= body - emptyBody
    if (taken.length > 0) this.#notify()
    return taken
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
