/** Bounds of the transport and of the process that only a real socket or process can show. */
import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import type * as Registration from "@effect-lambda/extension/Registration"
import { LambdaHttpClient, PreRegistration } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as Scope from "effect/Scope"
import { type Answer, hangs, http, makeServer, reset, until } from "./support/RawServer.ts"
import { start } from "./support/Program.ts"

const registration: Registration.Registration = {
  functionName: "f",
  functionVersion: "1",
  handler: "h",
  extensionName: "a",
  extensionIdentifier: "id",
  events: ["INVOKE"]
}
const ok = http("202 Accepted", '{"status":"OK"}\n')
const report = { errorMessage: "m", errorType: "Extension.T", stackTrace: [] }

const makeApi = (host: string) =>
  Effect.flatMap(LambdaHttpClient.make(), (client) =>
    Effect.provideService(ExtensionsApi.make({ runtimeApi: host, extensionName: "a" }), HttpClient.HttpClient, client)
  )

describe("our transport", () => {
  it.live("a reset on a new connection is not retried", () =>
    Effect.gen(function* () {
      const { host, received } = yield* makeServer((_, index) => (index === 0 ? reset : ok))
      const api = yield* makeApi(host)
      assert.strictEqual((yield* Effect.flip(api.exitError(registration, report))).reason._tag, "Unreachable")
      assert.lengthOf(received, 1)
    })
  )

  it.live("a body that is cut off is Unreachable, not a poll that hangs", () =>
    Effect.gen(function* () {
      const cutOff: Answer = { ...http("200 OK", '{"eve', { "Content-Length": "100" }), afterwards: "close" }
      const { host } = yield* makeServer(() => cutOff)
      const api = yield* makeApi(host)
      const error = yield* Effect.timeout(Effect.flip(api.nextEvent(registration)), hangs)
      assert.strictEqual(error.reason._tag, "Unreachable")
    })
  )

  it.live("the connections close with the scope", () =>
    Effect.gen(function* () {
      const { closed, host } = yield* makeServer(() => ok)
      const scope = yield* Scope.make()
      const api = yield* Scope.provide(makeApi(host), scope)
      yield* api.exitError(registration, report)
      yield* Scope.close(scope, Exit.void)
      yield* until("the closed connection", () => closed.length === 1)
    })
  )

  it.live("a reset later than a second on a kept-alive connection is a lost poll, not a stale connection", () =>
    Effect.gen(function* () {
      const { cut, host, received } = yield* makeServer((_, index) => (index === 0 ? ok : "park"))
      const api = yield* makeApi(host)
      yield* api.exitError(registration, report)
      const fiber = yield* Effect.forkChild(Effect.flip(api.nextEvent(registration)))
      yield* until("the poll", () => received.length === 2)
      const parkedAt = performance.now()
      yield* until("a second of parking", () => performance.now() - parkedAt > 1100)
      cut()
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "Unreachable")
      assert.lengthOf(received, 2)
    })
  )
})

describe("a consumer that is stuck", () => {
  const registered = http("200 OK", '{"functionName":"f","functionVersion":"1","handler":""}', {
    "Lambda-Extension-Identifier": "id"
  })
  const shutdown = () =>
    http("200 OK", JSON.stringify({ eventType: "SHUTDOWN", deadlineMs: Date.now() + 1000, shutdownReason: "spindown" }))
  const lambda = (poll: () => Answer) =>
    makeServer((request) => (request.url.endsWith("/register") ? registered : poll()))

  it.live("after SHUTDOWN is ended with 0 by the last resort, shortly before the deadline", () =>
    Effect.gen(function* () {
      let sentAt = 0
      const { host } = yield* lambda(() => {
        sentAt = Date.now()
        return shutdown()
      })
      const run = yield* start("stubborn.ts", { AWS_LAMBDA_RUNTIME_API: host })
      assert.deepStrictEqual(yield* run.exit, { code: 0, signal: null })
      // An earlier end would have another cause.
      assert.isAtLeast(Date.now() - sentAt, 850)
    })
  )

  const invoke = () =>
    http(
      "200 OK",
      JSON.stringify({ eventType: "INVOKE", deadlineMs: Date.now() + 60_000, requestId: "r", invokedFunctionArn: "a" })
    )

  it.live.each<[string, () => Answer]>([
    ["after SHUTDOWN", () => "park"],
    ["in an invocation", invoke]
  ])("%s is ended with the signal's code after a signal", ([, poll]) =>
    Effect.gen(function* () {
      const { host, received } = yield* lambda(poll)
      const run = yield* start("stubborn.ts", { AWS_LAMBDA_RUNTIME_API: host })
      yield* until("the poll", () => received.length === 2)
      run.child.kill("SIGTERM")
      assert.deepStrictEqual(yield* run.exit, { code: 143, signal: null })
    })
  )

  it.live("is ended at once by a second signal", () =>
    Effect.gen(function* () {
      const { closed, host, received } = yield* lambda(() => "park")
      const run = yield* start("stubborn.ts", { AWS_LAMBDA_RUNTIME_API: host })
      yield* until("the poll", () => received.length === 2)
      run.child.kill("SIGTERM")
      yield* until("the poll that is given up", () => closed.length > 0)
      run.child.kill("SIGINT")
      assert.deepStrictEqual(yield* run.exit, { code: 130, signal: null })
      // The first signal alone gives the process two seconds.
      assert.notInclude(run.output(), "it goes on")
    })
  )
})

describe("the hand-over of a pre-registration", () => {
  const identifier = "EFFECT_LAMBDA_EXTENSION_IDENTIFIER"
  const events = "EFFECT_LAMBDA_EXTENSION_EVENTS"
  const response = "EFFECT_LAMBDA_REGISTER_RESPONSE"
  const complete = {
    [identifier]: "id",
    [events]: "INVOKE,SHUTDOWN",
    [response]: '{"functionName":"f","functionVersion":"1","handler":"h"}\n'
  }
  const take = (change: Record<string, string>) => {
    const env: Record<string, string> = { ...complete, AWS_LAMBDA_FUNCTION_NAME: "g", ...change }
    const identity = PreRegistration.take(env, "/opt/extensions/x.mjs")
    return { env, identity, registration: identity.registration }
  }

  it("is adopted, and its variables are removed", () => {
    const { env, identity } = take({ EFFECT_LAMBDA_EXTENSION_NAME: "x" })
    assert.deepStrictEqual(identity, {
      extensionName: "x",
      registration: {
        functionName: "f",
        functionVersion: "1",
        handler: "h",
        extensionName: "x",
        extensionIdentifier: "id",
        events: ["INVOKE", "SHUTDOWN"]
      }
    })
    assert.deepStrictEqual(env, { AWS_LAMBDA_FUNCTION_NAME: "g" })
  })

  it("comes with the connection to the API that the stub opened", () => {
    const open = { EFFECT_LAMBDA_API_DESCRIPTOR: "3", AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001" }
    const { env, identity } = take(open)
    assert.deepStrictEqual(identity.connection, { runtimeApi: "127.0.0.1:9001", descriptor: 3 })
    assert.notProperty(env, "EFFECT_LAMBDA_API_DESCRIPTOR")
  })

  it.each([
    { EFFECT_LAMBDA_API_DESCRIPTOR: "3" },
    { EFFECT_LAMBDA_API_DESCRIPTOR: "", AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001" },
    { EFFECT_LAMBDA_API_DESCRIPTOR: "-3", AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001" },
    { EFFECT_LAMBDA_API_DESCRIPTOR: "3", AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001", [identifier]: "" }
  ])("%j is not a connection", (change) => {
    assert.isUndefined(take(change).identity.connection)
  })

  it.each([{ EFFECT_LAMBDA_EXTENSION_NAME: "" }, {}])("without a name in %j the name is that of the file", (change) => {
    assert.strictEqual(take(change).identity.extensionName, "x.mjs")
  })

  it.each(["", "  ", "\r"])("%j is not an identifier", (value) => {
    assert.isUndefined(take({ [identifier]: value }).registration)
  })

  it("a carriage return behind the identifier is not part of it", () => {
    assert.strictEqual(take({ [identifier]: "id\r" }).registration?.extensionIdentifier, "id")
  })

  it.each(["", "{", "<html>"])(
    "the body %j is replaced by what the environment says: a second register would be refused",
    (body) => {
      assert.deepInclude(take({ [response]: body }).registration, {
        functionName: "g",
        functionVersion: "",
        handler: ""
      })
    }
  )

  it.each<readonly [string, ReadonlyArray<"INVOKE" | "SHUTDOWN">]>([
    ["", []],
    ["SHUTDOWN", ["SHUTDOWN"]],
    ["INVOKE,BOGUS", ["INVOKE"]]
  ])("the events %j are %j", (list, expected) => {
    assert.deepStrictEqual(take({ [events]: list }).registration?.events, expected)
  })
})
