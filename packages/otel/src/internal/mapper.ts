/**
 * The one fold behind the sinks of all signals. Records are folded in the order in which they came, when a sink first asks for
 * one of them, so that the function's SDK has had time to say which trace it made.
 *
 * A log changes nothing of the state. So what is kept of it is the state it came in and not its log record, which would double
 * what a waiting log takes.
 */
import * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import * as Mapping from "../Mapping.ts"
import * as Metrics from "../Metrics.ts"
import type { Signal } from "../OtelConfig.ts"

type Event = TelemetryEvent.TelemetryEvent

export interface Options {
  readonly settings: Mapping.MappingSettings
  readonly temporality: Metrics.Temporality
  readonly factsOf: (requestId: string) => Mapping.InvocationFacts
  /** The record to map in place of one that came; `undefined` if it is left out. */
  readonly prepare: (event: Event) => Event | undefined
}

/** A log until somebody wants its log record. */
class Deferred {
  readonly state: Mapping.State
  readonly context: Mapping.Context
  constructor(state: Mapping.State, context: Mapping.Context) {
    this.state = state
    this.context = context
  }
}

interface Body {
  readonly events: ReadonlyArray<Event>
  readonly observedAt: number
}

/** The type of the record with what is left at SHUTDOWN. */
export const endType = "otel.end"

// About what a span takes.
const bytesOfOne = 500

export const nothing: Mapping.Signals = { spans: [], metrics: [], logs: [] }

const isLog = ({ type }: Event) => type === "function" || type === "extension" || type === "undecodable"

export class Mapper {
  readonly #options: Options
  /** Bodies that are not folded yet, the oldest first. Their records wait in a queue, whose bounds hold for them. */
  #bodies: Array<Body> = []
  readonly #known = new WeakMap<Event, Mapping.Signals | Deferred>()
  #state = Mapping.initial
  #totals = Metrics.noTotals
  /** Logs whose time cannot be read; a batch that is sent again asks for them again. */
  readonly #badLogs = new WeakSet<Event>()
  #badTimesOfLogs = 0
  /** The errors that the program's own `prepare` threw: only the first is kept, until it is taken. */
  #defects: { readonly first: unknown; isTaken: boolean } | undefined

  constructor(options: Options) {
    this.#options = options
  }

  /** The name of the log stream, once `platform.initStart` has said it. */
  get instanceId(): string | undefined {
    return this.#state.instanceId
  }

  /** How many times of Lambda could not be read, in the records whose signals were asked for. */
  get badTimes(): number {
    return this.#state.badTimes + this.#badTimesOfLogs
  }

  /** The first error of `prepare`, once. */
  takeDefect(): { readonly first: unknown } | undefined {
    if (this.#defects === undefined || this.#defects.isTaken) return undefined
    this.#defects.isTaken = true
    return this.#defects
  }

  arrived(events: ReadonlyArray<Event>, observedAt: number): void {
    this.#bodies.push({ events, observedAt })
  }

  /** The signals of a record, the same however often they are asked for. */
  signalsOf(event: Event): Mapping.Signals {
    if (!this.#known.has(event)) this.#fold(event)
    const known = this.#known.get(event)
    if (known === undefined) return nothing
    if (!(known instanceof Deferred)) return known
    const prepared = this.#prepare(event)
    if (prepared === undefined) return nothing
    const [{ badTimes }, signals] = Mapping.step(known.state, prepared, known.context)
    if (badTimes > known.state.badTimes && !this.#badLogs.has(event)) {
      this.#badLogs.add(event)
      this.#badTimesOfLogs++
    }
    return signals
  }

  /** How many items of a signal a record became. A log is one log record, whatever is in it. */
  itemsOf(event: Event, signal: Signal): number {
    if (!this.#known.has(event)) this.#fold(event)
    const known = this.#known.get(event)
    if (known === undefined) return 0
    if (known instanceof Deferred) return signal === "logs" && this.#prepare(event) !== undefined ? 1 : 0
    return signal === "traces" ? known.spans.length : known[signal].length
  }

  /** The rest at SHUTDOWN, as a record like the others. */
  end(atMillis: number): Event {
    this.#fold(undefined)
    const signals = this.#counted(Mapping.end(this.#state, atMillis, this.#contextAt(atMillis)))
    const bytes = (signals.spans.length + signals.metrics.length + signals.logs.length) * bytesOfOne
    const event = TelemetryEvent.external({ type: endType, value: signals, bytes })
    this.#known.set(event, signals)
    return event
  }

  /** Folds body after body, up to the one with this record. */
  #fold(until: Event | undefined): void {
    // For all of them together, so that a log has the same trace as the span of its invocation.
    const factsOf = remembering(this.#options.factsOf)
    let folded = 0
    for (const { events, observedAt } of this.#bodies) {
      const context = this.#contextAt(observedAt, factsOf)
      let deferred = new Deferred(this.#state, context)
      for (const event of events) {
        if (deferred.state !== this.#state) deferred = new Deferred(this.#state, context)
        if (isLog(event)) this.#known.set(event, deferred)
        else this.#known.set(event, this.#step(event, context))
      }
      folded++
      if (until !== undefined && this.#known.has(until)) break
    }
    this.#bodies = this.#bodies.slice(folded)
  }

  #step(event: Event, context: Mapping.Context): Mapping.Signals {
    const prepared = this.#prepare(event)
    if (prepared === undefined) return nothing
    const [next, signals] = Mapping.step(this.#state, prepared, context)
    this.#state = next
    return this.#counted(signals)
  }

  #counted(signals: Mapping.Signals): Mapping.Signals {
    if (this.#options.temporality === "delta" || signals.metrics.length === 0) return signals
    const [totals, metrics] = Metrics.accumulate(this.#totals, signals.metrics)
    this.#totals = totals
    return { ...signals, metrics }
  }

  #contextAt(observedAt: number, factsOf = this.#options.factsOf): Mapping.Context {
    return { settings: this.#options.settings, observedAt, traceOf: factsOf }
  }

  /** A record that cannot be redacted must not leave the environment as it is. */
  #prepare(event: Event): Event | undefined {
    try {
      return this.#options.prepare(event)
    } catch (defect) {
      this.#defects ??= { first: defect, isTaken: false }
      return undefined
    }
  }
}

const remembering = (factsOf: Options["factsOf"]): Options["factsOf"] => {
  const known = new Map<string, Mapping.InvocationFacts>()
  return (requestId) => {
    const before = known.get(requestId)
    if (before !== undefined) return before
    const facts = factsOf(requestId)
    known.set(requestId, facts)
    return facts
  }
}
