/**
 * Sinks that send spans, metrics and log records to a backend of OTLP: one sink for each signal, so that none waits for
 * another. `Telemetry` gives them their queues, batches, retries and rests, and flushes them before next.
 *
 * The sinks count items and not records of Lambda: the accounting has the spans, the data points and the log records that were
 * delivered, dropped or unsent. Items that the backend says it dropped (a partial success) count as dropped.
 *
 * A request of the function's SDK is sent together with the signals of the extension. If the backend refuses such a body
 * with 400, each part is sent alone, so that one bad request costs only itself.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/
 * @since 0.1.0
 */
import type { SinkHost } from "@effect-lambda/extension/telemetry/Telemetry"
import type * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import * as TelemetrySink from "@effect-lambda/extension/telemetry/TelemetrySink"
import { Clock } from "effect/Clock"
import * as Clocks from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as OtlpResource from "effect/observability/OtlpResource"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as answers from "./internal/answer.ts"
import { endType, Mapper } from "./internal/mapper.ts"
import * as units from "./internal/units.ts"
import type { Piece } from "./internal/wire/pieces.ts"
import type * as Mapping from "./Mapping.ts"
import { type Backend, type Settings, type Signal, signals } from "./OtelConfig.ts"
import * as Resource from "./Resource.ts"

/**
 * The parts of the sinks.
 *
 * - `settings`: the backends, whether metrics are cumulative, which refusals may pass, and why a signal has no backend
 * - `mapping`: the choices of the mapping
 * - `resource`: of all signals; `faas.instance` is added as soon as it is known
 * - `scope`: the name and the version of the program
 * - `factsOf`: what is known of an invocation from elsewhere
 * - `prepare`: the record to map in place of one that came, `undefined` to leave it out. Default: the record
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly settings: Pick<Settings, "backends" | "temporality" | "retryOn500"> & Partial<Pick<Settings, "switchedOff">>
  readonly mapping: Mapping.MappingSettings
  readonly resource: OtlpResource.Resource
  readonly scope: { readonly name: string; readonly version: string }
  readonly factsOf: (requestId: string) => Mapping.InvocationFacts
  readonly prepare?: ((event: TelemetryEvent.TelemetryEvent) => TelemetryEvent.TelemetryEvent | undefined) | undefined
}

/**
 * The sinks, and the way in for requests of the function.
 *
 * @category models
 * @since 0.1.0
 */
export interface OtlpSinks {
  readonly sinks: ReadonlyArray<TelemetrySink.TelemetrySink>
  /** Takes a request of the function. `false`: the queue is full, and nothing was taken or counted. */
  readonly forward: (piece: Piece) => boolean
}

/** The statuses that may pass, of OTLP's specification. */
const isRetryable = (status: number) => [429, 502, 503, 504].includes(status)

/** Records that become log records and nothing else. */
const isLogAlone = (type: TelemetryEvent.TelemetryEvent["type"]) =>
  type === "function" || type === "extension" || type === "undecodable" || type === "unknown"

/**
 * Whether the sink of a signal takes a record.
 *
 * @param withPlatform whether that of logs takes the platform events: if they become logs, or if it is the only sink. The place
 * of a log is in the events before it, which are folded in order and wait in a queue until then
 */
const isOf = (signal: Signal, event: TelemetryEvent.TelemetryEvent, withPlatform: boolean): boolean => {
  const { type } = event
  // Most records are logs of the function.
  if (type === "function") return signal === "logs"
  const piece = units.pieceOf(event)
  if (piece !== undefined) return piece.signal === signal
  if (event.type === "unknown" && event.original.type === endType) return true
  if (signal !== "logs") return !isLogAlone(type)
  return isLogAlone(type) || withPlatform || type === "platform.logsDropped"
}

/** Why a signal has no backend, and what to set. */
const whyHomeless = (signal: Signal, off: string | undefined): string => {
  const name = signal.toUpperCase()
  const remedy =
    off === undefined
      ? `no endpoint is set for ${signal}: set EFFECT_LAMBDA_OTLP_${name}_ENDPOINT`
      : `${off} is none: set EFFECT_LAMBDA_OTLP_${name}_EXPORTER=otlp`
  const silent = `OTEL_${name}_EXPORTER`
  return off === silent ? remedy : `${remedy}, or ${silent}=none to keep the SDK from sending them`
}

/**
 * The sinks of the signals that have a backend. The effect fails if no request can be made with the settings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options,
  host: Pick<SinkHost, "observe" | "offer" | "fits" | "atEnd">
): Effect.fn.Return<OtlpSinks, TelemetrySink.HttpSinkError, HttpClient.HttpClient | Scope.Scope> {
  const { mapping, settings } = options
  const { backends, temporality } = settings
  const clock = yield* Clock
  const mapper = new Mapper({
    settings: mapping,
    temporality,
    factsOf: options.factsOf,
    prepare: options.prepare
  })
  const used = signals.filter((signal) => backends[signal] !== undefined)
  const hasLogs = used.includes("logs")
  const withPlatform = mapping.platformEvents || used.length === 1
  const isUsed = (event: TelemetryEvent.TelemetryEvent) => {
    if (event.type === "function") return hasLogs
    return units.pieceOf(event) === undefined && used.some((signal) => isOf(signal, event, withPlatform))
  }
  host.observe((events) => mapper.arrived(events.filter(isUsed), clock.currentTimeMillisUnsafe()))
  const context = yield* Effect.context<never>()
  const homeless: Partial<Record<Signal, number>> = {}
  const drop = ({ count, signal }: Piece) => {
    const before = homeless[signal]
    homeless[signal] = (before ?? 0) + count
    if (before !== undefined) return
    const why = whyHomeless(signal, settings.switchedOff?.[signal])
    Effect.runForkWith(context)(
      Effect.logWarning(`the function sends ${signal}, which are dropped and counted, since ${why}`)
    )
  }
  host.atEnd(
    Effect.gen(function* () {
      host.offer([mapper.end(yield* Clocks.currentTimeMillis)])
      for (const [signal, items] of Object.entries(homeless)) {
        yield* Effect.logWarning(
          `${items} items that the function sent as ${signal} were dropped, since there is no backend for ${signal}`
        )
      }
    })
  )
  // After the last flush, since a log is read when it is sent.
  yield* Effect.addFinalizer(() =>
    mapper.badTimes === 0
      ? Effect.void
      : Effect.logWarning(
          `${mapper.badTimes} times in records of Lambda could not be read: what became of them has the time at which they came`
        )
  )
  const sinks: Array<TelemetrySink.TelemetrySink> = []
  const serializations = new Map<Backend["protocol"], Serialization>()
  for (const signal of used) {
    const backend = backends[signal]
    if (backend === undefined) continue
    const serialization = serializations.get(backend.protocol) ?? (yield* serializationOf(backend.protocol))
    serializations.set(backend.protocol, serialization)
    sinks.push(yield* sinkOf(signal, { backend, serialization, mapper, options, withPlatform }))
  }
  return {
    sinks,
    forward: (piece) => {
      if (backends[piece.signal] === undefined) {
        drop(piece)
        return true
      }
      const events = [units.recordOf(piece)]
      if (!host.fits(events)) return false
      host.offer(events)
      return true
    }
  }
})

type Serialization = OtlpSerialization.OtlpSerialization["Service"]

const serializationOf = (protocol: Backend["protocol"]) =>
  Effect.map(
    Layer.build(protocol === "http/json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf),
    (context) => Context.get(context, OtlpSerialization.OtlpSerialization)
  )

/** Whether the batch, or a part of it, is to be sent again. */
const isPassing = (error: TelemetrySink.HttpSinkError) =>
  error.isRetryable || error.isTooLarge || error.isUnwritable === true

const itemsIn = (parts: ReadonlyArray<units.Unit>) => parts.reduce((sum, { items }) => sum + items, 0)

interface Parts {
  readonly backend: Backend
  readonly serialization: Serialization
  readonly mapper: Mapper
  readonly options: Options
  readonly withPlatform: boolean
}

const sinkOf = Effect.fnUntraced(function* (
  signal: Signal,
  { backend, mapper, options, serialization, withPlatform }: Parts
) {
  const { retryOn500, temporality } = options.settings
  const name = `otlp ${signal}`
  const endpoint = yield* TelemetrySink.endpoint({
    url: backend.url,
    name,
    headers: backend.headers,
    gzip: backend.gzip,
    explain: answers.readRefusal,
    isRetryable: (status) => isRetryable(status) || (status === 500 && retryOn500)
  })
  // On metrics it makes each environment a series, which cumulative ones have to be.
  const hasInstance = signal !== "metrics" || temporality === "cumulative"
  const writing: units.Writing = {
    signal,
    serialization,
    isJson: backend.protocol === "http/json",
    resource: () => {
      const { instanceId } = mapper
      return hasInstance && instanceId !== undefined
        ? Resource.withInstance(options.resource, instanceId)
        : options.resource
    },
    scope: options.scope,
    mapper
  }

  /**
   * Records that need no other attempt, and how many items were dropped with each: of a batch that is sent again in part, which
   * few batches are.
   */
  const settled = new WeakMap<TelemetryEvent.TelemetryEvent, number>()
  let hasSettled = false
  const settle = ({ events, items }: units.Unit, dropped: number) => {
    let rest = Math.min(dropped, items)
    hasSettled = true
    for (const event of events) {
      const here = Math.min(rest, countOf(event))
      settled.set(event, here)
      rest -= here
    }
  }

  const said = new Set<string>()
  const sayOnce = (what: string, line: Effect.Effect<void>) => {
    if (said.has(what)) return Effect.void
    said.add(what)
    return line
  }

  const countOf = (event: TelemetryEvent.TelemetryEvent): number =>
    units.pieceOf(event)?.count ?? mapper.itemsOf(event, signal)

  /** How many items the backend sees. The points of a metric are sent as one. */
  const sentIn = (parts: ReadonlyArray<units.Unit>): number =>
    parts.reduce((sum, { events, isForwarded, items }) => {
      if (signal !== "metrics" || isForwarded) return sum + items
      return sum + new Set(events.flatMap((event) => mapper.signalsOf(event).metrics.map(({ name }) => name))).size
    }, 0)

  /** Gives how many items the backend dropped of a request that it took. */
  const taken = (parts: ReadonlyArray<units.Unit>, answer: TelemetrySink.HttpAnswer): Effect.Effect<number> => {
    const { message, rejected } = answers.readPartialSuccess(answer)
    if (rejected === 0 && message === "") return Effect.succeed(0)
    const words = message === "" ? "" : `: ${endpoint.quoted(message)}`
    const said =
      rejected === 0
        ? sayOnce("warning", Effect.logInfo(`the backend of the sink ${name} took a request with a remark${words}`))
        : sayOnce(
            "partial",
            Effect.logWarning(
              `the backend of the sink ${name} took a request and dropped ${rejected} items of it; further ones are ` +
                `only counted${words}`
            )
          )
    const items = itemsIn(parts)
    return Effect.as(said, Math.min(Math.ceil((rejected * items) / sentIn(parts)), items))
  }

  const post = (parts: ReadonlyArray<units.Unit>, id: string) =>
    endpoint
      .post(() => units.bodyOf(parts, writing), id)
      .pipe(
        Effect.raceFirst(
          // Made only when it is needed: an error takes as long as the mapping of many records.
          Effect.flatMap(Effect.sleep(backend.timeoutMillis), () =>
            Effect.fail(
              new TelemetrySink.HttpSinkError({
                isRetryable: true,
                message: `no answer within ${backend.timeoutMillis} ms`
              })
            )
          )
        ),
        Effect.flatMap((answer) => taken(parts, answer)),
        // A trace of its own telemetry is for nobody, and a proxy in between would begin one for each request.
        Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
      )

  const hint = (error: TelemetrySink.HttpSinkError) =>
    signal === "metrics" && error.status === 400 && /temporality/i.test(error.message)
      ? sayOnce(
          "temporality",
          Effect.logWarning(
            `the backend of the sink ${name} does not take ${temporality} metrics, it seems: set ` +
              `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=${temporality === "delta" ? "cumulative" : "delta"}, ` +
              "or EFFECT_LAMBDA_OTLP_METRICS_TEMPORALITY_PREFERENCE for the layer alone"
          )
        )
      : Effect.void

  /** Sends each part alone. The effect fails as soon as a failure may pass; the parts that were settled are not sent again. */
  const sendAlone = Effect.fnUntraced(function* (parts: ReadonlyArray<units.Unit>, id: string) {
    const refused: Array<units.Unit> = []
    let last: TelemetrySink.HttpSinkError | undefined
    for (const [index, part] of parts.entries()) {
      const sent = yield* Effect.result(post([part], `${id}/${index + 1}`))
      if (Result.isSuccess(sent)) {
        settle(part, sent.success)
        continue
      }
      last = sent.failure
      if (isPassing(last)) return yield* last
      refused.push(part)
    }
    return { refused, last }
  })

  const sayRefused = (refused: ReadonlyArray<units.Unit>, { message }: TelemetrySink.HttpSinkError) => {
    const items = itemsIn(refused)
    const ofFunction = itemsIn(refused.filter(({ isForwarded }) => isForwarded))
    return sayOnce(
      "refused",
      Effect.logWarning(
        `the backend of the sink ${name} refused ${items} items, ${ofFunction} of them from the function, and took those ` +
          `beside them; further ones are only counted: ${message}`
      )
    )
  }

  return yield* TelemetrySink.make({
    name,
    accepts: (event) => isOf(signal, event, withPlatform),
    countOf,
    isRetryable: (error: TelemetrySink.HttpSinkError) => error.isRetryable,
    retryAfter: (error) => error.retryAfterMillis,
    isTooLarge: (error) => error.isTooLarge,
    isUnwritable: (error) => error.isUnwritable === true,
    export: Effect.fnUntraced(function* ({ events, id }) {
      const waiting = hasSettled ? events.filter((event) => !settled.has(event)) : events
      const parts = units.unitsOf(waiting, writing)
      const defect = mapper.takeDefect()
      if (defect !== undefined) {
        yield* Effect.logError("prepare threw, and the record is left out; further ones are not logged", defect.first)
      }
      const isWhole = waiting.length === events.length
      const sent = parts.length === 0 ? undefined : yield* Effect.result(post(parts, id))
      if (sent !== undefined && Result.isFailure(sent)) {
        yield* hint(sent.failure)
        const { last, refused } =
          sent.failure.status === 400 && parts.length > 1
            ? yield* sendAlone(parts, id)
            : { last: sent.failure, refused: parts }
        if (last !== undefined) {
          // With nothing of the batch taken, the failure is that of the batch.
          if (isPassing(last) || (isWhole && refused.length === parts.length)) return yield* last
          for (const part of refused) settle(part, part.items)
          yield* sayRefused(refused, last)
        }
      }
      const dropped = sent !== undefined && Result.isSuccess(sent) ? sent.success : 0
      const before = hasSettled ? events.reduce((sum, event) => sum + (settled.get(event) ?? 0), 0) : 0
      yield* TelemetrySink.rejected(dropped + before)
    })
  })
})
