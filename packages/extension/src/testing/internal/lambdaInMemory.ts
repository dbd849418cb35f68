/** A Lambda in memory that plays a script and refuses what Lambda refuses. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import {
  type ErrorRequest,
  ExtensionsApiError,
  type ExtensionsApiErrorReason,
  Rejected,
  Unreachable
} from "../../ExtensionError.ts"
import { ExtensionsApi } from "../../ExtensionsApi.ts"
import { HostProcess, once } from "../../HostProcess.ts"
import { LambdaEnvironment } from "../../LambdaEnvironment.ts"
import type { Registration } from "../../Registration.ts"
import { TelemetryTransport } from "../../telemetry/TelemetryTransport.ts"
import * as backendInMemory from "./backendInMemory.ts"
import * as telemetryInMemory from "./telemetryInMemory.ts"
import type { Entry, Options, Step } from "./script.ts"

type NewEntry = Entry extends infer E ? (E extends Entry ? Omit<E, "at"> : never) : never

type State = "Started" | "Registered" | "Ready" | "Running" | "InitError" | "ExitError"

const identifier = "00000000-0000-4000-8000-000000000001"

const transitionError = (from: State, to: string, name: string) =>
  new Rejected({
    status: 403,
    errorType: "Extension.InvalidExtensionState",
    errorMessage: `State transition from ${from} to ${to} failed for extension ${name}. Error: State transition is not allowed`
  })

/** Plays the script, and is as strict as Lambda. */
export const make = Effect.fnUntraced(function* (script: ReadonlyArray<Step>, options: Options) {
  const fileName = options.fileName ?? "extension"
  const steps = [...script]
  const registerFailures = [...(options.registerFailures ?? [])]
  const entries: Array<Entry> = []
  const terminated = yield* Deferred.make<string>()
  let state: State = options.registration === undefined ? "Started" : "Registered"
  // The time until which a poll that lost its connection stays open.
  let standsUntil = 0
  let invocations = 0

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

  const services = Context.make(
    ExtensionsApi,
    ExtensionsApi.of({
      register,
      nextEvent,
      initError: (registration, error) => report("initError", registration, error),
      exitError: (registration, error) => report("exitError", registration, error)
    })
  ).pipe(
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
      begin: once(),
      termination: Deferred.await(terminated),
      exitAt: (epochMillis, code) => write({ _tag: "ExitAt", epochMillis, code })
    }),
    Context.add(TelemetryTransport, telemetry.transport),
    Context.add(
      HttpClient.HttpClient,
      backendInMemory.make(options.respond, (request, status) => write({ _tag: "Sent", request, status }))
    )
  )
  return {
    services,
    journal: Effect.sync((): ReadonlyArray<Entry> => [...entries]),
    note: (text: string) => write({ _tag: "Note", text }),
    terminate: (signal: string) => Effect.asVoid(Deferred.succeed(terminated, signal))
  }
})
