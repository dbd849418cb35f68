/**
 * Telemetry in the life of an extension. The records that Lambda delivers go to
 * sinks or to a stream before the environment is frozen, and lost ones are
 * counted.
 *
 * This module makes the option `telemetry` of `Extension.run`. `NodeTelemetry.layer`
 * provides the `TelemetryTransport` that it needs.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { Background } from "../Background.ts"
import type { FlushOptions } from "./FlushStrategy.ts"
import type { Consumer } from "./internal/delivery/consumer.ts"
import * as ownLogs from "./internal/delivery/ownLog.ts"
import { ofStart, type RunTelemetry } from "../internal/lifecycle/runTelemetry.ts"
import { whyNoBounds } from "./internal/delivery/bounds.ts"
import { batchBounds, start } from "./internal/delivery/session.ts"
import { ofSink } from "./internal/delivery/sinkConsumer.ts"
import { ofStream } from "./internal/delivery/streamConsumer.ts"
import * as receivers from "./internal/receive/receiver.ts"
import type { Registration } from "../Registration.ts"
import type { TelemetryApiError } from "./TelemetryApiError.ts"
import type { TelemetryEvent } from "./TelemetryEvent.ts"
import type { TelemetryListenerError } from "./TelemetryListener.ts"
import type { TelemetrySink, TelemetrySinkError } from "./TelemetrySink.ts"
import type { ReceiverOptions } from "./TelemetrySubscription.ts"
import type { TelemetryTransport } from "./TelemetryTransport.ts"

export type { FlushOptions } from "./FlushStrategy.ts"

/**
 * The options of {@link stream}: what to receive, and when to flush.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions extends FlushOptions, ReceiverOptions {}

/**
 * What sinks can ask of the run that they belong to, if the option `sink` is a function of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SinkHost {
  /** The answer of register: the name, the version and the account of the function. */
  readonly registration: Registration
  /** Calls this with all records of a body, in the order in which Lambda sent them, before any sink is offered one. It must not throw. */
  readonly observe: (observer: (events: ReadonlyArray<TelemetryEvent>) => void) => void
  /**
   * Offers records that do not come from Lambda, such as those of `TelemetryEvent.external`, to every sink that accepts them.
   * They wait, are flushed, sent again and counted as the others are; those that do not fit count as dropped by the queue.
   */
  readonly offer: (events: ReadonlyArray<TelemetryEvent>) => void
  /** Whether {@link offer} would drop none of these now. Nothing is counted. */
  readonly fits: (events: ReadonlyArray<TelemetryEvent>) => boolean
  /**
   * Runs this at SHUTDOWN after the last record of Lambda and before the last flush, which takes what it offers. It has 15 % of the
   * time that telemetry has then: about 150 milliseconds.
   */
  readonly atEnd: (last: Effect.Effect<void>) => void
}

/**
 * The sinks of a run: one, or several.
 *
 * @category models
 * @since 0.1.0
 */
export type Sinks<E, R> = Effect.Effect<TelemetrySink | ReadonlyArray<TelemetrySink>, E, R>

/**
 * The options of {@link make}: those of {@link stream}, and the sinks.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<E, R> extends StreamOptions {
  /**
   * A sink, or several by `Effect.all([...])`, at least one. Each has its queue and its retries, so none waits for another. A
   * function gets what sinks can ask of the run.
   */
  readonly sink: Sinks<E, R> | ((host: SinkHost) => Sinks<E, R>)
  /** How long one attempt to send a batch may take. Default: 5 seconds. */
  readonly exportTimeout?: Duration.Input | undefined
  /** Further attempts after failures that may pass. Default: three, after 100, 200 and 400 milliseconds. */
  readonly retry?: Schedule.Schedule<unknown, TelemetrySinkError> | undefined
  /**
   * The bound of a sink's rest. A sink that failed twice in a row is left alone, for a second and then for twice as long
   * each time. Records that come in a rest are kept, and at SHUTDOWN the sink is tried in any case. Default: 1 minute.
   */
  readonly longestRest?: Duration.Input | undefined
}

/**
 * The options cannot work together, or no program can mean the value of one: a batch of 0 records, a negative time.
 *
 * @category errors
 * @since 0.1.0
 */
export class TelemetryOptionsError extends Schema.TaggedError<TelemetryOptionsError>(
  "@effect-lambda/extension/telemetry/TelemetryOptionsError"
)("TelemetryOptionsError", { message: Schema.String }) {}

/**
 * A description of telemetry, for the option of `Extension.run`. `E` is the errors of the sinks: they fail init.
 *
 * @category models
 * @since 0.1.0
 */
export interface Telemetry<out E, out R> extends RunTelemetry<
  E | TelemetryApiError | TelemetryListenerError | TelemetryOptionsError,
  R
> {}

/**
 * How many bytes this process has written to its log so far, in any way. With
 * the type `extension`, the number shows that a sink or a program over the stream
 * writes lines with each batch. Lambda delivers those as the next batch, so the
 * log has a warning once. `NodeTelemetry.layer` provides the number. Default:
 * always 0.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentLogSize: Context.Reference<Effect.Effect<number>> = /*#__PURE__*/ Context.Reference(
  "@effect-lambda/extension/telemetry/Telemetry/CurrentLogSize",
  { defaultValue: () => Effect.succeed(0) }
)

const ownLogOf = (who: string, types: ReceiverOptions["types"]) =>
  types.includes("extension")
    ? Effect.map(CurrentLogSize, (size) => ownLogs.watch(who, size))
    : Effect.succeed(ownLogs.none)

const checkBounds = (options: Parameters<typeof whyNoBounds>[0]) => {
  const message = whyNoBounds(options)
  return message === undefined ? Effect.void : Effect.fail(new TelemetryOptionsError({ message }))
}

const isSink = (made: TelemetrySink | ReadonlyArray<TelemetrySink>): made is TelemetrySink => "export" in made

const defaultRetry = Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 3 }))

/**
 * Telemetry for sinks.
 *
 * **Example** (Shipping logs)
 *
 * ```ts
 * import { Extension, FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
 *
 * export const main = Extension.run({
 *   telemetry: Telemetry.make({
 *     types: ["platform", "function"],
 *     sink: TelemetrySink.http({ url: "https://logs.example.com/v1" }),
 *     strategy: FlushStrategy.endOfInvocation
 *   })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <E = never, R = never>(options: Options<E, R>): Telemetry<E, R | TelemetryTransport> =>
  ofStart(
    Effect.fnUntraced(function* (registration) {
      yield* checkBounds(options)
      const receiver = yield* receivers.make(options)
      const lasts: Array<Effect.Effect<void>> = []
      const { fits, observe, offer } = receiver
      const { sink } = options
      const made = yield* Effect.isEffect(sink)
        ? sink
        : sink({ registration, observe, offer, fits, atEnd: (last) => void lasts.push(last) })
      const sinks = isSink(made) ? [made] : made
      if (sinks.length === 0) {
        return yield* new TelemetryOptionsError({
          message:
            "the option sink made an empty list, so no record would be sent. Make a sink, or leave telemetry out."
        })
      }
      const consumers: Array<Consumer> = []
      for (const sink of sinks) {
        if (sink.isOwnLog && options.types.includes("extension")) {
          return yield* new TelemetryOptionsError({
            message:
              `the sink ${sink.name} writes to the extension's own log, which the type "extension" delivers again, without ` +
              `end. Leave "extension" out of the option types, or take another sink.`
          })
        }
        const { begun, ended } = yield* ownLogOf(`the sink ${sink.name}`, options.types)
        const watched: TelemetrySink = {
          ...sink,
          export: (batch) => Effect.andThen(begun, Effect.ensuring(sink.export(batch), ended))
        }
        consumers.push(
          yield* ofSink(receiver.open, watched, {
            batch: batchBounds(options),
            timeoutMillis: Duration.toMillis(options.exportTimeout ?? "5 seconds"),
            retry: options.retry ?? defaultRetry,
            longestRestMillis: Duration.toMillis(options.longestRest ?? "1 minute")
          })
        )
      }
      return yield* start(receiver, options, consumers, registration, { last: Effect.all(lasts, { discard: true }) })
    })
  )

/**
 * Telemetry for a program over the stream of records. Before next is called, the
 * strategy waits until the program has used every record that has come: until it
 * asks for the next record and there is none. At SHUTDOWN the stream ends, and
 * the program has time to end as well.
 *
 * A program that collects records before it sends them hides them from this
 * wait: use a sink for that. A program that ends early gets no more records, and
 * next does not wait for it. Records that come after a failure count as lost;
 * records that come after it has ended by itself do not. There is one queue, so
 * start the stream once: two readers would each get a part.
 *
 * **Example** (The slowest inits)
 *
 * ```ts
 * import { Telemetry } from "@effect-lambda/extension"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * export const telemetry = Telemetry.stream(
 *   (events) =>
 *     events.pipe(
 *       Stream.runForEach((event) =>
 *         event.type === "platform.initReport" && event.record.metrics.durationMs > 1000
 *           ? Effect.log(`slow init: ${event.record.metrics.durationMs} ms`)
 *           : Effect.void
 *       )
 *     ),
 *   { types: ["platform"] }
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = <E = never, R = never>(
  program: (events: Stream.Stream<TelemetryEvent>) => Effect.Effect<unknown, E, R>,
  options: StreamOptions
): Telemetry<never, R | TelemetryTransport> =>
  ofStart(
    Effect.fnUntraced(function* (registration) {
      yield* checkBounds(options)
      const receiver = yield* receivers.make(options)
      const ownLog = yield* ownLogOf("the program over the stream", options.types)
      const { close, consumer, ended, events } = ofStream(receiver.open, yield* Clock.currentTimeMillis, ownLog)
      const context = yield* Effect.context<R>()
      const background = yield* Background
      const running = Effect.suspend(() => program(events)).pipe(
        // A program that ends by itself wants no more records; after a failure it misses them.
        Effect.onExit((exit) => Effect.andThen(ended(exit), Exit.isSuccess(exit) ? close : Effect.void)),
        Effect.provideContext(context)
      )
      const fiber = yield* background.fork(running)
      return yield* start(receiver, options, [consumer], registration, { ended: Fiber.await(fiber) })
    })
  )

/**
 * Telemetry whose options are only known in init, such as a bound that a variable of the function sets. The effect runs
 * between register and the first next; its failure fails init.
 *
 * **Example** (A bound of flushes from a variable)
 *
 * ```ts
 * import { Telemetry, TelemetrySink } from "@effect-lambda/extension"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 *
 * export const telemetry = Telemetry.unwrap(
 *   Effect.map(Config.Duration("FLUSH_TIMEOUT").pipe(Config.withDefault("2 seconds")), (flushTimeout) =>
 *     Telemetry.make({
 *       types: ["platform", "function"],
 *       sink: TelemetrySink.http({ url: "https://logs.example.com/ingest" }),
 *       flushTimeout
 *     })
 *   )
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const unwrap = <E, R, E2, R2>(telemetry: Effect.Effect<Telemetry<E, R>, E2, R2>): Telemetry<E | E2, R | R2> =>
  ofStart((registration) => Effect.flatMap(telemetry, ({ start: begin }) => begin(registration)))
