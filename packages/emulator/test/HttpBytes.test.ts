/** Bytes of HTTP: targets in absolute form, bodies that are too large, headers and content types as Go has them. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { splitTarget, sniffContentType } from "../src/internal/server/HttpBytes.ts"
import { exchange } from "./conformance/raw.ts"
import {
  accepted,
  expectAnswer,
  expectFailure,
  expectRefusal,
  failureDocument,
  json,
  makeWorld,
  notFoundBody,
  notFoundHeaders,
  manualExtensions,
  text
} from "./conformance/world.ts"

const profiles = ["real", "rie", "lmi"] as const
const limit = 6_291_556

describe("the target of a request", () => {
  it.each([
    ["/a?x=1?y", { path: "/a", query: "x=1?y" }],
    ["http://host/a?x=1", { path: "/a", query: "x=1" }],
    ["HTTP://host:1/a", { path: "/a", query: "" }],
    ["http://user@[::1]:1/a", { path: "/a", query: "" }],
    ["http://host", { path: "", query: "" }],
    ["http://host?x=1", { path: "", query: "x=1" }],
    ["/http://host/a", { path: "/http://host/a", query: "" }],
    ["//host/a", { path: "//host/a", query: "" }],
    ["*", { path: "*", query: "" }]
  ])("%s", (target, expected) => {
    assert.deepStrictEqual(splitTarget(target), expected)
  })

  it.live.each(profiles)("may have the absolute form [%s]", (profile) =>
    Effect.gen(function* () {
      const world = yield* makeWorld(profile, manualExtensions("a"))
      const absolute = "http://169.254.100.1:9001"
      expectAnswer(yield* world.call("GET", `${absolute}/2018-06-01/ping?x=1`), 200, text, "pong")
      expectAnswer(yield* world.call("GET", absolute), 404, notFoundHeaders, notFoundBody)
      const name = { "Lambda-Extension-Name": "a" }
      const registered = yield* world.call("POST", `${absolute}/2020-01-01/extension/register`, name, "{}")
      assert.strictEqual(registered.status, 200)
      const invokeApi = (world.emulator.invokeEndpoint ?? "").replace("http://", "")
      const head = `POST http://localhost${invokePath} HTTP/1.1\r\nHost: localhost\r\n`
      yield* Effect.forkScoped(exchange(invokeApi, `${head}Content-Length: 2\r\n\r\n{}`))
      yield* world.pollRuntime
      if (profile === "rie") return
      yield* world.pollExtension("a", registered.headers["lambda-extension-identifier"] ?? "")
      yield* world.journal.waitFor(Journal.is("InvocationStarted"))
    })
  )
})

const invokePath = "/2015-03-31/functions/function/invocations"

describe.concurrent("profile rie, the answer of the Invoke API", () => {
  // As Go 1.26 itself guesses.
  it.each([
    ["{}", "text/plain; charset=utf-8"],
    ["é", "text/plain; charset=utf-8"],
    ["<html><b>x", "text/html; charset=utf-8"],
    ["  <!DOCTYPE HTML>", "text/html; charset=utf-8"],
    ["<p>", "text/html; charset=utf-8"],
    ["<p", "text/plain; charset=utf-8"],
    ["<pre>", "text/plain; charset=utf-8"],
    ["<!-- c", "text/html; charset=utf-8"],
    ["<!--c", "text/plain; charset=utf-8"],
    ["<br/>", "text/plain; charset=utf-8"],
    ["<br >", "text/html; charset=utf-8"],
    [' \t<?xml version="1.0"?>', "text/xml; charset=utf-8"],
    ["%PDF-1.4", "application/pdf"],
    ["%!PS-Adobe-3", "application/postscript"],
    ["BMW", "image/bmp"],
    ["GIF89a", "image/gif"],
    ["PK\u0003\u0004", "application/zip"],
    ["a\u0000", "application/octet-stream"],
    ["a\u001bb", "text/plain; charset=utf-8"],
    ["", undefined]
  ])("guesses the content type of %j", (body, expected) => {
    assert.strictEqual(sniffContentType(body), expected)
  })

  it.live("has Go's headers and no others, and comes in chunks when it is longer than Go's buffer", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("rie", { ...manualExtensions("a"), timeout: "4 seconds" })
      const bodies = [
        ["", {}, {}],
        ["<p>hello", { "Content-Type": "text/html; charset=utf-8" }, {}],
        ["x".repeat(2048), text, { "Content-Length": "2048" }],
        ["x".repeat(2049), text, { "Transfer-Encoding": "chunked" }]
      ] as const
      const { caller, identifier, requestId } = yield* world.posting
      yield* world.respond(requestId, "[1]")
      let runtimePoll = yield* world.pollRuntime
      yield* world.pollExtension("a", identifier)
      expectAnswer(yield* Fiber.join(caller), 200, text, "[1]")
      for (const [body, headers, size] of bodies) {
        const posted = yield* Effect.forkScoped(world.post("1"))
        const { headers: told } = yield* Fiber.join(runtimePoll)
        expectAnswer(yield* world.respond(told["lambda-runtime-aws-request-id"] ?? "", body), 202, json, accepted)
        runtimePoll = yield* world.pollRuntime
        yield* world.pollExtension("a", identifier)
        const answer = yield* Fiber.join(posted)
        expectAnswer(answer, 200, headers, body)
        for (const [name, value] of Object.entries(size)) assert.include(answer.headerLines, `${name}: ${value}`)
      }
      // No runtime answers; the message of a timeout is plain text.
      expectAnswer(yield* world.post("1"), 200, text, "Task timed out after 4.00 seconds")
      expectAnswer(yield* world.post("1", { "X-Amz-Client-Context": "%%%" }), 500, {}, "")
      const elsewhere = yield* exchange(
        (world.emulator.invokeEndpoint ?? "").replace("http://", ""),
        `POST ${invokePath.replace("/function/", "/orders/")} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`
      )
      expectAnswer(elsewhere, 404, notFoundHeaders, notFoundBody)
    })
  )
})

describe.concurrent("bodies that are too large", () => {
  // A character of two bytes lies across the limit, wherever the chunks of the connection end.
  const payload = Buffer.from(`x${"é".repeat(3_300_000)}`)

  it.live("profile rie: a payload is cut at the byte, over HTTP and by the API", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld("rie", manualExtensions("a"))
      const { identifier, runtimePoll } = yield* world.ready(["SHUTDOWN"])
      const caller = yield* Effect.forkScoped(world.post(payload))
      const { bytes, headers } = yield* Fiber.join(runtimePoll)
      assert.isTrue(bytes.equals(payload.subarray(0, limit)), `${bytes.length} bytes`)
      yield* world.respond(headers["lambda-runtime-aws-request-id"] ?? "", "{}")
      const again = yield* world.pollRuntime
      expectAnswer(yield* Fiber.join(caller), 200, text, "{}")
      yield* Effect.forkScoped(world.emulator.invoke(payload.toString("utf8")))
      assert.isTrue((yield* Fiber.join(again)).bytes.equals(payload.subarray(0, limit)))
      assert.isNotEmpty(identifier)
    })
  )

  it.live.each(["real", "rie"] as const)("an init error is kept to the byte [%s]", (profile) =>
    Effect.gen(function* () {
      const world = yield* makeWorld(profile, {})
      yield* world.journal.waitFor(Journal.is("ProcessStarted"))
      const body = "y".repeat(limit + 1)
      expectAnswer(yield* world.call("POST", "/2018-06-01/runtime/init/error", {}, body), 202, json, accepted)
      const reported = yield* world.journal.waitFor(Journal.is("ErrorReported"))
      assert.strictEqual(reported.body.length, limit)
    })
  )

  it.live.each(["real", "rie"] as const)(
    "an error that is too large gets no answer, one of the largest size does [%s]",
    (profile) =>
      Effect.gen(function* () {
        const world = yield* makeWorld(profile, { ...manualExtensions("a"), timeout: "1 minute" })
        const first = yield* world.posting
        expectAnswer(yield* world.respondError(first.requestId, {}, "e".repeat(limit)), 202, json, accepted)
        const runtimePoll = yield* world.pollRuntime
        yield* world.pollExtension("a", first.identifier)
        assert.strictEqual((yield* Fiber.join(first.caller)).bytes.length, limit)
        const caller = yield* Effect.forkScoped(world.post("{}"))
        const requestId = (yield* Fiber.join(runtimePoll)).headers["lambda-runtime-aws-request-id"] ?? ""
        const dropped = yield* world.respondError(requestId, {}, "e".repeat(limit + 1))
        assert.strictEqual(dropped.statusLine, "")
        const refused = yield* world.journal.waitFor(Journal.is("ApiRefused"))
        assert.deepStrictEqual(
          [refused.status, refused.message],
          [0, "the error has 6291557 bytes; Lambda takes 6291556"]
        )
        const next = yield* world.call("GET", "/2018-06-01/runtime/invocation/next")
        const message = world.notAllowed("InvocationErrorResponse", "Ready", "runtime")
        expectRefusal(next, "InvalidStateTransition", message)
        assert.isUndefined(caller.pollUnsafe())
      })
  )
})

/** A runtime that is too late: the reset waits for extension b, which does not end by itself. */
describe("a runtime that outlives its invocation", () => {
  it.live.each(["real", "rie"] as const)("is refused, and never given that invocation again [%s]", (profile) =>
    Effect.gen(function* () {
      const world = yield* makeWorld(profile, { ...manualExtensions("a", "b"), timeout: "1 minute" })
      yield* world
        .registered("b", ["SHUTDOWN"])
        .pipe(Effect.flatMap((identifier) => world.pollExtension("b", identifier)))
      const { caller, requestId } = yield* world.posting
      yield* world.emulator.endManualProcess("extension:a", { _tag: "Code", code: 7 })
      const again = yield* world.call("GET", "/2018-06-01/runtime/invocation/next")
      assert.strictEqual(again.statusLine, "")
      expectRefusal(yield* world.respond(requestId), "InvalidRequestID", "Invalid request ID", 400)
      const next = yield* world.call("GET", "/2018-06-01/runtime/invocation/next")
      expectRefusal(next, "InvalidStateTransition", world.notAllowed("InvocationResponse", "Ready", "runtime"))
      const response = world.notAllowed("InvocationResponse", "InvocationErrorResponse", "runtime")
      expectRefusal(yield* world.respondError(requestId), "InvalidStateTransition", response)
      expectFailure(profile, yield* Fiber.join(caller), failureDocument("Extension.Crash", requestId, "exit status 7"))
      yield* world.journal.waitFor(Journal.is("ShutdownEnded"))
      // The reset has ended: the invocation is not known any more, and there is no runtime.
      expectRefusal(yield* world.respond(requestId), "InvalidRequestID", "Invalid request ID", 400)
      const cold = yield* world.call("GET", "/2018-06-01/runtime/invocation/next")
      assert.strictEqual(cold.statusLine, "")
      const delivered = yield* world.entries("InvocationDelivered")
      assert.lengthOf(
        delivered.filter((entry) => entry.requestId === requestId),
        1
      )
    })
  )
})

it.live.each(profiles)("the 403 of a status:next fault has the words of its profile [%s]", (profile) =>
  Effect.gen(function* () {
    const faults = [{ _tag: "Status", route: "next", status: 403 }] as const
    const world = yield* makeWorld(profile, { ...manualExtensions("a"), faults })
    const identifier = yield* world.registered("a", [])
    const message = world.notAllowed("Exited", "Ready", `extension ${identifier}`)
    expectRefusal(yield* world.next(identifier), "Extension.InvalidExtensionState", message)
  })
)
