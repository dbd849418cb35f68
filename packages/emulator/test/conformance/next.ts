/** The identifier (docs/protocol.md#the-identifier) and next (docs/protocol.md#next). */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { ProfileName } from "@effect-lambda/emulator/Profile"
import type { RawAnswer } from "./raw.ts"
import type { Scenario } from "./world.ts"
import { accepted, expectAnswer, expectRefusal, json, manualExtensions, text, uuid } from "./world.ts"

const accountOf = (profile: ProfileName) => (profile === "rie" ? "012345678912" : "123456789012")

const expectEvent = (event: RawAnswer, body: string) => {
  const identifier = event.headers["lambda-extension-event-identifier"] ?? ""
  assert.match(identifier, uuid)
  expectAnswer(event, 200, { ...json, "Lambda-Extension-Event-Identifier": identifier }, body)
}

export const next: ReadonlyArray<Scenario> = [
  {
    case: 25,
    run: Effect.fnUntraced(function* (world) {
      const refusal = ["Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"] as const
      expectRefusal(yield* world.call("GET", "/2020-01-01/extension/event/next"), ...refusal)
      expectRefusal(yield* world.next(""), ...refusal)
    })
  },
  {
    case: 26,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.next("invalid-unique-identifier")
      expectRefusal(answer, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
    })
  },
  {
    case: 27,
    run: Effect.fnUntraced(function* (world) {
      const canonical = "abcdef00-0000-4000-8000-000000000000"
      const forms = [canonical, canonical.toUpperCase(), `urn:uuid:${canonical}`, `{${canonical}}`, `(${canonical})`]
      for (const form of [...forms, canonical.replaceAll("-", "")]) {
        const answer = yield* world.next(form)
        expectRefusal(answer, "Extension.UnknownExtensionIdentifier", `Unknown extension ${canonical}`)
      }
    })
  },
  {
    case: 28,
    run: Effect.fnUntraced(function* (world) {
      const { extensionPoll, invocation, requestId } = yield* world.invoking({ traceHeader: "Root=1-2-3;Sampled=0" })
      const event = yield* Fiber.join(extensionPoll)
      const deadline = invocation.headers["lambda-runtime-deadline-ms"]
      const arn = `arn:aws:lambda:us-east-1:${accountOf(world.profile)}:function:function`
      const body = `{"eventType":"INVOKE","deadlineMs":${deadline},"requestId":"${requestId}","invokedFunctionArn":"${arn}","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-2-3;Sampled=0"}}`
      expectEvent(event, body)
    })
  },
  {
    case: 29,
    run: Effect.fnUntraced(function* (world) {
      // Lambda makes a trace header if the caller has none, so only the API can be without one.
      const { extensionPoll, invocation, requestId } = yield* world.profile === "rie"
        ? world.posting
        : world.invoking({ traceHeader: "" })
      const event = yield* Fiber.join(extensionPoll)
      const deadline = invocation.headers["lambda-runtime-deadline-ms"]
      const arn = `arn:aws:lambda:us-east-1:${accountOf(world.profile)}:function:function`
      const body = `{"eventType":"INVOKE","deadlineMs":${deadline},"requestId":"${requestId}","invokedFunctionArn":"${arn}"}`
      expectEvent(event, body)
      assert.strictEqual(invocation.headers["lambda-runtime-trace-id"], undefined)
    })
  },
  {
    case: 30,
    options: manualExtensions("a", "b"),
    run: Effect.fnUntraced(function* (world) {
      const pollA = yield* world.pollExtension("a", yield* world.registered("a", ["INVOKE"]))
      const pollB = yield* world.pollExtension("b", yield* world.registered("b", ["INVOKE"]))
      yield* world.pollRuntime
      if (world.starter === undefined) yield* Effect.forkScoped(world.emulator.invoke("{}"))
      const [ofA, ofB] = [yield* Fiber.join(pollA), yield* Fiber.join(pollB)]
      assert.match(ofA.body, /^\{"eventType":"INVOKE"/)
      assert.strictEqual(ofA.body, ofB.body)
      const header = "lambda-extension-event-identifier"
      assert.notStrictEqual(ofA.headers[header], ofB.headers[header])
    })
  },
  {
    case: 31,
    run: Effect.fnUntraced(function* (world) {
      const { extensionPoll } = yield* world.ready(["SHUTDOWN"])
      const reason = world.profile === "rie" ? "SandboxTerminated" : "spindown"
      const shutdown = yield* Effect.forkScoped(world.emulator.shutdown())
      const event = yield* Fiber.join(extensionPoll)
      const { deadlineMs } = yield* world.journal.waitFor(Journal.is("ShutdownStarted"))
      const body = `{"eventType":"SHUTDOWN","deadlineMs":${deadlineMs},"shutdownReason":"${reason}"}`
      expectAnswer(event, 200, { "Content-Type": "text/plain; charset=utf-8" }, body)
      assert.strictEqual(event.headers["lambda-extension-event-identifier"], undefined)
      yield* world.emulator.endManualProcess("extension:a")
      yield* Fiber.join(shutdown)
    })
  },
  {
    case: 33,
    run: Effect.fnUntraced(function* (world) {
      const { extensionPoll, identifier } = yield* world.ready()
      const message = world.notAllowed("Ready", "Ready", `extension ${identifier}`)
      expectRefusal(yield* world.next(identifier), "Extension.InvalidExtensionState", message)
      yield* Effect.forkScoped(world.emulator.shutdown())
      const event = yield* Fiber.join(extensionPoll)
      assert.match(event.body, /^\{"eventType":"SHUTDOWN"/)
    })
  },
  {
    case: 34,
    run: Effect.fnUntraced(function* (world) {
      const { extensionPoll, identifier } = yield* world.ready()
      expectAnswer(yield* world.report("exit", identifier), 202, json, accepted)
      // Not earlier: the poll still waits after another complete exchange.
      expectAnswer(yield* world.call("GET", "/2018-06-01/ping"), 200, text, "pong")
      assert.strictEqual(extensionPoll.pollUnsafe(), undefined)
      const shutdown = yield* Effect.forkScoped(world.emulator.shutdown())
      const error = "Concurrent state modification"
      const message = world.notAllowed("ExitError", "Ready", `extension ${identifier}`, error)
      expectRefusal(yield* Fiber.join(extensionPoll), "Extension.InvalidExtensionState", message)
      yield* world.emulator.endManualProcess("extension:a")
      yield* Fiber.join(shutdown)
    })
  },
  {
    case: 35,
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", world.usualEvents)
      yield* world.report("init", identifier)
      const message = world.notAllowed("InitError", "Ready", `extension ${identifier}`)
      expectRefusal(yield* world.next(identifier), "Extension.InvalidExtensionState", message)
    })
  },
  {
    case: 36,
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.call("POST", "/2020-01-01/extension/event/next")
      expectAnswer(answer, 405, { Allow: "GET" }, "")
    })
  }
]
