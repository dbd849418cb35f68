/**
 * Makes faults happen at the edges of the environment. Every input enters the state machine through the injector, every
 * answer leaves through it, and it hears of every journal event. The state machine knows nothing of faults; it sees
 * what Lambda would see.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import type { Exchange, Input } from "../environment/EnvironmentState.ts"
import type { Fault, Moment, Route } from "../FaultKinds.ts"
import type { JournalEvent } from "../journal/JournalEvent.ts"
import type { Source } from "../Source.ts"
import type { Profile } from "../../Profile.ts"
import type { ConnectionEnd, RuntimeApiServer } from "../server/RuntimeApiServer.ts"
import type { Batch } from "../telemetry/Batcher.ts"
import type { Parcel } from "../telemetry/Subscriber.ts"
import type { Subscription } from "../telemetry/Subscription.ts"
import type { WireResponse } from "../wire/Wire.ts"
import * as Answers from "./Answers.ts"
import * as Deliveries from "./Deliveries.ts"

export interface FaultInjector {
  /**
   * The way in. An input whose turn has come is handled, unless a fault takes it away, or makes it wait: then it is
   * dispatched again later.
   */
  readonly enter: (input: Input, handle: () => void) => void
  /** The way out. The answer leaves through the server, changed by faults; `undefined` closes the connection. */
  readonly leave: (exchange: Exchange, response: WireResponse | undefined) => void
  /** Something is in the journal: some faults follow on it. */
  readonly happened: (event: JournalEvent) => void
  /** A batch leaves for the listener of a process: as it is, changed, in pieces, or twice. */
  readonly parcelsOf: (source: Source, subscription: Subscription, batch: Batch) => ReadonlyArray<Parcel>
}

export interface FaultInjectorOptions {
  readonly profile: Profile
  readonly faults: ReadonlyArray<Fault>
  readonly seed: number
  readonly now: () => number
  readonly dispatch: (input: Input) => void
  readonly record: (event: JournalEvent) => void
  readonly server: () => RuntimeApiServer
  /** Kills the process; `false` means that it does not run. */
  readonly kill: (source: Source) => boolean
  /** Stops the process, and gives the way to let it go on. */
  readonly pause: (source: Source) => () => void
}

/** A request that waits for its answer. */
interface Pending {
  readonly exchange: Exchange
  readonly route: Route
  readonly source: Source
}

const yearMs = 365 * 24 * 3_600_000

/** The time limit that an event of an unknown type names. */
const eventMs = 2000

/** A number from 0 to 1 that depends on nothing but the text. */
const chance = (text: string): number => Crypto.createHash("sha256").update(text).digest().readUInt32BE(0) / 2 ** 32

/** The moment that a journal event is, and the process whose moment it is; `undefined` means every process. */
const momentOf = (event: JournalEvent): readonly [Moment, Source | undefined] | undefined => {
  switch (event._tag) {
    case "ProcessStarted":
      return ["init", event.source]
    case "InvocationDelivered":
      return ["during-invoke", "runtime"]
    case "RuntimeResponded":
      return ["after-response", undefined]
    case "EventDelivered":
      return [event.eventType === "SHUTDOWN" ? "shutdown" : "during-invoke", event.source]
    case "Killed":
      return event.source === "runtime" && event.signal === "SIGTERM" ? ["shutdown", "runtime"] : undefined
    default:
      return undefined
  }
}

export const make = Effect.fnUntraced(function* (
  options: FaultInjectorOptions
): Effect.fn.Return<FaultInjector, never, Scope.Scope> {
  const { dispatch, kill, now, pause, profile, record, seed, server } = options
  const faults = options.faults.map((fault, index) => ({ fault, index }))
  const run = yield* FiberSet.makeRuntime<never>()
  const counts = new Map<string, number>()
  const pending = new Map<Exchange, Pending>()
  const sources = new Map<string, Source>()
  /** Invocations whose answer never arrives. */
  const muted = new Map<string, Fault>()
  const held: Array<Input> = []
  let hold: { readonly fault: Fault; readonly until: number } | undefined

  const note = (fault: Fault, target: Source | undefined, description: string): void =>
    record({ _tag: "FaultInjected", fault, target, description })

  const after = (delay: Duration.Input, act: () => void): void => {
    const delayMs = Duration.toMillis(delay)
    // No timer is used: a process that is killed as an event leaves must not have the time to answer it.
    if (delayMs === 0) return act()
    const acting = Effect.andThen(Effect.sleep(delayMs), Effect.sync(act))
    run(Effect.tapCause(acting, (cause) => Effect.logError("emulator: a fault failed", cause)))
  }

  /** Counts an occurrence, and tells whether the fault hits it. */
  const hits = (fault: Fault, index: number, source: Source): boolean => {
    const key = `${index} ${source}`
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    const when = fault.when ?? { at: 1 }
    if ("at" in when) return count === when.at
    if ("every" in when) return count % when.every === 0
    return chance(`${seed} ${key} ${count}`) < when.probability
  }

  const pendingOf = (input: Input): Pending | undefined => {
    if (input._tag === "RuntimeRequest") {
      const { exchange, route } = input.request
      return { exchange, route, source: "runtime" }
    }
    if (input._tag !== "ExtensionRequest") return undefined
    const { request } = input
    const { exchange, route } = request
    if (request.route === "register") return { exchange, route, source: `extension:${request.name}` }
    return { exchange, route, source: sources.get(request.identifier) ?? `extension:${request.identifier}` }
  }

  /**
   * Tells whether a fault takes the request away. Every fault that it concerns counts it, and the first that hits acts.
   */
  const taken = (input: Input, { exchange, route, source }: Pending): boolean => {
    let act: (() => void) | undefined
    for (const { fault, index } of faults) {
      if (fault._tag === "Reset" && fault.route === route && hits(fault, index, source)) {
        act ??= () => {
          note(fault, source, `the connection of ${route} is reset`)
          server().reset(exchange)
        }
      }
      if (input._tag !== "ExtensionRequest") continue
      const { request } = input
      if (fault._tag === "Status" && fault.route === route && hits(fault, index, source)) {
        act ??= () => {
          note(fault, source, `${route} is refused with ${fault.status}`)
          server().reply(exchange, Answers.refusal(profile, fault, request))
        }
      }
      if (fault._tag === "Event" && route === "next" && hits(fault, index, source)) {
        act ??= () => {
          note(fault, source, `next is answered with an event of the type ${fault.eventType}`)
          server().reply(exchange, Answers.unknownEvent(fault.eventType, now() + eventMs, Crypto.randomUUID()))
        }
      }
    }
    if (input._tag === "RuntimeRequest" && "requestId" in input.request) {
      const { requestId } = input.request
      const fault = muted.get(requestId)
      // No answer goes back either: a runtime whose answer is lost waits.
      if (fault !== undefined) act ??= () => note(fault, source, `the runtime's answer to ${requestId} is lost`)
    }
    act?.()
    return act !== undefined
  }

  /** The body of an answer with status 200. */
  const changed = (body: string, fault: Fault, index: number, { route, source }: Pending): string => {
    switch (fault._tag) {
      case "Deadline": {
        if (route !== "next" || !Answers.isEvent(body, fault.event) || !hits(fault, index, source)) return body
        const deadlineMs = fault.deadlineMs === "year-ahead" ? now() + yearMs : fault.deadlineMs
        note(fault, source, `${fault.event} says deadlineMs ${deadlineMs}`)
        return Answers.withDeadline(body, deadlineMs)
      }
      case "NoTracing": {
        const without = Answers.withoutTracing(body)
        if (route !== "next" || without === body || !hits(fault, index, source)) return body
        note(fault, source, "INVOKE has no tracing")
        return without
      }
      case "Fields": {
        if (fault.route !== route || !hits(fault, index, source)) return body
        note(fault, source, `the answer to ${route} has unknown fields`)
        return Answers.withFields(body)
      }
      default:
        return body
    }
  }

  const enterRequest = (input: Input, request: Pending, handle: () => void): void => {
    const { exchange, route, source } = request
    if (taken(input, request)) return
    pending.set(exchange, request)
    handle()
    if (route !== "next" || !pending.has(exchange)) return
    for (const { fault, index } of faults) {
      if (fault._tag !== "DropParkedNext" || !hits(fault, index, source)) continue
      note(fault, source, "the connection of the waiting next is cut; the poll stands")
      server().cut(exchange)
    }
  }

  const send = ({ exchange, source }: Pending, answer: WireResponse, end: ConnectionEnd | undefined): void => {
    // An answer to the runtime may be larger than what a connection holds while nobody reads.
    if (end !== "after-answer" || source === "runtime") return server().reply(exchange, answer, end)
    // A client that asks again at once would race with the end of the connection.
    server().reply(exchange, answer, end, pause(source))
  }

  const release = (): void => {
    hold = undefined
    for (const input of held.splice(0)) dispatch(input)
  }

  /** An input that would end the freeze waits, in its order. */
  const holds = (input: Input): boolean => {
    if (hold === undefined || (input._tag !== "Invoke" && input._tag !== "Shutdown")) return false
    const left = hold.until - now()
    if (left <= 0 && held.length === 0) return false
    held.push(input)
    if (held.length > 1) return true
    note(hold.fault, undefined, `the freeze is held for ${left} ms more`)
    after(left, release)
    return true
  }

  const strike = (moment: Moment, whose: Source | undefined): void => {
    for (const { fault, index } of faults) {
      if (fault._tag === "Crash" && fault.moment === moment && (whose ?? fault.source) === fault.source) {
        if (!hits(fault, index, fault.source)) continue
        after(fault.delay ?? 0, () => {
          if (kill(fault.source)) note(fault, fault.source, `SIGKILL to the process (${moment})`)
        })
      }
      if (fault._tag === "Shutdown" && fault.moment === moment && (whose ?? "runtime") === "runtime") {
        if (!hits(fault, index, "runtime")) continue
        after(fault.delay ?? 0, () => {
          note(fault, undefined, `the environment is shut down (${moment})`)
          dispatch({ _tag: "Shutdown", reason: "spindown" })
        })
      }
    }
  }

  return {
    enter: (input, handle) => {
      if (holds(input)) return
      const request = pendingOf(input)
      if (request === undefined) handle()
      else enterRequest(input, request, handle)
    },
    leave: (exchange, response) => {
      const request = pending.get(exchange)
      pending.delete(exchange)
      if (response === undefined) return server().drop(exchange)
      if (request === undefined) return server().reply(exchange, response)
      const { route, source } = request
      let { body } = response
      let delayMs = 0
      let end: ConnectionEnd | undefined
      for (const { fault, index } of faults) {
        if (fault._tag === "Slow" && fault.route === route && hits(fault, index, source)) {
          delayMs += Duration.toMillis(fault.delay)
          note(fault, source, `the answer to ${route} leaves ${Duration.toMillis(fault.delay)} ms later`)
        }
        if (fault._tag === "Partial" && fault.route === route && hits(fault, index, source)) {
          end = { afterBytes: fault.bytes }
          note(fault, source, `the answer to ${route} is cut after ${fault.bytes} bytes`)
        }
        if (fault._tag === "Close" && fault.route === route && hits(fault, index, source)) {
          end ??= "after-answer"
          note(fault, source, `the connection is closed after the answer to ${route}`)
        }
        if (response.status === 200 && typeof body === "string") body = changed(body, fault, index, request)
      }
      const answer = { ...response, body }
      after(delayMs, () => send(request, answer, end))
    },
    parcelsOf: (source, subscription, batch) => {
      let parcels: ReadonlyArray<Parcel> = [Deliveries.parcelOf(batch)]
      for (const { fault, index } of faults) {
        if (fault._tag !== "Delivery") continue
        const changed = Deliveries.changeOf(fault.change, subscription, now)(parcels)
        if (changed === undefined || !hits(fault, index, source)) continue
        note(fault, source, `a delivery of telemetry is changed: ${fault.change}`)
        parcels = changed
      }
      return parcels
    },
    happened: (event) => {
      const moment = momentOf(event)
      if (moment !== undefined) strike(...moment)
      switch (event._tag) {
        case "Registered":
          sources.set(event.identifier, event.source)
          return
        case "InvocationStarted":
          for (const { fault, index } of faults) {
            if (fault._tag === "Timeout" && hits(fault, index, "runtime")) muted.set(event.requestId, fault)
          }
          return
        case "InvocationDone":
          muted.delete(event.requestId)
          return
        case "Frozen":
          for (const { fault, index } of faults) {
            if (fault._tag !== "HoldThaw" || !hits(fault, index, "runtime")) continue
            hold = { fault, until: now() + Duration.toMillis(fault.hold) }
          }
          return
        case "Thawed":
          hold = undefined
          return
        default:
          return
      }
    }
  }
})
