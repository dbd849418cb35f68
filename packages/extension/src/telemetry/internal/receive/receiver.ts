/** The receiver: bytes become records in the queues of consumers, and the ends of invocations are known. */
import { Clock } from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Deadline from "../../../Deadline.ts"
import type { InvokeEvent } from "../../../ExtensionEvent.ts"
import * as deliveries from "./deliveries.ts"
import { type ConsumerQueue, itemsOf, type OpenQueue, type Taking } from "../delivery/consumer.ts"
import { decodeAt, decodeElement } from "./decodeElement.ts"
import { type Invocation, Invocations } from "./invocations.ts"
import * as framing from "./framing.ts"
import { type Bounds, Queue, type Unmeasured } from "../delivery/queue.ts"
import type { Sizes } from "../record/body.ts"
import type { Whole } from "../record/json.ts"
import { writtenOf } from "../record/originalText.ts"
import { ofStream } from "../delivery/streamConsumer.ts"
import { whileUnreachable } from "../../../internal/api/whileUnreachable.ts"
import type * as PlatformEvent from "../../PlatformEvent.ts"
import type { Registration } from "../../../Registration.ts"
import * as TelemetryAccounting from "../../TelemetryAccounting.ts"
import type * as TelemetryEvent from "../../TelemetryEvent.ts"
import type { ReceiverOptions } from "../../TelemetrySubscription.ts"
import { TelemetryTransport } from "../../TelemetryTransport.ts"

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

const acceptedBy = ({ accepts }: Taking, events: ReadonlyArray<TelemetryEvent.TelemetryEvent>) =>
  accepts === undefined ? events : events.filter(accepts)

const sumOf = (sizes: ReadonlyArray<number>) => sizes.reduce((sum, size) => sum + size, 0)

/**
 * What a consumer that chooses is charged for. Most of a body is charged as the whole of it, which it keeps, until it matters
 * what that takes. A lesser part gets its texts and leaves the body: three records of an invocation that wait for a backend
 * would keep its thousand lines in memory otherwise.
 */
const charge = (
  { body, most }: Whole,
  events: ReadonlyArray<TelemetryEvent.TelemetryEvent>,
  taken: ReadonlyArray<TelemetryEvent.TelemetryEvent>
): { readonly whole?: Unmeasured; readonly sizes?: Sizes } => {
  if (taken.length === events.length) return { whole: { most, body } }
  const sizes = () => body.sizesAt(placesOf(events, taken))
  if (taken.length * 4 > events.length * 3) return { whole: { most, body: { sizes } } }
  const known = sizes()
  if (sumOf(known.bytes) * 2 < most.bytes) for (const event of taken) writtenOf(event)
  return { sizes: known }
}

/** The places of events among those from which they were taken, in the same order. */
const placesOf = (
  events: ReadonlyArray<TelemetryEvent.TelemetryEvent>,
  taken: ReadonlyArray<TelemetryEvent.TelemetryEvent>
): ReadonlyArray<number> => {
  const places: Array<number> = []
  for (let index = 0; index < events.length && places.length < taken.length; index++) {
    if (events[index] === taken[places.length]) places.push(index)
  }
  return places
}

const mebibyte = 1024 * 1024

// `platform.start` comes with the first batch of an invocation. If it is missing, there is nothing to wait for.
const silenceMillis = 2000
// After so many invocations in a row without telemetry, none is expected any more.
const silentInvocations = 3
const shortSilenceMillis = 100

/** Binds the listener. `open`, `invoked`, `lastArrival` and what follows `accounting` exist for `Telemetry` alone. */
export const make = Effect.fnUntraced(function* (options: ReceiverOptions) {
  const transport = yield* TelemetryTransport
  const clock = yield* Clock
  const counter = yield* TelemetryAccounting.make
  const { maxBodyBytes = 8 * mebibyte, method = "POST", protocol = "HTTP", types } = options
  const bounds: Bounds = {
    maxRecords: options.queue?.maxRecords ?? 50_000,
    maxBytes: options.queue?.maxBytes ?? transport.queueBytes
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

  /** Sees the records before any queue does. */
  const observers: Array<(events: ReadonlyArray<TelemetryEvent.TelemetryEvent>) => void> = []

  const offer = (events: ReadonlyArray<TelemetryEvent.TelemetryEvent>, at: number, whole?: Whole) => {
    for (const observe of observers) observe(events)
    for (const { count, queue, taking } of consumers) {
      const taken = acceptedBy(taking, events)
      count.offered(taken.length)
      // In a flood nothing is measured.
      const isMeasured = whole !== undefined && taken.length > 0 && !queue.isFull
      const refused = queue.offer(taken, at, isMeasured ? charge(whole, events, taken) : { whole })
      if (refused > 0) count.add("droppedByQueue", itemsOf(taking, taken.slice(taken.length - refused)))
    }
  }

  const receive = ({ records, whole }: deliveries.Parsed, at: number) => {
    let undecodable = 0
    const over: Array<Invocation | undefined> = []
    const note = (event: TelemetryEvent.TelemetryEvent) => {
      switch (event.type) {
        // Nearly every record, so it is the first that is compared.
        case "function":
          break
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
    const events: Array<TelemetryEvent.TelemetryEvent> = []
    for (const record of records) events.push(note(decodeElement(record, underWay)))
    // A loop, and no callback for each: this runs for every record.
    if (whole !== undefined) {
      const { body, values } = whole
      for (let index = 0; index < values.length; index++) events.push(note(decodeAt(values, body, index, underWay)))
    }
    counter.received(events.length - undecodable, undecodable)
    // An undecodable record is longer than its text was.
    offer(events, at, undecodable === 0 ? whole : undefined)
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

  // A fork, so that a transport that fails half-way releases what it has bound.
  const listening = yield* Scope.fork(yield* Effect.scope)
  const listen = (port: number) =>
    Scope.provide(
      transport.listen(
        { protocol, host: options.host ?? transport.host, port, maxBodyBytes },
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
  const { port } = yield* options.port !== undefined || transport.port === undefined
    ? listen(options.port ?? 0)
    : Effect.catch(listen(transport.port), (taken) =>
        Effect.andThen(
          Effect.logWarning(
            `the port of the subscription that the entry of the layer made is not free. ${taken.message}`
          ),
          listen(0)
        )
      )

  const unbind = Effect.suspend(() => {
    isSubscribed = false
    return Scope.close(listening, Exit.void)
  }).pipe(Effect.andThen(Effect.sync(() => receiveParsed(joining.close(), clock.currentTimeMillisUnsafe()))))

  const close = unbind.pipe(
    Effect.andThen(
      Effect.sync(() => {
        isClosed = true
        for (const { queue } of consumers) queue.end()
      })
    )
  )
  yield* Effect.addFinalizer(() => close)

  const open: OpenQueue = (name, waiting, taking = {}) => {
    const queue = new Queue(bounds)
    if (isClosed) queue.end()
    const count = counter.consumer(name, () => waiting(queue), taking.countOf === undefined)
    const consumer: ConsumerQueue = {
      queue,
      taking,
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

  return {
    port,
    types,
    subscribe: (registration: Registration) =>
      whileUnreachable(
        transport.subscribe(registration, {
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
    /** An invocation has begun; what is asked from then on is asked of this attempt. */
    invoked: (event: InvokeEvent) =>
      Effect.sync(() => {
        invocations.invoked(event)
      }),
    functionFailed: (requestId: string) =>
      Effect.suspend(() => Deferred.await(invocations.of(requestId).done)).pipe(
        Effect.filterOrElse(
          (event) => event.record.status !== "success",
          () => Effect.never
        )
      ),
    accounting: Effect.sync(counter.snapshot),
    /** Takes no more records of Lambda; the queues are open for those of others. */
    unbind,
    close,
    /** Lets a consumer see the records of each body before any queue does. */
    observe: (observer: (events: ReadonlyArray<TelemetryEvent.TelemetryEvent>) => void) => {
      observers.push(observer)
    },
    /** Records that do not come from Lambda. */
    offer: (events: ReadonlyArray<TelemetryEvent.TelemetryEvent>) => offer(events, clock.currentTimeMillisUnsafe()),
    /** Whether every queue has room for those of these records that it is offered. */
    fits: (events: ReadonlyArray<TelemetryEvent.TelemetryEvent>) =>
      consumers.length > 0 &&
      consumers.every(({ queue, taking }) => {
        const taken = acceptedBy(taking, events)
        return taken.length === 0 || queue.fits(taken)
      }),
    /** When something last arrived, epoch milliseconds. */
    lastArrival: Effect.sync(() => lastArrival),
    /** Opens a queue for another consumer. */
    open
  }
})

export type Receiver = Effect.Success<ReturnType<typeof make>>
