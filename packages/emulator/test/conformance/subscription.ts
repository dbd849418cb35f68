/**
 * Permitted and refused subscriptions, and the answers of the telemetry service
 * (docs/protocol.md#answers-to-a-subscription).
 */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { awaitTrue } from "../support.ts"
import { listen } from "./listener.ts"
import type { RawAnswer } from "./raw.ts"
import type { Scenario, World } from "./world.ts"
import {
  errorBody,
  expectAnswer,
  expectRefusal,
  json,
  notFoundBody,
  notFoundHeaders,
  manualExtensions,
  unknownIdentifier
} from "./world.ts"

export const telemetryPath = "/2022-07-01/telemetry"
export const logsPath = "/2020-08-15/logs"

/** A subscription that is accepted; `change` replaces top-level fields. */
export const bodyFor = (port: number, change: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    schemaVersion: "2022-12-13",
    types: ["platform", "function", "extension"],
    buffering: { timeoutMs: 25 },
    destination: { protocol: "HTTP", URI: `http://sandbox.localdomain:${port}/in` },
    ...change
  })

/** A subscription that a managed instance takes. */
export const managedBody = (port: number, change: Readonly<Record<string, unknown>> = {}): string =>
  bodyFor(port, { schemaVersion: "2025-01-29", ...change })

export const subscribe = (world: World, identifier: string, body: string, path = telemetryPath) =>
  world.call("PUT", path, { "Lambda-Extension-Identifier": identifier }, body)

export const accepted = (answer: RawAnswer, body = '"OK"'): void => expectAnswer(answer, 200, json, body)

/** A port without a listener, for subscriptions that are refused or whose delivery does not matter. */
export const anyPort = 4243

/** The refusal of the telemetry service, byte for byte: type first, no newline. */
const expectServiceRefusal = (answer: RawAnswer, status: number, errorType: string, errorMessage: string): void =>
  expectAnswer(answer, status, json, JSON.stringify({ errorType, errorMessage }))

/** The message without its column, which is not known. */
const expectDeserializationError = (answer: RawAnswer, message: string): void => {
  const body: { readonly errorType: string; readonly errorMessage: string } = JSON.parse(answer.body)
  assert.deepStrictEqual(
    [answer.status, body.errorType, body.errorMessage.slice(0, message.length)],
    [400, "Telemetry.DeserializationError", message]
  )
}

const buffering = (change: Readonly<Record<string, unknown>>) => bodyFor(anyPort, { buffering: change })
const http = (URI: string, change: Readonly<Record<string, unknown>> = {}) =>
  bodyFor(anyPort, { destination: { protocol: "HTTP", URI, ...change } })

const subscriptionEntries = (world: World) =>
  Effect.map(world.entries("TelemetrySubscription"), (entries) =>
    entries.map(({ api, source, state }) => [source, api, state])
  )

export const subscription: ReadonlyArray<Scenario> = [
  {
    case: 73,
    profiles: ["real"],
    run: Effect.fnUntraced(function* (world) {
      const { port } = yield* listen()
      accepted(yield* subscribe(world, yield* world.registered("a", ["INVOKE"]), bodyFor(port)))
      const [entry] = yield* world.entries("TelemetrySubscription")
      assert.deepStrictEqual(
        [entry?.source, entry?.state, entry?.schemaVersion, entry?.destination],
        ["extension:a", "Subscribed", "2022-12-13", `http://sandbox.localdomain:${port}/in`]
      )
    })
  },
  {
    case: 73,
    part: "an internal extension",
    profiles: ["real"],
    run: Effect.fnUntraced(function* (world) {
      accepted(yield* subscribe(world, yield* world.registered("internal", ["INVOKE"]), bodyFor(anyPort)))
    })
  },
  {
    case: 74,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.call("PUT", telemetryPath, {}, "not json")
      expectAnswer(answer, 202, json, errorBody("Telemetry.NotSupported", "Telemetry API is not supported"))
    })
  },
  {
    case: 75,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* subscribe(world, unknownIdentifier, bodyFor(anyPort))
      expectRefusal(answer, "Extension.UnknownExtensionIdentifier", `Unknown extension ${unknownIdentifier}`)
    })
  },
  {
    case: 75,
    part: "no identifier, and one that is no UUID",
    run: Effect.fnUntraced(function* (world) {
      const missing = yield* world.call("PUT", telemetryPath, {}, bodyFor(anyPort))
      expectRefusal(missing, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
      const invalid = yield* subscribe(world, "x", bodyFor(anyPort))
      expectRefusal(invalid, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
      // The service itself was not asked, and tells of no attempt.
      assert.deepStrictEqual(yield* subscriptionEntries(world), [])
    })
  },
  {
    case: 76,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      accepted(yield* subscribe(world, identifier, bodyFor(anyPort)))
      yield* world.pollExtension("a", identifier)
      yield* world.pollRuntime
      yield* world.journal.waitFor(Journal.is("InitEnded"))
      for (const body of [bodyFor(anyPort), bodyFor(anyPort + 1), "not json"]) {
        const answer = yield* subscribe(world, identifier, body)
        expectRefusal(answer, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already")
      }
      const logs = yield* subscribe(world, identifier, bodyFor(anyPort), logsPath)
      expectRefusal(logs, "Logs.SubscriptionClosed", "Logs API subscription is closed already")
    })
  },
  {
    case: 77,
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      const identifier = yield* world.registered("a", ["INVOKE"])
      accepted(yield* subscribe(world, identifier, bodyFor(listener.port)))
      accepted(yield* subscribe(world, identifier, bodyFor(listener.port)), '"AlreadySubscribed"')
      const told = () => listener.events().filter(({ type }) => type === "platform.telemetrySubscription")
      yield* awaitTrue(() => told().length === 2)
      const types = ["platform", "function", "extension"]
      assert.deepStrictEqual(
        told().map(({ record }) => record),
        [
          { name: "a", state: "Subscribed", types },
          { name: "a", state: "Already subscribed", types }
        ]
      )
      // There is one subscription: no event came twice.
      assert.strictEqual(listener.types().filter((type) => type === "platform.initStart").length, 1)
    })
  },
  {
    case: 78,
    run: Effect.fnUntraced(function* (world) {
      const [first, second] = [yield* listen(), yield* listen()]
      const identifier = yield* world.registered("a", ["INVOKE"])
      accepted(yield* subscribe(world, identifier, bodyFor(first.port)))
      accepted(yield* subscribe(world, identifier, bodyFor(second.port)))
      yield* world.emulator.writeManualOutput("extension:a", "hello\n")
      for (const listener of [first, second]) {
        yield* awaitTrue(() => listener.events().some(({ text }) => text === "hello\n"))
        assert.strictEqual(listener.types()[0], "platform.initStart")
      }
    })
  },
  {
    case: 79,
    options: manualExtensions("a", "b"),
    run: Effect.fnUntraced(function* (world) {
      const a = yield* world.registered("a", ["INVOKE"])
      const b = yield* world.registered("b", ["INVOKE"])
      const logs = bodyFor(anyPort, { schemaVersion: "2020-08-15" })
      accepted(yield* subscribe(world, a, logs, logsPath))
      accepted(yield* subscribe(world, b, bodyFor(anyPort)))
      const either = "You must either subscribe to the LogsAPI or the TelemetryAPI"
      expectServiceRefusal(
        yield* subscribe(world, a, bodyFor(anyPort)),
        400,
        "Telemetry.AccessDenied",
        `The extension a is already subscribed to the LogsAPI. ${either}`
      )
      expectServiceRefusal(
        yield* subscribe(world, b, logs, logsPath),
        400,
        "Logs.AccessDenied",
        `The extension b is already subscribed to the TelemetryAPI. ${either}`
      )
    })
  },
  {
    case: 80,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      const answer = yield* subscribe(world, identifier, bodyFor(anyPort, { schemaVersion: "2099-01-01" }))
      expectDeserializationError(
        answer,
        "unknown variant `2099-01-01`, expected one of `2020-08-15`, `2021-03-18`, `2022-07-01`, `2022-12-13`, `2025-01-29` at line 1 column "
      )
      assert.deepStrictEqual(yield* subscriptionEntries(world), [["extension:a", "telemetry", "Validation error"]])
      // A refused attempt leaves room for a correct one.
      accepted(yield* subscribe(world, identifier, bodyFor(anyPort)))
    })
  },
  {
    case: 81,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      for (const schemaVersion of [undefined, "2020-08-15", "2021-03-18"]) {
        expectServiceRefusal(
          yield* subscribe(world, identifier, bodyFor(anyPort, { schemaVersion })),
          400,
          "Telemetry.ValidationError",
          "TelemetryAPI only supports the SchemaVersion released after 2021-03-18"
        )
      }
    })
  },
  {
    case: 82,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      const refusals = [
        [{ timeoutMs: 24 }, "timeoutMs should be between 25 and 30000"],
        [{ timeoutMs: 30_001 }, "timeoutMs should be between 25 and 30000"],
        [{ maxBytes: 262_143 }, "maxBytes should be between 262144 and 1048576"],
        [{ maxBytes: 1_048_577 }, "maxBytes should be between 262144 and 1048576"],
        [{ maxItems: 999 }, "maxItems should be between 1000 and 10000"],
        [{ maxItems: 10_001 }, "maxItems should be between 1000 and 10000"]
      ] as const
      for (const [change, message] of refusals) {
        const answer = yield* subscribe(world, identifier, buffering(change))
        expectServiceRefusal(answer, 400, "Telemetry.ValidationError", message)
      }
      for (const [timeoutMs, maxBytes, maxItems] of [
        [25, 262_144, 1000],
        [30_000, 1_048_576, 10_000]
      ]) {
        accepted(yield* subscribe(world, identifier, buffering({ timeoutMs, maxBytes, maxItems })))
      }
    })
  },
  {
    case: 83,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      const bogus = yield* subscribe(world, identifier, bodyFor(anyPort, { types: ["bogus"] }))
      expectDeserializationError(bogus, "unknown variant `bogus`, expected one of `platform.start`, ")
      assert.include(bogus.body, "`platform.restoreReport`, `platform`, `function`, `extension` at line 1 column ")
      expectServiceRefusal(
        yield* subscribe(world, identifier, bodyFor(anyPort, { types: ["platform.runtimeDone"] })),
        400,
        "Telemetry.ValidationError",
        "Unrecognized enum variant"
      )
      expectServiceRefusal(
        yield* subscribe(
          world,
          identifier,
          bodyFor(anyPort, {
            types: [],
            destination: { protocol: "HTTP", URI: "http://sandbox.localdomain" }
          })
        ),
        400,
        "Telemetry.ValidationError",
        "URI port is not provided; types should not be empty"
      )
    })
  },
  {
    case: 84,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      const refusals = [
        ["http://127.0.0.1:4243", "Only 'sandbox.localdomain' hostname is supported."],
        ["http://localhost:4243", "Only 'sandbox.localdomain' hostname is supported."],
        ["http://sandbox.example:4243", "Only 'sandbox.localdomain' hostname is supported."],
        ["https://sandbox.localdomain:4243", "Only 'http' scheme is supported."]
      ] as const
      for (const [uri, message] of refusals) {
        expectServiceRefusal(yield* subscribe(world, identifier, http(uri)), 403, "Telemetry.AccessDenied", message)
      }
      assert.deepStrictEqual(
        yield* subscriptionEntries(world),
        refusals.map(() => ["extension:a", "telemetry", "Forbidden"])
      )
    })
  },
  ...(["telemetry", "logs"] as const).map((api): Scenario => ({
    case: 84,
    part: `both names of the sandbox, ${api}`,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      const [path, change] =
        api === "logs" ? [logsPath, { schemaVersion: "2021-03-18" }] : ([telemetryPath, {}] as const)
      const destinations: Array<string> = []
      for (const host of ["sandbox", "sandbox.localdomain"]) {
        const { deliveries, port } = yield* listen()
        const URI = `http://${host}:${port}/in`
        const body = bodyFor(port, { ...change, destination: { protocol: "HTTP", URI } })
        accepted(yield* subscribe(world, identifier, body, path))
        yield* awaitTrue(() => deliveries.length > 0)
        destinations.push(URI)
      }
      const entries = yield* world.entries("TelemetrySubscription")
      assert.deepStrictEqual(
        entries.map(({ destination, state }) => [destination, state]),
        destinations.map((destination) => [destination, "Subscribed"])
      )
    })
  })),
  {
    case: 85,
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      const identifier = yield* world.registered("a", ["INVOKE"])
      const uri = `http://sandbox.localdomain:${listener.port}`
      const refused = yield* subscribe(world, identifier, http(uri, { method: "GET" }))
      expectDeserializationError(refused, "unknown variant `GET`, expected `POST` or `PUT` at line 1 column ")
      accepted(yield* subscribe(world, identifier, http(uri, { method: "PUT" })))
      yield* awaitTrue(() => listener.deliveries.length > 0)
      assert.strictEqual(listener.deliveries[0]?.requestLine, "PUT / HTTP/1.1")
    })
  },
  {
    case: 86,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      const answer = yield* subscribe(world, identifier, bodyFor(anyPort, { extensionName: "a" }))
      expectDeserializationError(
        answer,
        "unknown field `extensionName`, expected one of `schemaVersion`, `types`, `buffering`, `destination` at line 1 column "
      )
    })
  },
  {
    case: 90,
    run: Effect.fnUntraced(function* (world) {
      expectAnswer(yield* world.call("GET", telemetryPath), 405, { Allow: "PUT" }, "")
      expectAnswer(yield* world.call("PUT", `${telemetryPath}/`), 404, notFoundHeaders, notFoundBody)
    })
  },
  {
    case: 111,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.call("PUT", logsPath, {}, "{}")
      expectAnswer(answer, 202, json, errorBody("Logs.NotSupported", "Logs API is not supported"))
    })
  },
  {
    case: 113,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      expectServiceRefusal(
        yield* subscribe(world, identifier, bodyFor(anyPort, { schemaVersion: "2022-07-01" }), logsPath),
        400,
        "Logs.ValidationError",
        "LogsAPI only supports the following SchemaVersion: 2020-08-15, 2021-03-18"
      )
      assert.deepStrictEqual(yield* subscriptionEntries(world), [["extension:a", "logs", "Validation error"]])
    })
  },
  {
    case: 114,
    run: Effect.fnUntraced(function* (world) {
      expectAnswer(yield* world.call("PUT", logsPath, {}, "{}"), 404, notFoundHeaders, notFoundBody)
    })
  }
]
