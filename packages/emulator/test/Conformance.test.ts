/** Conformance cases of the protocol reference, sections 9.1 to 9.3, 9.6 and 9.10, profile `real`, byte for byte. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EmulatorError } from "@effect-lambda/emulator/EmulatorError"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { World } from "./world.ts"
import { errorBody, expectAnswer, expectRefusal, json, makeWorld, unknownIdentifier } from "./world.ts"

interface Case {
  readonly number: number
  readonly title: string
  readonly options?: Emulator.Options
  readonly run: (world: World) => Effect.Effect<void, EmulatorError, Scope.Scope>
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const accepted = '{"status":"OK"}\n'
const registeredBody = '{"functionName":"function","functionVersion":"$LATEST","handler":"index.handler"}\n'
const registeredWithAccount =
  '{"accountId":"123456789012","functionName":"function","functionVersion":"$LATEST","handler":"index.handler"}\n'

const expectRegistered = (answer: Parameters<typeof expectAnswer>[0], body = registeredBody) => {
  expectAnswer(answer, 200, json, body)
  assert.match(answer.headers["lambda-extension-identifier"] ?? "", uuid)
}

const notAllowed = (from: string, to: string, subject: string) =>
  `State transition from ${from} to ${to} failed for ${subject}. Error: State transition is not allowed`

const register: ReadonlyArray<Case> = [
  {
    number: 1,
    title: "an external extension registers for INVOKE and SHUTDOWN",
    run: Effect.fnUntraced(function* (world) {
      expectRegistered(yield* world.register("a", '{"events":["INVOKE","SHUTDOWN"]}'))
      const registered = yield* world.journal.waitFor(Journal.is("Registered"))
      assert.deepStrictEqual([registered.kind, registered.events], ["external", ["INVOKE", "SHUTDOWN"]])
    })
  },
  {
    number: 2,
    title: "an empty object registers for nothing",
    run: Effect.fnUntraced(function* (world) {
      expectRegistered(yield* world.register("a", "{}"))
    })
  },
  {
    number: 3,
    title: "no name is refused and leaves room for a correct one",
    run: Effect.fnUntraced(function* (world) {
      const path = "/2020-01-01/extension/register"
      const refusal = ["Extension.InvalidExtensionName", "Empty extension name"] as const
      expectRefusal(yield* world.call("POST", path, {}, "{}"), ...refusal)
      expectRefusal(yield* world.register("", "not json"), ...refusal)
      expectRegistered(yield* world.register("a", "{}"))
    })
  },
  {
    number: 4,
    title: "an empty body is not JSON",
    run: Effect.fnUntraced(function* (world) {
      const refusal = ["InvalidRequestFormat", "unexpected end of JSON input"] as const
      expectRefusal(yield* world.register("a", ""), ...refusal)
      expectRefusal(yield* world.register("a", '{"events":['), ...refusal)
    })
  },
  {
    number: 5,
    title: "a body that is not JSON, or of another type",
    run: Effect.fnUntraced(function* (world) {
      const bodies = ["not json", "xyz", "[]", '"text"', '{"events":"INVOKE"}', '{"events":[1]}']
      for (const body of bodies) {
        const answer = yield* world.register("a", body)
        assert.strictEqual(answer.status, 403, body)
        assert.match(answer.body, /"errorType":"InvalidRequestFormat"\}\n$/, body)
      }
      const typed = yield* world.register("a", '{"events":"INVOKE"}')
      const message = "json: cannot unmarshal string into Go struct field .events of type []core.Event"
      expectRefusal(typed, "InvalidRequestFormat", message)
    })
  },
  {
    number: 6,
    title: "configurationKeys are refused",
    run: Effect.fnUntraced(function* (world) {
      expectRefusal(
        yield* world.register("a", '{"events":[],"configurationKeys":["A"]}'),
        "InvalidRequestFormat",
        "configurationKeys are deprecated; use environment variables instead"
      )
    })
  },
  {
    number: 7,
    title: "empty configurationKeys are not",
    run: Effect.fnUntraced(function* (world) {
      expectRegistered(yield* world.register("a", '{"events":[],"configurationKeys":[]}'))
    })
  },
  {
    number: 8,
    title: "events are case-sensitive",
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.register("a", '{"events":["invoke"]}')
      expectRefusal(answer, "Extension.InvalidEventType", "invoke: ErrorInvalidEventType")
    })
  },
  {
    number: 9,
    title: "one unknown event refuses all, and the extension may try again",
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.register("a", '{"events":["INVOKE","abc<def"]}')
      // The error body is HTML-escaped like every body of the platform.
      const body = '{"errorMessage":"abc\\u003cdef: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}\n'
      expectAnswer(answer, 403, json, body)
      expectRegistered(yield* world.register("a", '{"events":["SHUTDOWN"]}'))
      const registered = yield* world.journal.waitFor(Journal.is("Registered"))
      assert.deepStrictEqual(registered.events, ["SHUTDOWN"])
    })
  },
  {
    number: 10,
    title: "an internal extension cannot have SHUTDOWN",
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.register("x", '{"events":["SHUTDOWN"]}')
      const message = "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
      expectRefusal(answer, "Extension.InvalidEventType", message)
      assert.lengthOf((yield* world.journal.entries).filter(Journal.is("Registered")), 0)
    })
  },
  {
    number: 11,
    title: "an external extension registers once; the first identifier stays valid",
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      const again = yield* world.register("a", "{}")
      expectRefusal(again, "Extension.InvalidExtensionState", notAllowed("Registered", "Registered", "extension a"))
      yield* world.pollExtension("a", identifier)
    })
  },
  {
    number: 12,
    title: "an internal name registers once",
    run: Effect.fnUntraced(function* (world) {
      expectRegistered(yield* world.register("x", '{"events":["INVOKE"]}'))
      const again = yield* world.register("x", "{}")
      expectRefusal(again, "Extension.InvalidExtensionState", "Extension with this name already registered")
    })
  },
  {
    number: 13,
    title: "registration closes at the runtime's first next",
    run: Effect.fnUntraced(function* (world) {
      yield* world.registered("a", ["INVOKE"])
      yield* world.pollRuntime
      const answer = yield* world.register("x", '{"events":["INVOKE"]}')
      expectRefusal(answer, "Extension.RegistrationClosed", "Extension registration closed already")
    })
  },
  {
    number: 14,
    title: "after closing, a wrong event is still named first",
    run: Effect.fnUntraced(function* (world) {
      yield* world.registered("a", ["INVOKE"])
      yield* world.pollRuntime
      const answer = yield* world.register("x", '{"events":["SHUTDOWN"]}')
      const message = "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
      expectRefusal(answer, "Extension.InvalidEventType", message)
    })
  },
  {
    number: 15,
    title: "ten extensions, not eleven",
    run: Effect.fnUntraced(function* (world) {
      yield* world.registered("a", [])
      for (let count = 2; count <= 10; count++) yield* world.registered(`internal${count}`, ["INVOKE"])
      const answer = yield* world.register("internal11", "{}")
      expectRefusal(answer, "Extension.TooManyExtensions", "Extension limit (10) reached")
      // The limit is named before the collision.
      const collision = yield* world.register("internal2", "{}")
      expectRefusal(collision, "Extension.TooManyExtensions", "Extension limit (10) reached")
    })
  },
  {
    number: 16,
    title: "accountId comes first when it is asked for",
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.register("a", "{}", { "Lambda-Extension-Accept-Feature": "accountId" })
      expectRegistered(answer, registeredWithAccount)
    })
  },
  {
    number: 17,
    title: "features are trimmed, case-sensitive, and unknown ones ignored",
    run: Effect.fnUntraced(function* (world) {
      const feature = (value: string) => ({ "Lambda-Extension-Accept-Feature": value })
      expectRegistered(yield* world.register("a", "{}", feature("some_non_existing_feature,")))
      expectRegistered(yield* world.register("x", "{}", feature(" foo , accountId ")), registeredWithAccount)
      expectRegistered(yield* world.register("y", "{}", feature("AccountId")))
    })
  },
  {
    number: 21,
    title: "wrong method and trailing slash",
    run: Effect.fnUntraced(function* (world) {
      const path = "/2020-01-01/extension/register"
      expectAnswer(yield* world.call("GET", path), 405, { allow: "POST", "content-length": "0" }, "")
      expectAnswer(yield* world.call("POST", `${path}/`), 404, notFoundHeaders, "404 page not found\n")
    })
  },
  {
    number: 22,
    title: "unknown path",
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.call("POST", "/2020-01-01/foo", {}, "{}")
      expectAnswer(answer, 404, notFoundHeaders, "404 page not found\n")
      expectAnswer(yield* world.call("GET", "/constructor"), 404, notFoundHeaders, "404 page not found\n")
    })
  }
]

const notFoundHeaders = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" }

const next: ReadonlyArray<Case> = [
  {
    number: 25,
    title: "no identifier",
    run: Effect.fnUntraced(function* (world) {
      const refusal = ["Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"] as const
      expectRefusal(yield* world.call("GET", "/2020-01-01/extension/event/next"), ...refusal)
      expectRefusal(yield* world.next(""), ...refusal)
    })
  },
  {
    number: 26,
    title: "an identifier that is no UUID",
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.next("invalid-unique-identifier")
      expectRefusal(answer, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
    })
  },
  {
    number: 27,
    title: "an unknown identifier, echoed in canonical form",
    run: Effect.fnUntraced(function* (world) {
      const canonical = "abcdef00-0000-4000-8000-000000000000"
      const forms = [canonical, canonical.toUpperCase(), `urn:uuid:${canonical}`, `{${canonical}}`]
      for (const form of [...forms, canonical.replaceAll("-", "")]) {
        const answer = yield* world.next(form)
        expectRefusal(answer, "Extension.UnknownExtensionIdentifier", `Unknown extension ${canonical}`)
      }
    })
  },
  {
    number: 28,
    title: "INVOKE with a trace header",
    run: Effect.fnUntraced(function* (world) {
      const { event, invocation, requestId } = yield* world.invoking({ traceHeader: "Root=1-2-3;Sampled=0" })
      const deadline = invocation.headers["lambda-runtime-deadline-ms"]
      const arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
      const body = `{"eventType":"INVOKE","deadlineMs":${deadline},"requestId":"${requestId}","invokedFunctionArn":"${arn}","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-2-3;Sampled=0"}}`
      expectAnswer(event, 200, json, body)
      assert.match(event.headers["lambda-extension-event-identifier"] ?? "", uuid)
    })
  },
  {
    number: 29,
    title: "INVOKE without a trace header has no tracing",
    run: Effect.fnUntraced(function* (world) {
      const { event, invocation, requestId } = yield* world.invoking({ traceHeader: "", qualifier: "live" })
      const deadline = invocation.headers["lambda-runtime-deadline-ms"]
      const arn = "arn:aws:lambda:us-east-1:123456789012:function:function:live"
      const body = `{"eventType":"INVOKE","deadlineMs":${deadline},"requestId":"${requestId}","invokedFunctionArn":"${arn}"}`
      expectAnswer(event, 200, json, body)
      assert.strictEqual(invocation.headers["lambda-runtime-trace-id"], undefined)
    })
  },
  {
    number: 30,
    title: "two extensions get the same invocation under different event identifiers",
    options: { extensions: [{ slot: "a" }, { slot: "b" }] },
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("b", ["INVOKE"])
      const pollB = yield* world.pollExtension("b", identifier)
      const { event: ofA } = yield* world.invoking()
      const ofB = yield* Fiber.join(pollB)
      assert.strictEqual(ofA.body, ofB.body)
      const header = "lambda-extension-event-identifier"
      assert.notStrictEqual(ofA.headers[header], ofB.headers[header])
    })
  },
  {
    number: 31,
    title: "SHUTDOWN is text/plain without an event identifier",
    run: Effect.fnUntraced(function* (world) {
      const { extensionPoll } = yield* world.ready(["SHUTDOWN"])
      const shutdown = yield* Effect.forkScoped(world.emulator.shutdown())
      const event = yield* Fiber.join(extensionPoll)
      const { deadlineMs } = yield* world.journal.waitFor(Journal.is("ShutdownStarted"))
      const body = `{"eventType":"SHUTDOWN","deadlineMs":${deadlineMs},"shutdownReason":"spindown"}`
      expectAnswer(event, 200, { "content-type": "text/plain; charset=utf-8" }, body)
      assert.strictEqual(event.headers["lambda-extension-event-identifier"], undefined)
      yield* world.emulator.endSlot("extension:a")
      yield* Fiber.join(shutdown)
    })
  },
  {
    number: 33,
    title: "a second poll is refused, the first stays",
    run: Effect.fnUntraced(function* (world) {
      const { extensionPoll, identifier } = yield* world.ready()
      const message = notAllowed("Ready", "Ready", `extension ${identifier}`)
      expectRefusal(yield* world.next(identifier), "Extension.InvalidExtensionState", message)
      yield* Effect.forkScoped(world.emulator.invoke("{}"))
      const event = yield* Fiber.join(extensionPoll)
      assert.match(event.body, /^\{"eventType":"INVOKE"/)
    })
  },
  {
    number: 34,
    title: "exit/error during a poll ends it when it is released, not earlier",
    run: Effect.fnUntraced(function* (world) {
      const { extensionPoll, identifier } = yield* world.ready()
      expectAnswer(yield* world.report("exit", identifier), 202, json, accepted)
      // Not earlier: the poll still waits after another complete exchange.
      expectAnswer(yield* world.call("GET", "/2018-06-01/ping"), 200, {}, "pong")
      assert.strictEqual(extensionPoll.pollUnsafe(), undefined)
      const shutdown = yield* Effect.forkScoped(world.emulator.shutdown())
      const message = `State transition from ExitError to Ready failed for extension ${identifier}. Error: Concurrent state modification`
      expectRefusal(yield* Fiber.join(extensionPoll), "Extension.InvalidExtensionState", message)
      yield* world.emulator.endSlot("extension:a")
      yield* Fiber.join(shutdown)
    })
  },
  {
    number: 35,
    title: "next after init/error",
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", ["INVOKE"])
      yield* world.report("init", identifier)
      const message = notAllowed("InitError", "Ready", `extension ${identifier}`)
      expectRefusal(yield* world.next(identifier), "Extension.InvalidExtensionState", message)
    })
  },
  {
    number: 36,
    title: "POST on next",
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.call("POST", "/2020-01-01/extension/event/next")
      expectAnswer(answer, 405, { allow: "GET" }, "")
    })
  }
]

const errors: ReadonlyArray<Case> = [
  {
    number: 37,
    title: "init/error of a registered extension",
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", [])
      const body = '{"errorMessage":"no config","errorType":"Extension.ConfigInvalid","stackTrace":[]}'
      expectAnswer(yield* world.report("init", identifier, "Extension.ConfigInvalid", body), 202, json, accepted)
      const reported = yield* world.journal.waitFor(Journal.is("ErrorReported"))
      assert.deepStrictEqual([reported.errorType, reported.body], ["Extension.ConfigInvalid", body])
    })
  },
  {
    number: 38,
    title: "init/error takes any body or none",
    options: { extensions: [{ slot: "a" }, { slot: "b" }] },
    run: Effect.fnUntraced(function* (world) {
      const first = yield* world.registered("a", [])
      expectAnswer(yield* world.report("init", first, "x", ""), 202, json, accepted)
      const second = yield* world.registered("b", [])
      expectAnswer(yield* world.report("init", second, "x", "not json"), 202, json, accepted)
    })
  },
  {
    number: 39,
    title: "no error type",
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", [])
      for (const route of ["init", "exit"] as const) {
        const answer = yield* world.call("POST", `/2020-01-01/extension/${route}/error`, {
          "Lambda-Extension-Identifier": identifier
        })
        expectRefusal(answer, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
      }
    })
  },
  {
    number: 40,
    title: "an unknown identifier, after the error type header",
    run: Effect.fnUntraced(function* (world) {
      for (const route of ["init", "exit"] as const) {
        const unknown = ["Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier"] as const
        expectRefusal(yield* world.report(route, unknownIdentifier), ...unknown)
        const missing = ["Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"] as const
        expectRefusal(yield* world.report(route, unknownIdentifier, ""), ...missing)
        const invalid = ["Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"] as const
        expectRefusal(yield* world.report(route, "x", ""), ...invalid)
      }
    })
  },
  {
    number: 41,
    title: "init/error twice keeps the first type",
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", [])
      expectAnswer(yield* world.report("init", identifier, "First.Type"), 202, json, accepted)
      expectAnswer(yield* world.report("init", identifier, "Second.Type"), 202, json, accepted)
      const reported = (yield* world.journal.entries).filter(Journal.is("ErrorReported"))
      assert.deepStrictEqual(
        reported.map(({ errorType }) => errorType),
        ["First.Type"]
      )
    })
  },
  {
    number: 42,
    title: "init/error of a running extension",
    run: Effect.fnUntraced(function* (world) {
      const { identifier } = yield* world.invoking()
      const message = notAllowed("Running", "InitError", `extension ${identifier}`)
      expectRefusal(yield* world.report("init", identifier), "Extension.InvalidExtensionState", message)
    })
  },
  {
    number: 43,
    title: "exit/error from Registered, Ready and Running, not after init/error",
    options: { extensions: ["a", "b", "c"].map((slot) => ({ slot })) },
    run: Effect.fnUntraced(function* (world) {
      const registered = yield* world.registered("a", [])
      expectAnswer(yield* world.report("exit", registered), 202, json, accepted)
      expectAnswer(yield* world.report("exit", registered), 202, json, accepted)
      const ready = yield* world.registered("b", [])
      yield* world.pollExtension("b", ready)
      expectAnswer(yield* world.report("exit", ready), 202, json, accepted)
      const failed = yield* world.registered("c", [])
      yield* world.report("init", failed)
      // The platform prints Exited as the target.
      const message = notAllowed("InitError", "Exited", `extension ${failed}`)
      expectRefusal(yield* world.report("exit", failed), "Extension.InvalidExtensionState", message)
    })
  },
  {
    number: 43,
    title: "exit/error from Running",
    run: Effect.fnUntraced(function* (world) {
      const { identifier } = yield* world.invoking()
      expectAnswer(yield* world.report("exit", identifier), 202, json, accepted)
    })
  },
  {
    number: 44,
    title: "init/error ends nothing until the process does",
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("a", [])
      yield* world.report("init", identifier)
      // Init goes on: the runtime is still welcome.
      yield* world.pollRuntime
      assert.lengthOf((yield* world.journal.entries).filter(Journal.is("InitEnded")), 0)
      yield* world.emulator.endSlot("extension:a")
      const ended = yield* world.journal.waitFor(Journal.is("InitEnded"))
      assert.deepStrictEqual([ended.status, ended.errorType], ["error", "Extension.InitError"])
    })
  },
  {
    number: 45,
    title: "the invoker sees the fixed type and the exit code, never the extension's own type",
    run: Effect.fnUntraced(function* (world) {
      const failOnce = Effect.fnUntraced(function* (after: number) {
        const at = (entry: Journal.JournalEntry) => entry.index > after
        const started = yield* world.journal.waitFor(
          Journal.is("ProcessStarted", (entry) => at(entry) && entry.source === "extension:a")
        )
        const identifier = yield* world.registered("a", ["INVOKE"])
        yield* world.report("init", identifier, "Probe.Deliberate")
        yield* world.emulator.endSlot("extension:a")
        return started.index
      })
      const caller = yield* Effect.forkScoped(world.emulator.invoke("{}", { requestId: "the-request" }))
      const first = yield* failOnce(-1)
      // The first init failed outside the invocation, which therefore starts a second one.
      yield* failOnce(first)
      const result = yield* Fiber.join(caller)
      assert.strictEqual(result.functionError, "Extension.InitError")
      assert.strictEqual(
        result.payload,
        '{"errorType":"Extension.InitError","errorMessage":"RequestId: the-request Error: exit code 0"}'
      )
    })
  }
]

const shutdown: ReadonlyArray<Case> = [
  {
    number: 65,
    title: "without extensions the runtime gets SIGKILL at once",
    options: { extensions: [] },
    run: Effect.fnUntraced(function* (world) {
      yield* world.pollRuntime
      yield* world.emulator.shutdown()
      const killed = (yield* world.journal.entries).filter(Journal.is("Killed"))
      assert.deepStrictEqual(
        killed.map(({ source, signal }) => [source, signal]),
        [["runtime", "SIGKILL"]]
      )
    })
  },
  {
    number: 66,
    title: "with only an internal extension the runtime gets SIGTERM, the extension no event",
    options: { extensions: [] },
    run: Effect.fnUntraced(function* (world) {
      const identifier = yield* world.registered("x", ["INVOKE"])
      yield* world.pollExtension("x", identifier)
      yield* world.pollRuntime
      yield* world.emulator.shutdown()
      const entries = yield* world.journal.entries
      assert.deepStrictEqual(
        entries.filter(Journal.is("Killed")).map(({ source, signal }) => [source, signal]),
        [["runtime", "SIGTERM"]]
      )
      assert.lengthOf(entries.filter(Journal.is("EventDelivered")), 0)
    })
  },
  {
    number: 69,
    title: "an extension without SHUTDOWN is killed at once, without an event",
    run: Effect.fnUntraced(function* (world) {
      yield* world.ready(["INVOKE"])
      yield* world.emulator.shutdown()
      const entries = yield* world.journal.entries
      assert.deepStrictEqual(
        entries.filter(Journal.is("Killed")).map(({ source, signal }) => [source, signal]),
        [
          ["runtime", "SIGTERM"],
          ["extension:a", "SIGKILL"]
        ]
      )
      assert.lengthOf(entries.filter(Journal.is("EventDelivered")), 0)
    })
  },
  {
    number: 70,
    title: "an extension that is still at work gets SHUTDOWN at its next poll",
    run: Effect.fnUntraced(function* (world) {
      const { identifier } = yield* world.invoking()
      const shutdown = yield* Effect.forkScoped(world.emulator.shutdown())
      yield* world.journal.waitFor(Journal.is("ProcessExited", ({ source }) => source === "runtime"))
      const event = yield* world.next(identifier)
      assert.match(event.body, /^\{"eventType":"SHUTDOWN"/)
      yield* world.emulator.endSlot("extension:a")
      yield* Fiber.join(shutdown)
      const ended = yield* world.journal.waitFor(Journal.is("ProcessExited", ({ source }) => source !== "runtime"))
      assert.strictEqual(ended.state, "Exited")
    })
  },
  {
    number: 71,
    title: "a function timeout shuts down with the reason timeout",
    options: { extensions: [{ slot: "a" }], timeout: "100 millis" },
    run: Effect.fnUntraced(function* (world) {
      const { caller, identifier } = yield* world.invoking({ requestId: "the-request" })
      const result = yield* Fiber.join(caller)
      const message = "RequestId: the-request Error: Task timed out after 0.10 seconds"
      assert.strictEqual(result.payload, `{"errorType":"Sandbox.Timedout","errorMessage":"${message}"}`)
      const event = yield* world.next(identifier)
      assert.match(event.body, /"shutdownReason":"timeout"\}$/)
    })
  },
  {
    number: 71,
    title: "a crash shuts down with the reason failure",
    run: Effect.fnUntraced(function* (world) {
      const { caller, identifier } = yield* world.invoking()
      yield* world.emulator.endSlot("runtime", { _tag: "Code", code: 3 })
      assert.strictEqual((yield* Fiber.join(caller)).functionError, "Runtime.ExitError")
      const event = yield* world.next(identifier)
      assert.match(event.body, /"shutdownReason":"failure"\}$/)
    })
  }
]

const runtime: ReadonlyArray<Case> = [
  {
    number: 115,
    title: "ping",
    run: Effect.fnUntraced(function* (world) {
      expectAnswer(yield* world.call("GET", "/2018-06-01/ping"), 200, {}, "pong")
    })
  },
  {
    number: 116,
    title: "a wrong request id",
    run: Effect.fnUntraced(function* (world) {
      yield* world.invoking()
      expectRefusal(yield* world.respond("wrong"), "InvalidRequestID", "Invalid request ID", 400)
      expectRefusal(yield* world.respondError("wrong"), "InvalidRequestID", "Invalid request ID", 400)
    })
  },
  {
    number: 117,
    title: "one answer per invocation",
    run: Effect.fnUntraced(function* (world) {
      const { requestId } = yield* world.invoking()
      expectAnswer(yield* world.respond(requestId), 202, json, accepted)
      const state = "RuntimeResponseSentState"
      const response = notAllowed(state, "InvocationResponse", "runtime")
      expectRefusal(yield* world.respond(requestId), "InvalidStateTransition", response)
      const error = notAllowed(state, "InvocationErrorResponse", "runtime")
      expectRefusal(yield* world.respondError(requestId), "InvalidStateTransition", error)
    })
  },
  {
    number: 118,
    title: "next again before the answer gives the same invocation",
    run: Effect.fnUntraced(function* (world) {
      const { invocation, requestId } = yield* world.invoking()
      const again = yield* world.call("GET", "/2018-06-01/runtime/invocation/next")
      assert.strictEqual(again.headers["lambda-runtime-aws-request-id"], requestId)
      assert.strictEqual(again.body, invocation.body)
    })
  },
  {
    number: 119,
    title: "init/error before the first next only",
    run: Effect.fnUntraced(function* (world) {
      yield* world.registered("a", [])
      const path = "/2018-06-01/runtime/init/error"
      expectAnswer(yield* world.call("POST", path, {}, "{}"), 202, json, accepted)
      const message = notAllowed("InitError", "InitError", "runtime")
      expectRefusal(yield* world.call("POST", path, {}, "{}"), "InvalidStateTransition", message)
    })
  },
  {
    number: 119,
    title: "init/error after next",
    run: Effect.fnUntraced(function* (world) {
      yield* world.ready()
      const answer = yield* world.call("POST", "/2018-06-01/runtime/init/error", {}, "{}")
      expectRefusal(answer, "InvalidStateTransition", notAllowed("Ready", "InitError", "runtime"))
    })
  },
  {
    number: 120,
    title: "no restore without SnapStart",
    run: Effect.fnUntraced(function* (world) {
      const answer = yield* world.call("GET", "/2018-06-01/runtime/restore/next")
      expectAnswer(answer, 404, notFoundHeaders, "404 page not found\n")
    })
  },
  {
    number: 121,
    title: "a response one byte too large",
    run: Effect.fnUntraced(function* (world) {
      const { caller, requestId } = yield* world.invoking()
      const answer = yield* world.respond(requestId, "x".repeat(6_291_557))
      const message = "Exceeded maximum allowed payload size (6291556 bytes)."
      expectAnswer(answer, 413, json, errorBody("RequestEntityTooLarge", message))
      assert.strictEqual((yield* Fiber.join(caller)).functionError, "Function.ResponseSizeTooLarge")
    })
  },
  {
    number: 121,
    title: "a response of the largest size",
    run: Effect.fnUntraced(function* (world) {
      const { caller, requestId } = yield* world.invoking()
      const payload = "x".repeat(6_291_556)
      expectAnswer(yield* world.respond(requestId, payload), 202, json, accepted)
      assert.strictEqual((yield* Fiber.join(caller)).payload.length, payload.length)
    })
  },
  {
    number: 122,
    title: "an unknown response mode",
    run: Effect.fnUntraced(function* (world) {
      const { caller, requestId } = yield* world.invoking()
      const mode = { "Lambda-Runtime-Function-Response-Mode": "foo" }
      const answer = yield* world.respond(requestId, "{}", mode)
      expectRefusal(answer, "InvalidFunctionResponseMode", "Invalid function response mode", 400)
      assert.strictEqual((yield* Fiber.join(caller)).functionError, "Runtime.InvalidResponseModeHeader")
    })
  },
  {
    number: 122,
    title: "response mode streaming",
    run: Effect.fnUntraced(function* (world) {
      const { caller, requestId } = yield* world.invoking()
      const mode = { "Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked" }
      expectAnswer(yield* world.respond(requestId, "streamed", mode), 202, json, accepted)
      assert.strictEqual((yield* Fiber.join(caller)).payload, "streamed")
    })
  },
  {
    number: 123,
    title: "wrong methods",
    run: Effect.fnUntraced(function* (world) {
      const paths = ["/2018-06-01/ping", "/2018-06-01/runtime/invocation/next", "/2022-07-01/telemetry"]
      for (const path of paths) assert.strictEqual((yield* world.call("DELETE", path)).status, 405, path)
    })
  },
  {
    number: 124,
    title: "error types of the function are filtered",
    run: Effect.fnUntraced(function* (world) {
      const types = [
        ["Function.MyErr", "Function.MyErr"],
        ["foo", "Runtime.Unknown"],
        ["Function.lower", "Function.Unknown"],
        ["", "Runtime.Unknown"]
      ] as const
      const { identifier, requestId } = yield* world.invoking()
      yield* world.respond(requestId)
      for (const [sent, seen] of types) {
        const runtimePoll = yield* world.pollRuntime
        const extensionPoll = yield* world.pollExtension("a", identifier)
        const caller = yield* Effect.forkScoped(world.emulator.invoke("{}"))
        yield* Fiber.join(extensionPoll)
        const { headers } = yield* Fiber.join(runtimePoll)
        const error = { "Lambda-Runtime-Function-Error-Type": sent }
        yield* world.respondError(headers["lambda-runtime-aws-request-id"] ?? "", error, '{"errorMessage":"no"}')
        const result = yield* Fiber.join(caller)
        assert.deepStrictEqual([result.functionError, result.payload], [seen, '{"errorMessage":"no"}'])
      }
    })
  },
  {
    number: 125,
    title: "the tenant is told to the runtime, not to extensions",
    run: Effect.fnUntraced(function* (world) {
      const { event, invocation } = yield* world.invoking({ tenantId: "blue" })
      assert.strictEqual(invocation.headers["lambda-runtime-aws-tenant-id"], "blue")
      assert.notInclude(event.body, "blue")
    })
  }
]

for (const [section, cases] of Object.entries({ register, next, errors, shutdown, runtime })) {
  describe(`conformance: ${section}`, () => {
    for (const { number, options = { extensions: [{ slot: "a" }] }, run, title } of cases) {
      it.live(`case ${number}: ${title}`, () => Effect.flatMap(makeWorld(options), run))
    }
  })
}

it.live("telemetry and logs say that they are not supported", () =>
  Effect.gen(function* () {
    const world = yield* makeWorld({})
    const telemetry = yield* world.call("PUT", "/2022-07-01/telemetry", {}, "{}")
    const logs = yield* world.call("PUT", "/2020-08-15/logs", {}, "{}")
    const body = (name: string) =>
      `{"errorMessage":"${name} API is not supported","errorType":"${name}.NotSupported"}\n`
    expectAnswer(telemetry, 202, json, body("Telemetry"))
    expectAnswer(logs, 202, json, body("Logs"))
  })
)
