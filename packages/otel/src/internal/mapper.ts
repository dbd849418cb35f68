/**
 * The one fold behind the sinks of all signals. Records are folded in the order in which they came, when a sink first asks for
 * one of them, so that the function's SDK has had time to say which trace it made.
 *
 * A log changes nothing of the state. So what is kept of it is the state it came in and not its log record, which would double
 * what a waiting log takes.
 */
import * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import * as Logs from "../Logs.ts"
import * as Mapping from "../Mapping.ts"
import * as Metrics from "../Metrics.ts"
import type { Signal } from "../OtelConfig.ts"
import { placeOfLog } from "./logPlace.ts"
import type { Line } from "./logsProtobuf.ts"
import { lineOf } from "./logValue.ts"
import { isTime, plainMillisOf } from "./time.ts"

type Event = TelemetryEvent.TelemetryEvent

export interface Options {
  readonly settings: Mapping.MappingSettings
  readonly temporality: Metrics.Temporality
  readonly factsOf: (requestId: string) => Mapping.InvocationFacts
  /** The record to map in place of one that came; `undefined` if it is left out. Default: the record. */
  readonly prepare: ((event: Event) => Event | undefined) | undefined
}

/** What the logs have in common that say the same request id, or none. */
interface Said {
  readonly id: string | undefined
  readonly place: Logs.Place
  /** The log record of a line, by its level as it is written. */
  likes?: Map<string | undefined, Logs.LogRecord>
}

// A program may use the name `requestId` for ids that never come again.
const mostSaid = 64

/** A row of logs until somebody wants their log records. */
class Deferred {
  readonly mapper: Mapper
  readonly state: Mapping.State
  readonly context: Mapping.Context
  /** By the request id that a log says. The facts of the context do not change. */
  readonly #said = new Map<string | undefined, Said>()
  #last: Said | undefined

  constructor(mapper: Mapper, state: Mapping.State, context: Mapping.Context) {
    this.mapper = mapper
    this.state = state
    this.context = context
  }

  /** A line of plain text; `undefined` for any other record, and for a line whose time has another form than Lambda's. */
  lineOf(event: Event): Line | undefined {
    if (event.type !== "function") return undefined
    const text = lineOf(event)
    const millis = plainMillisOf(event.time)
    if (text === undefined || millis === undefined) return undefined
    const said = this.saidBy(event)
    const likes = (said.likes ??= new Map())
    const level = TelemetryEvent.level(event)?.text
    let like = likes.get(level)
    if (like === undefined) {
      like = Logs.of(event, said.place)[0]
      if (like !== undefined) likes.set(level, like)
    }
    return like && { like, millis, text }
  }

  saidBy(event: Event): Said {
    const id = TelemetryEvent.requestId(event)
    if (this.#last !== undefined && id === this.#last.id) return this.#last
    let said = this.#said.get(id)
    if (said === undefined) {
      said = { id, place: placeOfLog(this.state, id, this.context) }
      if (this.#said.size === mostSaid) this.#said.clear()
      this.#said.set(id, said)
    }
    return (this.#last = said)
  }
}

// oxlint-disable-next-line no-extraneous-class -- a class whose constructor returns what it is given adds its fields to that
class Given {
  constructor(event: object) {
    return event
  }
}

/** What a log waits for, as a private field of the log: a `WeakMap` of 50,000 logs is slow, and work for the collector. */
class Waiting extends Given {
  #deferred: Deferred

  constructor(event: object, deferred: Deferred) {
    super(event)
    this.#deferred = deferred
  }

  /** Whether the log waits: a log that another mapper has does not. */
  static set(event: object, deferred: Deferred): boolean {
    if (!(#deferred in event)) {
      void new Waiting(event, deferred)
      return true
    }
    if (event.#deferred.mapper !== deferred.mapper) return false
    event.#deferred = deferred
    return true
  }

  static of(event: object): Deferred | undefined {
    return #deferred in event ? event.#deferred : undefined
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
  readonly #known = new WeakMap<Event, Mapping.Signals>()
  /** Logs that another mapper of the program has as well: with two backends for a signal, say. */
  readonly #shared = new WeakMap<Event, Deferred>()
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

  /** The signals of a record that is no log, the same however often they are asked for. */
  signalsOf(event: Event): Mapping.Signals {
    return this.#knownOf(event) ?? nothing
  }

  /** The log record of a record, the same however often it is asked for. */
  logOf(event: Event): Logs.LogRecord | undefined {
    const deferred = this.#deferredOf(event)
    if (deferred === undefined) return this.signalsOf(event).logs[0]
    const prepared = this.#prepare(event)
    return prepared && this.#logOf(event, prepared, deferred)
  }

  /** The log record of a record, or what tells it from that of another line. */
  writtenOf(event: Event): Logs.LogRecord | Line | undefined {
    const deferred = this.#deferredOf(event)
    if (deferred === undefined) return this.signalsOf(event).logs[0]
    const prepared = this.#prepare(event)
    return prepared && (deferred.lineOf(prepared) ?? this.#logOf(event, prepared, deferred))
  }

  #logOf(event: Event, prepared: Event, deferred: Deferred): Logs.LogRecord | undefined {
    if (prepared.type === "function" || prepared.type === "extension") {
      if (!isTime(prepared.time)) this.#countBadLog(event)
      return Logs.of(prepared, deferred.saidBy(prepared).place)[0]
    }
    const [{ badTimes }, { logs }] = Mapping.step(deferred.state, prepared, deferred.context)
    if (badTimes > deferred.state.badTimes) this.#countBadLog(event)
    return logs[0]
  }

  /** How many items of a signal a record became. A log is one log record, whatever is in it. */
  itemsOf(event: Event, signal: Signal): number {
    if (this.#deferredOf(event) !== undefined) return signal === "logs" && this.#prepare(event) !== undefined ? 1 : 0
    const known = this.signalsOf(event)
    return signal === "traces" ? known.spans.length : known[signal].length
  }

  #countBadLog(event: Event): void {
    if (this.#badLogs.has(event)) return
    this.#badLogs.add(event)
    this.#badTimesOfLogs++
  }

  #deferredOf(event: Event): Deferred | undefined {
    if (!isLog(event)) return undefined
    const deferred = this.#waiting(event)
    if (deferred !== undefined) return deferred
    this.#fold(event)
    return this.#waiting(event)
  }

  #waiting(event: Event): Deferred | undefined {
    const deferred = Waiting.of(event)
    return deferred?.mapper === this ? deferred : this.#shared.get(event)
  }

  #knownOf(event: Event): Mapping.Signals | undefined {
    const known = this.#known.get(event)
    if (known !== undefined || isLog(event)) return known
    this.#fold(event)
    return this.#known.get(event)
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
    let isFound = false
    for (const { events, observedAt } of this.#bodies) {
      const context = this.#contextAt(observedAt, factsOf)
      let deferred = new Deferred(this, this.#state, context)
      for (const event of events) {
        if (isLog(event)) {
          if (!Waiting.set(event, deferred)) this.#shared.set(event, deferred)
        } else {
          this.#known.set(event, this.#step(event, context))
          if (deferred.state !== this.#state) deferred = new Deferred(this, this.#state, context)
        }
        isFound ||= event === until
      }
      folded++
      if (isFound) break
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
    const { prepare } = this.#options
    if (prepare === undefined) return event
    try {
      return prepare(event)
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
