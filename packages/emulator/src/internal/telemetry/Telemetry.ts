/**
 * The Telemetry and Logs services of one environment: turns journal events into events, keeps the history for later
 * subscribers, and gives everything to the subscribers.
 */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { JournalEvent } from "../journal/JournalEvent.ts"
import type { WireRecord } from "../journal/WireRecord.ts"
import type { Source } from "../Source.ts"
import type { Profile } from "../../Profile.ts"
import { isDeeperThan } from "../wire/JsonDepth.ts"
import { withoutBreak } from "../process/LineFraming.ts"
import * as Gates from "./Gate.ts"
import type { PlatformEventsOptions } from "./PlatformEvents.ts"
import * as PlatformEvents from "./PlatformEvents.ts"
import * as LmiHeaders from "./lmi/Headers.ts"
import { probe } from "./lmi/Probe.ts"
import * as LmiSubscribers from "./lmi/Subscriber.ts"
import * as Sender from "./Sender.ts"
import type { Batch } from "./Batcher.ts"
import type { Parcel, Subscriber, SubscriberOptions } from "./Subscriber.ts"
import * as Subscribers from "./Subscriber.ts"
import type { Subscription } from "./Subscription.ts"
import { describeDestination } from "./Subscription.ts"
import type { TelemetryEvent } from "./TelemetryEvent.ts"
import { logTypeOf } from "./TelemetryEvent.ts"

/** Characters of events that are kept for later subscribers. */
const maxHistoryCharacters = 16 * 1_048_576

export interface Telemetry {
  /** A journal event has been recorded in the journal. */
  readonly happened: (event: JournalEvent, at: number) => void
  /** A process has written a line, with its line break. */
  readonly wrote: (source: Source, line: string, at: number) => void
  /** The state machine has accepted a subscription. */
  readonly subscribe: (source: Source, subscription: Subscription) => void
  /** Looks whether a process listens on the port. */
  readonly connect: (port: number, onConnected: (problem: string | undefined) => void) => void
  /** Delivers all events that wait. */
  readonly flush: (onFlushed: () => void) => void
}

export interface TelemetryOptions extends PlatformEventsOptions {
  readonly profile: Profile
  /** The address of the sandbox, to which telemetry is delivered. */
  readonly address: string
  /** The form of a line of JSON: text, or an object if the schema version has objects. */
  readonly logFormat: "text" | "json"
  /** `true` if nothing runs as soon as all wait in next; otherwise the journal says when. */
  readonly holdsAtOnce: boolean
  readonly now: () => number
  readonly record: (event: JournalEvent) => void
  /** Records all deliveries. Default: none is recorded. */
  readonly wire: WireRecord | undefined
  /** The batch as it leaves for a listener of this process: faults change it. */
  readonly parcelsOf: (source: Source, subscription: Subscription, batch: Batch) => ReadonlyArray<Parcel>
}

// Go's `encoding/json` reads no more levels than this, and the record adds a level around the line.
const deepest = 9999

/** The text of the object in a JSON log line, as the process wrote it: numbers of any size and repeated fields stay. */
const jsonOf = (line: string): string | undefined => {
  // A line break between the tokens would end a line of TCP.
  const text = line.trim().replaceAll(/[\r\n]/g, " ")
  if (!text.startsWith("{") || isDeeperThan(text, deepest)) return undefined
  try {
    JSON.parse(text)
    return text
  } catch {
    return undefined
  }
}

const none: Telemetry = { happened: () => {}, wrote: () => {}, subscribe: () => {}, connect: () => {}, flush: () => {} }

export const make = Effect.fnUntraced(function* (
  options: TelemetryOptions
): Effect.fn.Return<Telemetry, never, Scope.Scope> {
  const { address, holdsAtOnce, logFormat, now, parcelsOf, profile, record, wire } = options
  if (profile.telemetryApi === "stub") return none
  const platformEvents = PlatformEvents.make(options)
  const gate = Gates.make()
  const subscribers = new Set<Subscriber>()
  const senders = new Set<Sender.Sender>()
  const runTimer = yield* FiberMap.makeRuntime<never, Subscription>()
  const run = yield* FiberSet.makeRuntime<never>()
  const deliveries = yield* FiberMap.make<Subscription>()
  const runDelivery = yield* FiberMap.runtime(deliveries)<never>()
  /** The events since the environment, or its next generation, began; `undefined` if it is too late to subscribe. */
  let history: Array<TelemetryEvent> | undefined = []
  let historyCharacters = 0
  let lastDelivery = 0
  /** Events after so much output are not replayed. Earlier subscribers have got them. */
  let forgotten = { records: 0, bytes: 0 }

  const remember = (event: TelemetryEvent): void => {
    if (history === undefined) return
    const characters = "text" in event ? event.text.length : 0
    if (historyCharacters + characters > maxHistoryCharacters) {
      forgotten = { records: forgotten.records + 1, bytes: forgotten.bytes + characters }
      return
    }
    historyCharacters += characters
    history.push(event)
  }

  const publish = (event: TelemetryEvent): void => {
    remember(event)
    for (const subscriber of subscribers) subscriber.offer(event)
  }

  const flush = (): void => {
    for (const subscriber of subscribers) subscriber.flush()
  }

  const end = (): void => {
    const ended = [...subscribers]
    // Deliveries stop first: no subscriber gets anything any more, not even a report of dropped events.
    subscribers.clear()
    for (const subscriber of ended) subscriber.end()
    run(FiberMap.clear(deliveries))
  }

  return {
    wrote: (source, line, at) => {
      const text = profile.keepsLineBreak ? line : withoutBreak(line)
      publish({ at, type: logTypeOf(source), text, json: logFormat === "json" ? jsonOf(line) : undefined })
    },
    happened: (event, at) => {
      switch (event._tag) {
        case "InitStarted":
        case "InvocationStarted":
        case "ShutdownStarted":
        case "Thawed":
          gate.release()
          break
        default:
          break
      }
      for (const told of platformEvents(event, at)) publish(told)
      switch (event._tag) {
        case "InitEnded":
          if (event.status !== "success") break
          history = undefined
          if (event.phase === "init" && holdsAtOnce) gate.hold()
          break
        case "InvocationDone":
          if (event.status === "success" && holdsAtOnce) gate.hold()
          break
        case "Frozen":
          gate.hold()
          break
        case "SnapshotTaken":
          // The next delivery comes from outside of the snapshot, over a connection of its time.
          for (const sender of senders) sender.close()
          break
        case "ProcessExited":
          // The end of an input stream (docs/protocol.md#batches).
          if (event.source === "runtime") flush()
          break
        case "ShutdownEnded":
          if (!event.reset) return end()
          // Nothing runs before the next invocation, whose generation has a new history.
          gate.hold()
          history = []
          historyCharacters = 0
          forgotten = { records: 0, bytes: 0 }
          break
        default:
          break
      }
    },
    connect: (port, onConnected) => {
      run(
        Effect.match(probe(port), {
          onFailure: ({ problem }) => onConnected(problem),
          onSuccess: () => onConnected(undefined)
        })
      )
    },
    flush: (onFlushed) => {
      flush()
      const flushed = Effect.forEach(subscribers, ({ idle }) => idle, { concurrency: "unbounded", discard: true })
      run(Effect.andThen(flushed, Effect.sync(onFlushed)))
    },
    subscribe: (source, subscription) => {
      const { destination } = subscription
      const where = { source, destination: describeDestination(destination) }
      const headers = profile.retriesDelivery ? Sender.realHeaders : LmiHeaders.headers
      const bare =
        destination.protocol === "TCP"
          ? Sender.tcp(address, destination.port)
          : Sender.http({ destination, headers, host: address })
      const number = () => ++lastDelivery
      const sender = wire === undefined ? bare : Sender.recorded(bare, wire, { source, destination, now, number })
      senders.add(sender)
      const shared: Omit<SubscriberOptions, "gate" | "now"> = {
        subscription,
        sender,
        runTimer: (timer) => void runTimer(subscription, timer),
        parcelsOf: (batch) => parcelsOf(source, subscription, batch),
        onDelivered: ({ bytes, extra, records }, status) =>
          record({ _tag: "TelemetryDelivered", ...where, records, bytes, status, ...(extra > 0 && { extra }) }),
        onFailed: ({ bytes, records }, problem) =>
          record({ _tag: "TelemetryNotDelivered", ...where, records, bytes, problem }),
        onLost: (lost) => {
          record({ _tag: "TelemetryDropped", ...where, ...lost })
          const { bytes: droppedBytes, reason, records: droppedRecords } = lost
          // The real service tells only the subscriber that lost events, when a delivery has made room.
          if (!profile.retriesDelivery)
            publish({ at: now(), type: "platform.logsDropped", droppedBytes, droppedRecords, reason })
        }
      }
      const subscriber = profile.retriesDelivery
        ? Subscribers.make({ ...shared, gate, now })
        : LmiSubscribers.make(shared)
      subscribers.add(subscriber)
      for (const event of history ?? []) subscriber.offer(event)
      if (forgotten.records > 0) {
        const reason = "more was printed before the subscription than is kept"
        record({ _tag: "TelemetryDropped", ...where, ...forgotten, reason })
        const { bytes: droppedBytes, records: droppedRecords } = forgotten
        subscriber.offer({ at: now(), type: "platform.logsDropped", droppedBytes, droppedRecords, reason })
      }
      const report = (defect: unknown) => Effect.logError("emulator: a telemetry delivery failed", defect)
      runDelivery(
        subscription,
        Effect.ensuring(Effect.tapDefect(subscriber.deliver, report), Effect.sync(sender.close))
      )
    }
  }
})
