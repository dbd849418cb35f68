/**
 * Receives telemetry: bytes from a {@link TelemetryListener} become decoded
 * records in bounded queues, and every record that is lost is counted.
 *
 * The receiver never waits for a reader. Lambda repeats a batch that is not
 * accepted, so the receiver takes every batch at once. Records that do not fit
 * into the queue of a consumer are dropped there, the newest first.
 *
 * A program can wait for the end of the function's own work
 * (`platform.runtimeDone`), but not for `platform.report`. Lambda sends the report
 * after every extension has called next, so a program that waits for it before
 * next waits until the function times out.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
 * @since 0.1.0
 */
import { Clock } from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Deadline from "../Deadline.ts"
import type { InvokeEvent } from "../ExtensionEvent.ts"
import * as deliveries from "./internal/receive/deliveries.ts"
import type { ConsumerQueue, OpenQueue } from "./internal/delivery/consumer.ts"
import { decodeAt, decodeElement } from "./internal/receive/decodeElement.ts"
import { type Invocation, Invocations } from "./internal/receive/invocations.ts"
import * as framing from "./internal/receive/framing.ts"
import { type Bounds, type Most, Queue } from "./internal/delivery/queue.ts"
import { ofStream } from "./internal/delivery/streamConsumer.ts"
import { whileUnreachable } from "../internal/api/whileUnreachable.ts"
import type * as PlatformEvent from "./PlatformEvent.ts"
import type { Registration } from "../Registration.ts"
import * as TelemetryAccounting from "./TelemetryAccounting.ts"
import { TelemetryApi } from "./TelemetryApi.ts"
import type { TelemetryApiError } from "./TelemetryApiError.ts"
import type * as TelemetryEvent from "./TelemetryEvent.ts"
import { TelemetryListener, type TelemetryListenerError } from "./TelemetryListener.ts"
import type { Outcome, Subscription } from "./TelemetrySubscription.ts"

const mebibyte = 1024 * 1024

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The types of records to receive. Default: `platform` and `function`. */
  readonly types?: Subscription["types"] | undefined
  /** When Lambda sends a batch. Default: the values of `TelemetrySubscription`. */
  readonly buffering?: Subscription["buffering"]
  /** Default: the newest that Lambda accepts. */
  readonly schemaVersion?: Subscription["schemaVersion"]
  /** TCP has no acknowledgement: records that are lost on the way are not counted. Default: `HTTP`. */
  readonly protocol?: "HTTP" | "TCP" | undefined
  /** Default: `POST`. */
  readonly method?: "POST" | "PUT" | undefined
  /**
   * The address to bind. Lambda reaches the listener over the address of `sandbox.localdomain` and not over 127.0.0.1.
   * Default: `0.0.0.0`, which needs no name resolution; `NodeTelemetry.layer` binds `127.0.0.1` in an emulator.
   */
  readonly host?: string | undefined
  /**
   * Default: any free port, which cannot be taken by another extension. After a failed invocation Lambda starts the
   * extension again, but the subscription of the old process still exists. Its remaining records (the report of the failed
   * invocation) are delivered only to a listener on the same port. A fixed port gets them.
   */
  readonly port?: number | undefined
  /** A longer HTTP body or TCP line is discarded and counted as one undecodable record. Default: 8 MiB. */
  readonly maxBodyBytes?: number | undefined
  /**
   * The bound of each consumer's queue. Default: 50,000 records, 32 MiB of memory. A record takes more than twice its length
   * over the wire: its text is kept beside its values.
   */
  readonly queue?: { readonly maxRecords?: number | undefined; readonly maxBytes?: number | undefined } | undefined
}

export type { ConsumerQueue, OpenQueue } from "./internal/delivery/consumer.ts"

/**
 * A receiver that listens.
 *
 * - `port`: the port that the receiver listens on
 * - `subscribe`: asks Lambda to deliver; between register and the first next.
 *   If no answer comes, it asks again, for three seconds. `NotSupported` is the
 *   answer of local emulators
 * - `events`: the records from the moment the stream is started, so start it
 *   before `subscribe`. Several streams each get all records
 * - `awaitRuntimeDone`: the function's own end of this invocation, also when it
 *   came before the invocation was seen. The value is `None` if the deadline
 *   passes first, if the type `platform` is not subscribed, or if there is no
 *   telemetry here or it is closed. The value is also `None` if no telemetry of
 *   this invocation comes within two seconds after the call (100 milliseconds,
 *   after three such invocations in a row)
 * - `functionFailed`: completes when this invocation ends in anything but success
 * - `invoked`: an invocation has begun; `Telemetry` says so at every INVOKE. Lambda repeats a failed asynchronous
 *   invocation under the same id, and what is asked from then on is asked of that attempt
 * - `accounting`: the counts of all records, by their ends
 * - `close`: stops listening and ends the streams; waiting records can still be
 *   read
 *
 * @category services
 * @since 0.1.0
 */
export class TelemetryReceiver extends Context.Service<
  TelemetryReceiver,
  {
    readonly port: number
    readonly types: Subscription["types"]
    readonly subscribe: (registration: Registration) => Effect.Effect<Outcome, TelemetryApiError>
    readonly events: Stream.Stream<TelemetryEvent.TelemetryEvent>
    readonly awaitRuntimeDone: (event: InvokeEvent) => Effect.Effect<Option.Option<RuntimeDone>>
    readonly functionFailed: (requestId: string) => Effect.Effect<RuntimeDone>
    readonly invoked: (event: InvokeEvent) => Effect.Effect<void>
    readonly accounting: Effect.Effect<TelemetryAccounting.TelemetryAccounting>
    readonly close: Effect.Effect<void>
    /** When something last arrived, epoch milliseconds. */
    readonly lastArrival: Effect.Effect<number>
    /** Opens a queue for another consumer; `Telemetry` calls it. */
    readonly open: OpenQueue
  }
>()("@effect-lambda/extension/telemetry/TelemetryReceiver") {}

type RuntimeDone = typeof PlatformEvent.RuntimeDone.Type

/** The end of an invocation in a record that cannot be decoded otherwise, so that a wait for it still ends. */
const endOf = (original: unknown): RuntimeDone | undefined => {
  if (!Predicate.hasProperty(original, "type") || original.type !== "platform.runtimeDone") return undefined
  const record = Predicate.hasProperty(original, "record") ? original.record : undefined
  if (!Predicate.hasProperty(record, "requestId") || !Predicate.isString(record.requestId)) return undefined
  const status =
    Predicate.hasProperty(record, "status") && Predicate.isString(record.status) ? record.status : "success"
  return { time: "", type: "platform.runtimeDone", record: { requestId: record.requestId, status } }
}

// `platform.start` comes with the first batch of an invocation. If it is missing, there is nothing to wait for.
const silenceMillis = 2000
// After so many invocations in a row without telemetry, none is expected any more.
const silentInvocations = 3
const shortSilenceMillis = 100

/**
 * Binds the listener.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const api = yield* TelemetryApi
  const listener = yield* TelemetryListener
  const clock = yield* Clock
  const counter = yield* TelemetryAccounting.make
  const { maxBodyBytes = 8 * mebibyte, method = "POST", protocol = "HTTP", types = ["platform", "function"] } = options
  const bounds: Bounds = {
    maxRecords: options.queue?.maxRecords ?? 50_000,
    maxBytes: options.queue?.maxBytes ?? 32 * mebibyte
  }
  let consumers: ReadonlyArray<ConsumerQueue> = []
  const invocations = new Invocations()
  const joining = deliveries.make({ maxBytes: maxBodyBytes })
  let lastArrival = clock.currentTimeMillisUnsafe()
  let isSubscribed = false
  let isClosed = false
  /** How many invocations in a row had no telemetry. */
  let silent = 0
  /** The request id of the current invocation, for lines that hold none. */
  let underWay: string | undefined
  /** Invocations run side by side on managed instances, so the order of the records says nothing. */
  let isManaged = false

  const offer = (events: ReadonlyArray<TelemetryEvent.TelemetryEvent>, at: number, most?: Most) => {
    for (const { count, queue } of consumers) {
      count.offered(events.length)
      count.add("droppedByQueue", queue.offer(events, at, most))
    }
  }

  const receive = ({ records, whole }: deliveries.Parsed, at: number) => {
    let undecodable = 0
    const over: Array<Invocation | undefined> = []
    const note = (event: TelemetryEvent.TelemetryEvent) => {
      switch (event.type) {
        case "platform.initStart":
          isManaged = event.record.initializationType === "lambda-managed-instances"
          underWay = undefined
          break
        case "platform.start":
          invocations.started(event)
          silent = 0
          if (!isManaged) underWay = event.record.requestId
          break
        case "platform.report":
          if (event.record.requestId === underWay) underWay = undefined
          break
        case "platform.runtimeDone":
          over.push(invocations.ended(event))
          break
        case "platform.logsDropped":
          counter.droppedByLambda(event.record.droppedRecords, event.record.droppedBytes)
          break
        case "undecodable": {
          undecodable++
          const end = endOf(event.original)
          if (end !== undefined) over.push(invocations.ended(end))
        }
      }
      return event
    }
    const events =
      whole === undefined
        ? records.map((record) => note(decodeElement(record, underWay)))
        : whole.values.map((_, index) => note(decodeAt(whole.values, whole.body, index, underWay)))
    // Full queues refuse a body without measuring it, and no consumer asks for the texts of refused records.
    if (undecodable > 0 || consumers.some(({ queue }) => !queue.isFull)) whole?.body.hold(events)
    counter.received(events.length - undecodable, undecodable)
    // An undecodable record is longer than its text was.
    offer(events, at, undecodable === 0 ? whole?.most : undefined)
    // A waiting fiber goes on at once, and expects the earlier records in the queue.
    for (const invocation of over) {
      if (invocation?.end !== undefined) Deferred.doneUnsafe(invocation.done, Exit.succeed(invocation.end))
    }
  }

  const undecodable = (reason: string, original: unknown, at: number) => {
    counter.received(0, 1)
    offer([{ type: "undecodable", reason, original }], at)
  }

  const tooLarge = (bytes: number) => {
    lastArrival = clock.currentTimeMillisUnsafe()
    undecodable(`${bytes} bytes at once, discarded: more than ${maxBodyBytes}`, undefined, lastArrival)
  }

  const receiveParsed = (parsed: deliveries.Parsed, at: number) => {
    for (const { reason, text } of parsed.broken) undecodable(reason, text, at)
    if (parsed.records.length > 0 || parsed.whole !== undefined) receive(parsed, at)
  }

  const body = (bytes: Uint8Array) => {
    lastArrival = clock.currentTimeMillisUnsafe()
    receiveParsed(joining.push(bytes, lastArrival), lastArrival)
  }

  const listening = yield* Scope.make()
  const { port } = yield* Scope.provide(
    listener.listen(
      { protocol, host: options.host ?? "0.0.0.0", port: options.port ?? 0, maxBodyBytes },
      {
        body,
        tooLarge,
        // A line is a part of a buffer that is used again.
        connection: () =>
          framing.make({ maxBytes: maxBodyBytes, onTooLong: tooLarge, onLine: (bytes) => body(bytes.slice()) })
      }
    ),
    listening
  )

  const close = Effect.suspend(() => {
    isSubscribed = false
    return Scope.close(listening, Exit.void)
  }).pipe(
    Effect.andThen(
      Effect.sync(() => {
        receiveParsed(joining.close(), clock.currentTimeMillisUnsafe())
        isClosed = true
        for (const { queue } of consumers) queue.end()
      })
    )
  )
  yield* Effect.addFinalizer(() => close)

  const open: OpenQueue = (name, waiting) => {
    const queue = new Queue(bounds)
    if (isClosed) queue.end()
    const count = counter.consumer(name, () => waiting(queue))
    const consumer: ConsumerQueue = {
      queue,
      count,
      close: () => {
        consumers = consumers.filter((other) => other !== consumer)
        queue.end()
        count.close()
      }
    }
    // A new array is made, since an offer under way may wake a fiber that opens or closes a consumer.
    consumers = [...consumers, consumer]
    return consumer
  }

  const awaitRuntimeDone = Effect.fnUntraced(function* (event: InvokeEvent) {
    if (!isSubscribed || !types.includes("platform")) return Option.none()
    const invocation = invocations.invoked(event)
    const { done } = invocation
    const now = clock.currentTimeMillisUnsafe()
    const left = Deadline.fromEventAt(event, now).epochMillis - now
    if (invocation.startedAt === undefined) {
      const patience = silent < silentInvocations ? silenceMillis : shortSilenceMillis
      const early = yield* Effect.timeoutOption(Deferred.await(done), Math.min(patience, left))
      if (Option.isSome(early)) return early
      if (invocation.startedAt === undefined) {
        silent++
        if (silent === silentInvocations) {
          yield* Effect.logWarning(
            `no telemetry of ${silentInvocations} invocations in a row: Lambda does not deliver to port ${port}; ` +
              "until some comes, the wait for the end of the function's work is 100 ms at most"
          )
        }
        return early
      }
    }
    // `left` bounds the rest if the clock was set back during the wait.
    const rest = Math.min(left, left - (clock.currentTimeMillisUnsafe() - now))
    return yield* Effect.timeoutOption(Deferred.await(done), Math.max(0, rest))
  })

  return TelemetryReceiver.of({
    port,
    types,
    subscribe: (registration) =>
      whileUnreachable(
        api.subscribe(registration, {
          types,
          buffering: options.buffering,
          schemaVersion: options.schemaVersion,
          destination: protocol === "TCP" ? { protocol, port } : { protocol, port, method }
        })
      ).pipe(
        Effect.tap((outcome) =>
          Effect.sync(() => {
            isSubscribed = outcome._tag !== "NotSupported"
          })
        )
      ),
    events: Stream.suspend(() => {
      const { close, ended, events } = ofStream(open)
      return Stream.onExit(events, (exit) => Effect.andThen(ended(exit), close))
    }),
    awaitRuntimeDone,
    invoked: (event) =>
      Effect.sync(() => {
        invocations.invoked(event)
      }),
    functionFailed: (requestId) =>
      Effect.suspend(() => Deferred.await(invocations.of(requestId).done)).pipe(
        Effect.filterOrElse(
          (event) => event.record.status !== "success",
          () => Effect.never
        )
      ),
    accounting: Effect.sync(counter.snapshot),
    close,
    lastArrival: Effect.sync(() => lastArrival),
    open
  })
})

/**
 * Layer of {@link make}. `extension-node` has one that brings its own listener
 * and transport.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<TelemetryReceiver, TelemetryListenerError, TelemetryListener | TelemetryApi> =>
  Layer.effect(TelemetryReceiver, make(options))
