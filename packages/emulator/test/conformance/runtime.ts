/** The Runtime API (docs/protocol.md#runtime-api). */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Scenario, World } from "./world.ts"
import {
  accepted,
  errorBody,
  expectAnswer,
  expectFailure,
  expectRefusal,
  json,
  notFoundBody,
  notFoundHeaders,
  text
} from "./world.ts"

const functionErrorOf = (world: World, requestId: string) =>
  Effect.map(
    world.journal.waitFor(Journal.is("RuntimeResponded", (entry) => entry.requestId === requestId)),
    ({ functionError }) => functionError
  )

/** Lets all clients call next, so that the caller under `rie` hears the result too. */
const finish = Effect.fnUntraced(function* (world: World, identifier: string) {
  yield* world.pollRuntime
  yield* world.pollExtension("a", identifier)
})

export const runtime: ReadonlyArray<Scenario> = [
  {
    case: 115,
    run: Effect.fnUntraced(function* (world) {
      expectAnswer(yield* world.call("GET", "/2018-06-01/ping"), 200, text, "pong")
    })
  },
  {
    case: 116,
    run: Effect.fnUntraced(function* (world) {
      yield* world.invoking()
      for (const wrong of ["wrong", ""]) {
        expectRefusal(yield* world.respond(wrong), "InvalidRequestID", "Invalid request ID", 400)
        expectRefusal(yield* world.respondError(wrong), "InvalidRequestID", "Invalid request ID", 400)
      }
    })
  },
  {
    case: 117,
    run: Effect.fnUntraced(function* (world) {
      const { requestId } = yield* world.invoking()
      expectAnswer(yield* world.respond(requestId), 202, json, accepted)
      const state = "RuntimeResponseSentState"
      const response = world.notAllowed(state, "InvocationResponse", "runtime")
      expectRefusal(yield* world.respond(requestId), "InvalidStateTransition", response)
      const error = world.notAllowed(state, "InvocationErrorResponse", "runtime")
      expectRefusal(yield* world.respondError(requestId), "InvalidStateTransition", error)
    })
  },
  {
    case: 118,
    run: Effect.fnUntraced(function* (world) {
      const { invocation, requestId } = yield* world.invoking()
      const again = yield* world.call("GET", "/2018-06-01/runtime/invocation/next")
      assert.strictEqual(again.headers["lambda-runtime-aws-request-id"], requestId)
      assert.strictEqual(again.body, invocation.body)
    })
  },
  {
    case: 119,
    part: "init/error before the first next only",
    run: Effect.fnUntraced(function* (world) {
      yield* world.registered("a", [])
      const path = "/2018-06-01/runtime/init/error"
      expectAnswer(yield* world.call("POST", path, {}, "{}"), 202, json, accepted)
      const message = world.notAllowed("InitError", "InitError", "runtime")
      expectRefusal(yield* world.call("POST", path, {}, "{}"), "InvalidStateTransition", message)
    })
  },
  {
    case: 119,
    part: "init/error after next",
    run: Effect.fnUntraced(function* (world) {
      yield* world.ready()
      const answer = yield* world.call("POST", "/2018-06-01/runtime/init/error", {}, "{}")
      expectRefusal(answer, "InvalidStateTransition", world.notAllowed("Ready", "InitError", "runtime"))
    })
  },
  {
    case: 120,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.call("GET", "/2018-06-01/runtime/restore/next")
      expectAnswer(answer, 404, notFoundHeaders, notFoundBody)
    })
  },
  {
    case: 121,
    part: "a response one byte too large",
    run: Effect.fnUntraced(function* (world) {
      const { caller, identifier, requestId } = yield* world.posting
      // A character of two bytes, and one byte: bytes are counted.
      const answer = yield* world.respond(requestId, `${"é".repeat(3_145_778)}x`)
      const message = "Exceeded maximum allowed payload size (6291556 bytes)."
      expectAnswer(answer, 413, json, errorBody("RequestEntityTooLarge", message))
      assert.strictEqual(yield* functionErrorOf(world, requestId), "Function.ResponseSizeTooLarge")
      yield* finish(world, identifier)
      const told = yield* Fiber.join(caller)
      const errorMessage =
        "Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes)."
      const document = JSON.stringify({ errorType: "Function.ResponseSizeTooLarge", errorMessage })
      // The function answered, if badly: no failure of the environment.
      if (world.profile === "rie") return expectAnswer(told, 200, text, document)
      expectFailure("real", told, document)
    })
  },
  {
    case: 121,
    part: "a response of the largest size",
    run: Effect.fnUntraced(function* (world) {
      const { caller, requestId, identifier } = yield* world.invoking()
      const payload = "x".repeat(6_291_556)
      expectAnswer(yield* world.respond(requestId, payload), 202, json, accepted)
      yield* finish(world, identifier)
      assert.strictEqual((yield* Fiber.join(caller)).payload.length, payload.length)
    })
  },
  {
    case: 122,
    part: "an unknown response mode",
    run: Effect.fnUntraced(function* (world) {
      const { requestId } = yield* world.invoking()
      const mode = { "Lambda-Runtime-Function-Response-Mode": "foo" }
      const answer = yield* world.respond(requestId, "{}", mode)
      expectRefusal(answer, "InvalidFunctionResponseMode", "Invalid function response mode", 400)
      assert.strictEqual(yield* functionErrorOf(world, requestId), "Runtime.InvalidResponseModeHeader")
    })
  },
  {
    case: 122,
    part: "response mode streaming",
    run: Effect.fnUntraced(function* (world) {
      const { caller, requestId, identifier } = yield* world.invoking()
      const mode = { "Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked" }
      expectAnswer(yield* world.respond(requestId, "streamed", mode), 202, json, accepted)
      yield* finish(world, identifier)
      assert.strictEqual((yield* Fiber.join(caller)).payload, "streamed")
    })
  },
  {
    case: 123,
    run: Effect.fnUntraced(function* (world) {
      for (const path of ["/2018-06-01/ping", "/2018-06-01/runtime/invocation/next"]) {
        expectAnswer(yield* world.call("DELETE", path), 405, { Allow: "GET" }, "")
      }
    })
  },
  {
    case: 124,
    run: Effect.fnUntraced(function* (world) {
      const types = [
        ["Function.MyErr", "Function.MyErr"],
        ["foo", "Runtime.Unknown"],
        ["Function.lower", "Function.Unknown"],
        ["", "Runtime.Unknown"]
      ] as const
      let { runtimePoll } = yield* world.ready([])
      for (const [sent, seen] of types) {
        const caller = yield* Effect.forkScoped(world.emulator.invoke("{}"))
        const { headers } = yield* Fiber.join(runtimePoll)
        const error = { "Lambda-Runtime-Function-Error-Type": sent }
        yield* world.respondError(headers["lambda-runtime-aws-request-id"] ?? "", error, '{"errorMessage":"no"}')
        runtimePoll = yield* world.pollRuntime
        const result = yield* Fiber.join(caller)
        assert.deepStrictEqual([result.functionError, result.payload], [seen, '{"errorMessage":"no"}'])
      }
    })
  },
  {
    case: 125,
    run: Effect.fnUntraced(function* (world) {
      const { extensionPoll, invocation } = yield* world.invoking({ tenantId: "blue" })
      const event = yield* Fiber.join(extensionPoll)
      assert.strictEqual(invocation.headers["lambda-runtime-aws-tenant-id"], "blue")
      assert.notInclude(event.body, "blue")
    })
  }
]
