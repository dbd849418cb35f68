/**
 * An extension that sends the telemetry of its function as OpenTelemetry: {@link make} gives the options `telemetry` and
 * `onInvoke` of `Extension.run`.
 *
 * - `Mapping` makes spans, metrics and log records of what Lambda says
 * - `OtlpReceiver` takes what the SDK of the function sends to `http://localhost:4318`
 * - `OtlpSink` sends both, flushed before next and at SHUTDOWN, and counted
 * - `OtelConfig` reads from variables where to, and how
 *
 * @since 0.1.0
 */
import type { InvokeEvent } from "@effect-lambda/extension/ExtensionEvent"
import * as LambdaEnvironment from "@effect-lambda/extension/LambdaEnvironment"
import type * as FlushStrategy from "@effect-lambda/extension/telemetry/FlushStrategy"
import * as Telemetry from "@effect-lambda/extension/telemetry/Telemetry"
import type { TelemetryEvent } from "@effect-lambda/extension/telemetry/TelemetryEvent"
import type { HttpSinkError, TelemetrySink } from "@effect-lambda/extension/telemetry/TelemetrySink"
import type { ReceiverOptions } from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import type { TelemetryTransport } from "@effect-lambda/extension/telemetry/TelemetryTransport"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Scope from "effect/Scope"
import { Facts } from "./internal/facts.ts"
import * as OtelConfig from "./OtelConfig.ts"
import * as OtlpReceiver from "./OtlpReceiver.ts"
import * as OtlpSink from "./OtlpSink.ts"
import * as Redaction from "./Redaction.ts"
import * as Resource from "./Resource.ts"
import * as Sampling from "./Sampling.ts"

/**
 * The options of {@link make}: when to flush, and what leaves the environment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends FlushStrategy.FlushOptions, Pick<ReceiverOptions, "buffering" | "queue" | "port"> {
  /**
   * The types of Lambda's records. Default: `platform`, and `function` if there is a backend for logs. Without `platform` there
   * are no spans and no metrics.
   */
  readonly types?: ReceiverOptions["types"] | undefined
  /**
   * The record to map in place of one that came, `undefined` to leave it out; `Redaction` has functions for it. It gets every
   * record that Lambda delivers, some of them more than once, before what the variables say, and nothing that the SDK of the
   * function sends. A record for which it throws is left out, and the first error is logged. Keep the type of a
   * record: a log that becomes an event of Lambda, or the reverse, may be lost.
   */
  readonly prepare?: ((event: TelemetryEvent) => TelemetryEvent | undefined) | undefined
}

/**
 * Two options of `Extension.run`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Otel {
  /** Makes the sinks and listens for the SDK of the function; fails init if a variable is missing or wrong. */
  readonly telemetry: Telemetry.Telemetry<
    OtelConfig.OtelConfigError | Config.ConfigError | HttpSinkError,
    HttpClient.HttpClient | LambdaEnvironment.LambdaEnvironment | Scope.Scope | TelemetryTransport
  >
  /** Notes the tracing header of an invocation, which telemetry has only if X-Ray samples. Takes no time. */
  readonly onInvoke: (event: InvokeEvent) => Effect.Effect<void>
}

// An attempt is bounded by the variables; this bounds what ignores that.
const exportTimeout = "70 seconds"

/**
 * Makes the options.
 *
 * **Example** (The whole extension)
 *
 * ```ts
 * import { Extension } from "@effect-lambda/extension"
 * import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
 * import { Otel } from "@effect-lambda/otel"
 * import * as Effect from "effect/Effect"
 *
 * const { onInvoke, telemetry } = Otel.make()
 *
 * export const main = () =>
 *   Extension.run({ onInvoke, telemetry }).pipe(Effect.provide(NodeTelemetry.layer), NodeExtension.runMain)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Otel => {
  const { prepare, types, ...others } = options
  const facts = new Facts()
  const sinksOf = (settings: OtelConfig.Settings) =>
    Effect.fnUntraced(function* (host: Telemetry.SinkHost) {
      yield* warn(settings)
      const { accountId, functionName, functionVersion } = host.registration
      const name = functionName === "" ? yield* LambdaEnvironment.functionName : functionName
      const resource = Resource.make({
        functionName: name,
        functionVersion: functionVersion === "" ? yield* LambdaEnvironment.functionVersion : functionVersion,
        memorySize: yield* LambdaEnvironment.functionMemorySize,
        region: yield* LambdaEnvironment.region,
        accountId,
        serviceName: settings.serviceName,
        attributes: settings.attributes
      })
      const { mask, minimumSeverity, remove } = settings
      // Each is asked for every log, so it is left out if there is nothing to do.
      const isKept = minimumSeverity === undefined ? undefined : Redaction.filter({ minimumSeverity })
      const redact = mask.length + remove.length === 0 ? undefined : Redaction.redact({ mask, remove })
      const prepareAll = (event: TelemetryEvent): TelemetryEvent | undefined => {
        const prepared = prepare === undefined ? event : prepare(event)
        if (prepared === undefined || isKept?.(prepared) === false) return undefined
        return redact === undefined ? prepared : redact(prepared)
      }
      let sdkSpan: OtlpReceiver.OtlpReceiver["Service"]["sdkSpan"] = () => undefined
      const { forward, sinks } = yield* OtlpSink.make(
        {
          settings,
          resource,
          scope: Resource.scope,
          mapping: {
            functionName: name,
            serverSpan: settings.serverSpan,
            xrayParent: settings.xrayParent,
            isSampled: (trace) => Sampling.isSampled(settings.sampler, trace),
            platformEvents: settings.platformEvents
          },
          factsOf: (requestId) => ({ ...facts.of(requestId), sdk: sdkSpan(requestId) }),
          prepare: (prepare ?? isKept ?? redact) === undefined ? undefined : prepareAll
        },
        host
      )
      if (settings.receiverPort !== undefined) {
        const port = settings.receiverPort
        yield* OtlpReceiver.make({
          port,
          accept: forward,
          // Such pieces are decoded before they are sent.
          isReadWhole: (signal) => settings.backends[signal]?.protocol === "http/json"
        }).pipe(
          Effect.map((receiver) => {
            ;({ sdkSpan } = receiver)
          }),
          // The telemetry of Lambda does not need it.
          Effect.catch(({ message }) =>
            Effect.logWarning(
              `what the SDK of the function sends is not taken: ${message} EFFECT_LAMBDA_OTLP_RECEIVER_PORT names another port`
            )
          )
        )
      }
      // Not before the first next, where every cold start would wait for it: the first line of a process costs 3 ms of CPU.
      const say = yield* Effect.cached(sayPlaces(settings))
      const saying = (sink: TelemetrySink): TelemetrySink => ({
        ...sink,
        export: (batch) => Effect.andThen(say, sink.export(batch))
      })
      return sinks.map(saying)
    })
  return {
    onInvoke: (event) => Effect.sync(() => facts.note(event)),
    telemetry: Telemetry.unwrap(
      Effect.map(OtelConfig.settings, (settings) =>
        Telemetry.make({
          ...others,
          flushTimeout: settings.flushTimeoutMillis ?? others.flushTimeout,
          types: types ?? (settings.backends.logs === undefined ? ["platform"] : ["platform", "function"]),
          exportTimeout,
          sink: sinksOf(settings)
        })
      )
    )
  }
}

/** Logs where telemetry goes, and which invocations have spans if those have a backend. */
const sayPlaces = ({ backends, sampler }: OtelConfig.Settings) =>
  Effect.suspend(() => {
    const places = OtelConfig.signals.flatMap((signal) => {
      const backend = backends[signal]
      return backend === undefined ? [] : [`${signal} to ${new URL(backend.url).host}`]
    })
    const sampled = backends.traces === undefined ? "" : ` ${Sampling.describe(sampler)}`
    return Effect.logInfo(`OpenTelemetry: ${places.join(", ")}.${sampled}`)
  })

/** Logs what the variables ask for and does not happen. */
const warn = Effect.fnUntraced(function* ({ notes, unsent }: OtelConfig.Settings) {
  if (unsent.length > 0) {
    yield* Effect.logWarning(`OpenTelemetry: no endpoint is set for ${unsent.join(" and ")}, which are not sent`)
  }
  for (const note of notes) yield* Effect.logWarning(`OpenTelemetry: ${note}`)
})
