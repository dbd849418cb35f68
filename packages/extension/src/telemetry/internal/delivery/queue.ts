/** The queue of one consumer, bounded in records and in memory. */
import * as Effect from "effect/Effect"
import type { TelemetryEvent } from "../../TelemetryEvent.ts"
import { measured } from "../record/encoding.ts"
import type { Sizes } from "../record/body.ts"

/** The largest number of records, and of bytes. */
export interface Bounds {
  readonly maxRecords: number
  readonly maxBytes: number
}

/** What records take. */
export interface Most {
  readonly bytes: number
  readonly held: number
}

/** Records that are not measured yet: the bound of what they take, and how to measure them. */
export interface Unmeasured {
  readonly most: Most
  readonly body: { readonly sizes: () => Sizes }
}

interface Segment {
  readonly events: ReadonlyArray<TelemetryEvent>
  readonly at: number
  /** Present until the events have been measured. */
  readonly whole?: Unmeasured | undefined
  /** What each event takes, if that is known without the text of each. */
  readonly sizes?: Sizes | undefined
}

const sizeOf = (event: TelemetryEvent, index: number, sizes: Sizes | undefined): Most => {
  const bytes = sizes?.bytes[index]
  const held = sizes?.held[index]
  return bytes === undefined || held === undefined ? measured(event) : { bytes, held }
}

const sizesOf = (events: ReadonlyArray<TelemetryEvent>): Sizes => {
  const written = events.map(measured)
  return { bytes: written.map(({ bytes }) => bytes), held: written.map(({ held }) => held) }
}

const sizesFrom = ({ bytes, held }: Sizes, from: number): Sizes => ({
  bytes: bytes.slice(from),
  held: held.slice(from)
})

// The brackets of a JSON array; a body of lines has none.
const emptyBody = 2

/**
 * The records that wait for one consumer, bounded in number and in the memory they take. The callback of a socket
 * fills the queue, so offering is a plain call. Records that do not fit are refused (the newest first) and the caller counts them.
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
  /** Something did not fit, and nothing was taken since. */
  #isFull = false
  readonly #waiting = new Set<() => void>()

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /** A record did not fit, and none was taken since. A body that is not measured is refused as a whole then. */
  get isFull(): boolean {
    return this.#isFull
  }

  /** When the oldest record arrived, epoch milliseconds; `undefined` if none waits. */
  get oldestAt(): number | undefined {
    return this.#segments[0]?.at
  }

  /** The records that wait, the oldest first. */
  get events(): ReadonlyArray<TelemetryEvent> {
    return this.#segments.flatMap(({ events }) => events)
  }

  /** Whether all of these would be taken now. */
  fits(events: ReadonlyArray<TelemetryEvent>): boolean {
    const held = events.reduce((sum, event) => sum + measured(event).held, 0)
    if (this.held + held > this.#bounds.maxBytes) this.#measure()
    const areRecordsFitting = this.records + events.length <= this.#bounds.maxRecords
    return !this.isEnded && areRecordsFitting && this.held + held <= this.#bounds.maxBytes
  }

  /** Time to take something, whatever a whole batch is. */
  get isHalfFull(): boolean {
    if (this.held * 2 >= this.#bounds.maxBytes) this.#measure()
    return this.records * 2 >= this.#bounds.maxRecords || this.held * 2 >= this.#bounds.maxBytes
  }

  /** How many of the records were refused. `known`: the body that they are, or what each takes, if that is known. */
  offer(events: ReadonlyArray<TelemetryEvent>, at: number, known: Pick<Segment, "whole" | "sizes"> = {}): number {
    const { whole } = known
    const most = whole?.most
    if (this.isEnded || events.length === 0) return events.length
    // In a flood, measuring would cost more than it is worth: there is room for less than a record.
    if (most !== undefined && this.#isFull) {
      this.refused += events.length
      return events.length
    }
    const areRecordsFitting = this.records + events.length <= this.#bounds.maxRecords
    if (this.held + (most?.held ?? Infinity) > this.#bounds.maxBytes) this.#measure()
    if (most !== undefined && areRecordsFitting && this.held + most.held <= this.#bounds.maxBytes) {
      this.#push({ events, at, whole }, most)
      return 0
    }
    const sizes = known.sizes ?? whole?.body.sizes()
    let fitting = 0
    let bytes = 0
    let held = 0
    for (const event of events) {
      const size = sizeOf(event, fitting, sizes)
      if (this.records + fitting >= this.#bounds.maxRecords || this.held + held + size.held > this.#bounds.maxBytes)
        break
      bytes += size.bytes + 1
      held += size.held
      fitting++
    }
    const accepted = fitting === events.length ? events : events.slice(0, fitting)
    if (fitting > 0) this.#push({ events: accepted, at, sizes }, { bytes, held })
    this.#isFull = fitting < events.length
    this.refused += events.length - fitting
    return events.length - fitting
  }

  #push(segment: Segment, { bytes, held }: Most): void {
    this.#segments.push(segment)
    this.records += segment.events.length
    this.bytes += bytes
    this.held += held
    this.#notify()
  }

  /** Measures the records. Measuring costs time, so it is done only when it makes a difference. */
  #measure(): void {
    this.#segments.forEach(({ at, events, whole }, index) => {
      if (whole === undefined) return
      const sizes = whole.body.sizes()
      this.bytes -= whole.most.bytes
      this.held -= whole.most.held
      for (const bytes of sizes.bytes) this.bytes += bytes + 1
      for (const held of sizes.held) this.held += held
      this.#segments[index] = { events, at, sizes }
    })
  }

  /** The oldest records whose body is within the bounds; at least one if any waits, however large. */
  take(bounds: Bounds): ReadonlyArray<TelemetryEvent> {
    let taken: Array<TelemetryEvent> = []
    let body = emptyBody
    let leaving = 0
    let isFull = false
    while (!isFull && taken.length < bounds.maxRecords && this.#segments[0] !== undefined) {
      const { at, events, sizes, whole } = this.#segments[0]
      if (whole !== undefined) {
        const { most } = whole
        if (body + most.bytes > bounds.maxBytes) {
          this.#measure()
          continue
        }
        const room = bounds.maxRecords - taken.length
        for (const event of room < events.length ? events.slice(0, room) : events) taken.push(event)
        body += most.bytes
        if (room < events.length) {
          // The rest is charged for all of them.
          const restSizes = () => sizesFrom(whole.body.sizes(), room)
          this.#segments[0] = { events: events.slice(room), at, whole: { most, body: { sizes: restSizes } } }
          continue
        }
        this.held -= most.held
        leaving += most.bytes
        this.#segments.shift()
        continue
      }
      const { bytes, held } = sizes ?? sizesOf(events)
      const before = taken.length
      let from = 0
      let heldTaken = 0
      for (; from < events.length; from++) {
        const size = (bytes[from] ?? 0) + 1
        isFull = before + from >= bounds.maxRecords || (before + from > 0 && body + size > bounds.maxBytes)
        if (isFull) break
        body += size
        leaving += size
        heldTaken += held[from] ?? 0
      }
      this.held -= heldTaken
      const part = events.slice(0, from)
      if (before === 0) taken = part
      else for (const event of part) taken.push(event)
      // The taken records are left out, or they would stay in memory.
      if (from === events.length) this.#segments.shift()
      else if (from > 0) {
        this.#segments[0] = { events: events.slice(from), at, sizes: sizes && sizesFrom(sizes, from) }
      }
    }
    this.records -= taken.length
    this.bytes -= leaving
    if (taken.length > 0) {
      this.#isFull = false
      this.#notify()
    }
    return taken
  }

  /** Refuses every record from now on; waiting records can still be taken. */
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
