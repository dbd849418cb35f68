/**
 * The answers of AWS's emulator of managed instances to a subscription
 * (docs/protocol.md#telemetry-on-managed-instances).
 */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { listen } from "./listener.ts"
import { anyPort, managedBody, subscribe } from "./subscription.ts"
import type { Scenario } from "./world.ts"
import { expectAnswer, expectRefusal } from "./world.ts"

const text = { "Content-Type": "text/plain; charset=utf-8" }

export const managedSubscription: ReadonlyArray<Scenario> = [
  {
    case: 73,
    profiles: ["lmi"],
    run: Effect.fnUntraced(function* (world) {
      const { port } = yield* listen()
      const identifier = yield* world.registered("a", ["SHUTDOWN"])
      // Keys that the schema does not know are ignored.
      const answer = yield* subscribe(world, identifier, managedBody(port, { extensionName: "a" }))
      expectAnswer(answer, 200, text, '"OK"')
    })
  },
  {
    case: 87,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["SHUTDOWN"])
      const answer = yield* subscribe(world, identifier, '{"schemaVersion":"2025-01-29"}')
      const finding = "- at '': missing properties 'types', 'destination'"
      expectAnswer(
        answer,
        400,
        text,
        `{"errorType": "ValidationError", "errorMessage": "schema validation error: jsonschema validation failed with 'telemetry-subscription.json#'\n${finding}"}`
      )
    })
  },
  {
    case: 87,
    part: "not JSON, another version, another host",
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["SHUTDOWN"])
      const uri = "http://127.0.0.1:4243"
      for (const [body, beginning] of [
        ["", "failed to parse JSON: unexpected end of JSON input"],
        [managedBody(anyPort, { schemaVersion: "2022-12-13" }), "schema validation error: "],
        [managedBody(anyPort, { destination: { protocol: "HTTP", URI: uri } }), "Invalid destination: "]
      ] as const) {
        const answer = yield* subscribe(world, identifier, body)
        assert.strictEqual(answer.status, 400)
        assert.include(answer.body, `{"errorType": "ValidationError", "errorMessage": "${beginning}`)
      }
    })
  },
  {
    case: 88,
    run: Effect.fnUntraced(function* (world) {
      const { close, port } = yield* listen()
      const identifier = yield* world.registered("a", ["SHUTDOWN"])
      const body = managedBody(port, { destination: { protocol: "TCP", port } })
      yield* close
      const at = `127.0.0.1:${port}`
      const message = `Invalid destination: could not TCP dial provided address ${at}: dial tcp ${at}: connect: connection refused`
      const answer = yield* subscribe(world, identifier, body)
      expectAnswer(answer, 400, text, `{"errorType": "ValidationError", "errorMessage": "${message}"}`)
      yield* listen(port)
      expectAnswer(yield* subscribe(world, identifier, body), 200, text, '"OK"')
    })
  },
  {
    case: 89,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["SHUTDOWN"])
      expectAnswer(yield* subscribe(world, identifier, managedBody(anyPort)), 200, text, '"OK"')
      const again = yield* subscribe(world, identifier, managedBody(anyPort))
      expectRefusal(again, "InternalServerError", "Internal Server Error", 500)
      yield* world.pollExtension("a", identifier)
      yield* world.pollRuntime
      yield* world.journal.waitFor(Journal.is("InitEnded"))
      const closed = yield* subscribe(world, identifier, managedBody(anyPort))
      expectRefusal(closed, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed")
    })
  }
]
