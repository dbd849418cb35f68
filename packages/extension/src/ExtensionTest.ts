/**
 * Tests of extensions without AWS, sockets or real time: an in-memory
 * `ExtensionsApi` that plays a script of events and keeps a journal of calls.
 *
 * It is as strict as Lambda: calls in an order that Lambda refuses are refused
 * with the same errors. Time is the `Clock`, so `TestClock` drives it.
 *
 * **Example** (An extension under test)
 *
 * ```ts
 * import { Extension, ExtensionTest } from "@effect-lambda/extension"
 * import * as Effect from "effect/Effect"
 *
 * export const test = Effect.gen(function* () {
 *   yield* Extension.run({ onInvoke: (event) => ExtensionTest.note(`handled ${event.requestId}`) })
 *   return (yield* ExtensionTest.journal).map((entry) => entry._tag)
 *   // => ["Registered", "Next", "Event", "Note", "Next", "Event", "ExitAt"]
 * }).pipe(Effect.provide(ExtensionTest.layer([ExtensionTest.invoke(), ExtensionTest.shutdown()])))
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import {
  type ErrorRequest,
  ExtensionsApiError,
  type ExtensionsApiErrorReason,
  Rejected,
  Unreachable
} from "./ExtensionError.ts"
import type { EventType, ExtensionEvent, ShutdownReason, Tracing } from "./ExtensionEvent.ts"
import { ExtensionsApi } from "./ExtensionsApi.ts"
import { HostProcess } from "./HostProcess.ts"
import { type InitializationType, LambdaEnvironment } from "./LambdaEnvironment.ts"
import * as telemetryInMemory from "./internal/telemetryInMemory.ts"
import type { Registration } from "./Registration.ts"
import type { TelemetryApi } from "./TelemetryApi.ts"
import type { TelemetryListener } from "./TelemetryListener.ts"
import type { Subscription } from "./TelemetrySubscription.ts"
import type { Delivery } from "./TelemetryTest.ts"

/**
 * One answer of next, made by the constructors below.
 *
 * @category models
 * @since 0.1.0
 */
export type Step =
  | {
      readonly _tag: "Event"
      readonly make: (now: number, index: number) => ExtensionEvent
      readonly delivers: ReadonlyArray<Delivery>
    }
  | { readonly _tag: "Failure"; readonly reason: ExtensionsApiErrorReason }
  | { readonly _tag: "Lost"; readonly standsMillis: number }
  | { readonly _tag: "Delay"; readonly millis: number }

/**
 * An INVOKE event. The request ids of a script are `request-1`, `request-2`, …
 *
 * @param options.timeout time until the deadline. Default: 3 seconds
 * @param options.deadlineMs the deadline itself, for implausible ones
 * @param options.delivers telemetry that arrives with it or after it
 * @category constructors
 * @since 0.1.0
 */
export const invoke = (
  options: {
    readonly requestId?: string | undefined
    readonly timeout?: Duration.Input | undefined
    readonly deadlineMs?: number | undefined
    readonly tracing?: Tracing | undefined
    readonly delivers?: ReadonlyArray<Delivery> | undefined
  } = {}
): Step => ({
  _tag: "Event",
  delivers: options.delivers ?? [],
  make: (now, index) => ({
    eventType: "INVOKE",
    deadlineMs: options.deadlineMs ?? now + Duration.toMillis(options.timeout ?? "3 seconds"),
    requestId: options.requestId ?? `request-${index}`,
    invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:test",
    ...(options.tracing === undefined ? undefined : { tracing: options.tracing })
  })
})

/**
 * The SHUTDOWN event.
 *
 * @param options.reason default: `spindown`
 * @param options.timeout time until the deadline. Default: 2 seconds
 * @param options.delivers telemetry that arrives with it or after it
 * @category constructors
 * @since 0.1.0
 */
export const shutdown = (
  options: {
    readonly reason?: ShutdownReason | undefined
    readonly timeout?: Duration.Input | undefined
    readonly delivers?: ReadonlyArray<Delivery> | undefined
  } = {}
): Step => ({
  _tag: "Event",
  delivers: options.delivers ?? [],
  make: (now) => ({
    eventType: "SHUTDOWN",
    deadlineMs: now + Duration.toMillis(options.timeout ?? "2 seconds"),
    shutdownReason: options.reason ?? "spindown"
  })
})

/**
 * An event of a type the library does not know.
 *
 * @category constructors
 * @since 0.1.0
 */
export const unknown = (payload: { readonly eventType: string; readonly [key: string]: unknown }): Step => ({
  _tag: "Event",
  delivers: [],
  make: () => ({ eventType: "UNKNOWN", payload })
})

/**
 * Next fails with this reason; the state of the extension does not change.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failure = (reason: ExtensionsApiErrorReason): Step => ({ _tag: "Failure", reason })

/**
 * The parked poll loses its connection. As on Lambda it goes on standing for a
 * while (default: 1 second) and refuses other polls meanwhile; the next step of
 * the script is for the first poll after that.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lost = (standsFor: Duration.Input = "1 second"): Step => ({
  _tag: "Lost",
  standsMillis: Duration.toMillis(standsFor)
})

/**
 * The poll stays parked for a while before the next step.
 *
 * @category constructors
 * @since 0.1.0
 */
export const delay = (duration: Duration.Input): Step => ({ _tag: "Delay", millis: Duration.toMillis(duration) })

/**
 * What happened, in order; `at` is the clock's time in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry = { readonly at: number } & (
  | { readonly _tag: "Registered"; readonly name: string; readonly events: ReadonlyArray<EventType> }
  | { readonly _tag: "Next" }
  | { readonly _tag: "Event"; readonly event: ExtensionEvent }
  | { readonly _tag: "PollInterrupted" }
  | { readonly _tag: "Subscribed"; readonly subscription: Subscription }
  | { readonly _tag: "Delivered"; readonly bytes: number }
  | { readonly _tag: "InitError" | "ExitError"; readonly error: ErrorRequest }
  | { readonly _tag: "Refused"; readonly error: ExtensionsApiError }
  | { readonly _tag: "ExitAt"; readonly epochMillis: number; readonly code: number }
  | { readonly _tag: "Note"; readonly text: string }
)

type NewEntry = Entry extends infer E ? (E extends Entry ? Omit<E, "at"> : never) : never

/**
 * The test's side of the in-memory Lambda.
 *
 * - `journal`: what has happened so far
 * - `note`: writes a line of the test's own into the journal, to see its place
 *   among the calls
 * - `terminate`: sends the process a signal
 *
 * @category services
 * @since 0.1.0
 */
export class ExtensionTest extends Context.Service<
  ExtensionTest,
  {
    readonly journal: Effect.Effect<ReadonlyArray<Entry>>
    readonly note: (text: string) => Effect.Effect<void>
    readonly terminate: (signal: "SIGTERM" | "SIGINT") => Effect.Effect<void>
  }
>()("@effect-lambda/extension/ExtensionTest") {}

/**
 * What has happened so far.
 *
 * @category accessors
 * @since 0.1.0
 */
export const journal: Effect.Effect<ReadonlyArray<Entry>, never, ExtensionTest> = Effect.flatMap(
  ExtensionTest,
  (test) => test.journal
)

/**
 * Writes a line of the test's own into the journal.
 *
 * @category accessors
 * @since 0.1.0
 */
export const note = (text: string): Effect.Effect<void, never, ExtensionTest> =>
  Effect.flatMap(ExtensionTest, (test) => test.note(text))

/**
 * Sends the process a signal, as a person at a terminal does.
 *
 * @category accessors
 * @since 0.1.0
 */
export const terminate = (signal: "SIGTERM" | "SIGINT"): Effect.Effect<void, never, ExtensionTest> =>
  Effect.flatMap(ExtensionTest, (test) => test.terminate(signal))

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Base name of the extension's file. Default: `extension`. */
  readonly fileName?: string | undefined
  /** Default: `on-demand`. */
  readonly initializationType?: InitializationType | undefined
  /** A registration made before the process began. */
  readonly registration?: Registration | undefined
  /** `"not supported"` answers a telemetry subscription as local emulators do. Default: `"supported"`. */
  readonly telemetry?: "supported" | "not supported" | undefined
  /** Telemetry from before the first event: it arrives as soon as somebody has subscribed. */
  readonly history?: ReadonlyArray<Delivery> | undefined
  /** The first registers fail with these. */
  readonly registerFailures?: ReadonlyArray<ExtensionsApiErrorReason> | undefined
}

type State = "Started" | "Registered" | "Ready" | "Running" | "InitError" | "ExitError"

const identifier = "00000000-0000-4000-8000-000000000001"

const transitionError = (from: State, to: string, name: string) =>
  new Rejected({
    status: 403,
    errorType: "Extension.InvalidExtensionState",
    errorMessage: `State transition from ${from} to ${to} failed for extension ${name}. Error: State transition is not allowed`
  })

const make = Effect.fnUntraced(function* (script: ReadonlyArray<Step>, options: Options) {
  const fileName = options.fileName ?? "extension"
  const steps = [...script]
  const registerFailures = [...(options.registerFailures ?? [])]
  const entries: Array<Entry> = []
  const terminated = yield* Deferred.make<string>()
  let state: State = options.registration === undefined ? "Started" : "Registered"
  // Until when a poll that lost its connection stands.
  let standsUntil = 0
  let invocations = 0
  let hasBegun = false

  const write = (entry: NewEntry) =>
    Effect.map(Clock.currentTimeMillis, (at) => {
      entries.push({ at, ...entry })
    })

  const refuse = (method: ExtensionsApiError["method"], reason: ExtensionsApiErrorReason) => {
    const error = new ExtensionsApiError({ method, reason })
    return Effect.andThen(write({ _tag: "Refused", error }), Effect.fail(error))
  }

  const telemetry = telemetryInMemory.make({
    isSupported: options.telemetry !== "not supported",
    isClosed: () => state !== "Registered",
    onSubscribed: (subscription) =>
      Effect.andThen(write({ _tag: "Subscribed", subscription }), telemetry.deliverAll(options.history ?? [])),
    onDelivered: (bytes) => write({ _tag: "Delivered", bytes }),
    scope: yield* Effect.scope
  })

  const unknownIdentifier = (errorMessage: string) =>
    new Rejected({ status: 403, errorType: "Extension.UnknownExtensionIdentifier", errorMessage })

  const isKnown = ({ extensionIdentifier }: Registration) =>
    extensionIdentifier === (options.registration?.extensionIdentifier ?? identifier)

  const register: ExtensionsApi["Service"]["register"] = Effect.fnUntraced(function* ({ events, name = fileName }) {
    const failure = registerFailures.shift()
    if (failure !== undefined) return yield* refuse("register", failure)
    if (name === "") {
      const errorMessage = "Empty extension name"
      return yield* refuse(
        "register",
        new Rejected({ status: 403, errorType: "Extension.InvalidExtensionName", errorMessage })
      )
    }
    const badEvent =
      options.initializationType === "lambda-managed-instances" && events.includes("INVOKE")
        ? "INVOKE: ErrorInvalidEventType"
        : name !== fileName && events.includes("SHUTDOWN")
          ? "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
          : undefined
    if (badEvent !== undefined) {
      return yield* refuse(
        "register",
        new Rejected({ status: 403, errorType: "Extension.InvalidEventType", errorMessage: badEvent })
      )
    }
    if (state !== "Started") return yield* refuse("register", transitionError(state, "Registered", name))
    state = "Registered"
    yield* write({ _tag: "Registered", name, events })
    return {
      functionName: "test",
      functionVersion: "$LATEST",
      handler: "index.handler",
      accountId: "123456789012",
      extensionName: name,
      extensionIdentifier: identifier,
      events
    }
  })

  const nextEvent: ExtensionsApi["Service"]["nextEvent"] = Effect.fnUntraced(
    function* (registration) {
      yield* write({ _tag: "Next" })
      const { extensionIdentifier } = registration
      if (!isKnown(registration)) {
        return yield* refuse("nextEvent", unknownIdentifier(`Unknown extension ${extensionIdentifier}`))
      }
      if (standsUntil > 0 && (yield* Clock.currentTimeMillis) >= standsUntil) {
        standsUntil = 0
        state = "Running"
      }
      if (state !== "Registered" && state !== "Running") {
        return yield* refuse("nextEvent", transitionError(state, "Ready", extensionIdentifier))
      }
      const before = state
      state = "Ready"
      while (true) {
        const step = steps[0]
        if (step === undefined) return yield* Effect.never
        if (step._tag === "Delay") yield* Effect.sleep(step.millis)
        steps.shift()
        switch (step._tag) {
          case "Delay":
            continue
          case "Failure":
            state = before
            return yield* refuse("nextEvent", step.reason)
          case "Lost":
            standsUntil = (yield* Clock.currentTimeMillis) + step.standsMillis
            return yield* refuse(
              "nextEvent",
              new Unreachable({ url: "memory:/event/next", cause: new Error("the connection was cut") })
            )
          case "Event": {
            const event = step.make(yield* Clock.currentTimeMillis, invocations + 1)
            if (event.eventType === "INVOKE") invocations++
            state = "Running"
            yield* write({ _tag: "Event", event })
            yield* telemetry.deliverAll(step.delivers)
            return event
          }
        }
      }
    },
    Effect.onInterrupt(() => write({ _tag: "PollInterrupted" }))
  )

  const report = Effect.fnUntraced(function* (
    method: "initError" | "exitError",
    registration: Registration,
    error: ErrorRequest
  ) {
    const target = method === "initError" ? "InitError" : "ExitError"
    const allowed: ReadonlyArray<State> =
      method === "initError" ? ["Registered", "InitError"] : ["Registered", "Ready", "Running", "ExitError"]
    if (!isKnown(registration)) return yield* refuse(method, unknownIdentifier("Unknown Lambda-Extension-Identifier"))
    if (!allowed.includes(state)) {
      // Lambda prints this target's name differently.
      const printed = target === "ExitError" ? "Exited" : target
      return yield* refuse(method, transitionError(state, printed, registration.extensionIdentifier))
    }
    state = target
    yield* write({ _tag: target, error })
    return { status: "OK" }
  })

  return Context.make(
    ExtensionTest,
    ExtensionTest.of({
      journal: Effect.sync(() => [...entries]),
      note: (text) => write({ _tag: "Note", text }),
      terminate: (signal) => Effect.asVoid(Deferred.succeed(terminated, signal))
    })
  ).pipe(
    Context.add(
      ExtensionsApi,
      ExtensionsApi.of({
        register,
        nextEvent,
        initError: (registration, error) => report("initError", registration, error),
        exitError: (registration, error) => report("exitError", registration, error)
      })
    ),
    Context.add(
      LambdaEnvironment,
      LambdaEnvironment.of({
        runtimeApi: "127.0.0.1:9001",
        extensionName: fileName,
        initializationType: options.initializationType ?? "on-demand",
        registration: Option.fromUndefinedOr(options.registration)
      })
    ),
    Context.add(HostProcess, {
      begin: Effect.sync(() => {
        const isFirst = !hasBegun
        hasBegun = true
        return isFirst
      }),
      termination: Deferred.await(terminated),
      exitAt: (epochMillis, code) => write({ _tag: "ExitAt", epochMillis, code })
    }),
    Context.merge(telemetry.services)
  )
})

/**
 * The in-memory Lambda. When the script is over, the poll stays parked, as it
 * does on Lambda; so most scripts end in {@link shutdown}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  script: ReadonlyArray<Step>,
  options: Options = {}
): Layer.Layer<ExtensionTest | ExtensionsApi | LambdaEnvironment | TelemetryListener | TelemetryApi> =>
  Layer.effectContext(make(script, options))
