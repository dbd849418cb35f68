/** Faults that change an answer, or answer instead of the platform; over HTTP, without any process. */
import * as Fault from "@effect-lambda/emulator/Fault"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Http from "node:http"
import { makeWorld, manualExtensions } from "./conformance/world.ts"

const world = Effect.fnUntraced(function* (...faults: ReadonlyArray<string>) {
  return yield* makeWorld("real", {
    ...manualExtensions("a"),
    faults: faults.map((text) => Result.getOrThrow(Fault.parse(text)))
  })
})

const injected = Effect.fnUntraced(function* ({ journal }: { readonly journal: Journal.Journal }) {
  return (yield* journal.entries).filter(Journal.is("FaultInjected")).map(({ description }) => description)
})

const typesOf = (body: string): ReadonlyArray<string> =>
  Object.values<unknown>(JSON.parse(body)).map((value) =>
    value === null ? "null" : Array.isArray(value) ? "array" : typeof value
  )

describe("the answer", { concurrent: true }, () => {
  it.live("an event of an unknown type comes at once, and the same poll again gets the true event", () =>
    Effect.gen(function* () {
      const made = yield* world("event:next=RESTORE")
      const identifier = yield* made.registered("a", ["INVOKE"])
      const unknown = yield* made.next(identifier)
      assert.strictEqual(unknown.status, 200)
      assert.strictEqual(unknown.headers["content-type"], "application/json")
      const event = JSON.parse(unknown.body)
      assert.strictEqual(event.eventType, "RESTORE")
      assert.isNumber(event.deadlineMs)
      assert.deepStrictEqual(yield* made.entries("NextCalled"), [], "to the platform the poll never came")
      const poll = yield* made.pollExtension("a", identifier)
      yield* made.pollRuntime
      yield* Effect.forkScoped(made.emulator.invoke("{}"))
      assert.strictEqual(JSON.parse((yield* Fiber.join(poll)).body).eventType, "INVOKE")
      assert.deepStrictEqual(yield* injected(made), ["next is answered with an event of the type RESTORE"])
    })
  )

  it.live("register and both events have unknown fields of every type, after those of Lambda", () =>
    Effect.gen(function* () {
      const made = yield* world("fields:register", "fields:next@every")
      const registered = yield* made.register("a", '{"events":["INVOKE","SHUTDOWN"]}')
      const known = ["functionName", "functionVersion", "handler"]
      assert.deepStrictEqual(Object.keys(JSON.parse(registered.body)).slice(0, 3), known)
      assert.strictEqual(Number(registered.headers["content-length"]), registered.bytes.length)
      assert.isTrue(registered.body.endsWith("}\n"))
      const identifier = registered.headers["lambda-extension-identifier"] ?? ""
      const invoke = yield* made.pollExtension("a", identifier)
      yield* made.pollRuntime
      yield* Effect.forkScoped(Effect.ignore(made.emulator.invoke("{}")))
      const invoked = (yield* Fiber.join(invoke)).body
      const shutdown = yield* made.pollExtension("a", identifier)
      yield* Effect.forkScoped(made.emulator.shutdown())
      yield* made.emulator.endManualProcess("runtime")
      const ended = (yield* Fiber.join(shutdown)).body
      for (const body of [registered.body, invoked, ended]) {
        assert.includeMembers([...typesOf(body)], ["string", "number", "boolean", "null", "array", "object"])
      }
      assert.match(invoked, /^\{"eventType":"INVOKE".*"tracing":\{/)
      assert.match(ended, /^\{"eventType":"SHUTDOWN","deadlineMs":\d+,"shutdownReason":"[a-z]+",/)
    })
  )

  it.live("INVOKE has no tracing, and else every field; the runtime has its trace header", () =>
    Effect.gen(function* () {
      const made = yield* world("no-tracing", "fields:next")
      const { extensionPoll, invocation } = yield* made.invoking({ traceHeader: 'Root=1-"}\\,"tracing":{' })
      const event = JSON.parse((yield* Fiber.join(extensionPoll)).body)
      const fields = ["eventType", "deadlineMs", "requestId", "invokedFunctionArn"]
      assert.deepStrictEqual(Object.keys(event).slice(0, 5), [...fields, "unknownText"])
      assert.include(invocation.headers["lambda-runtime-trace-id"], "Root=1-")
    })
  )

  it.live.each([
    ["telemetry", "/2022-07-01/telemetry", 202],
    ["logs", "/2020-08-15/logs", 202],
    ["telemetry", "/2022-07-01/telemetry", 500]
  ] as const)("a subscription to %s (%s) is refused with %d, and its second try is taken", ([route, path, status]) =>
    Effect.gen(function* () {
      const made = yield* world(`status:${route}=${status}`)
      const identifier = yield* made.registered("a", ["INVOKE"])
      const body = JSON.stringify({
        schemaVersion: route === "logs" ? "2021-03-18" : "2022-12-13",
        types: ["platform"],
        destination: { protocol: "HTTP", URI: "http://sandbox.localdomain:4243" }
      })
      const subscribe = made.call("PUT", path, { "Lambda-Extension-Identifier": identifier }, body)
      assert.strictEqual((yield* subscribe).status, status)
      assert.strictEqual((yield* subscribe).body, '"OK"')
      assert.lengthOf(yield* made.entries("TelemetrySubscription"), 1)
    })
  )
})

/** A request over a connection that is kept; tells whether it was kept before, and waits for its end. */
const exchange = (agent: Http.Agent, url: string) =>
  Effect.callback<{ readonly isReused: boolean; readonly headers: Http.IncomingHttpHeaders; readonly body: string }>(
    (resume) => {
      const request = Http.request(url, { method: "POST", agent }, (response) => {
        let body = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => {
          body += chunk
        })
        // The agent has the connection back a moment after the end.
        response.on("end", () =>
          setImmediate(() =>
            resume(Effect.succeed({ isReused: request.reusedSocket, headers: response.headers, body }))
          )
        )
      })
      request.on("error", (error) => resume(Effect.die(error)))
      request.end()
    }
  )

it.live("close: the answer is whole and announces nothing, then the connection ends", () =>
  Effect.gen(function* () {
    const made = yield* world("close:register@2")
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() => new Http.Agent({ keepAlive: true, maxSockets: 1 })),
      (agent) => Effect.sync(() => agent.destroy())
    )
    const url = `http://${made.emulator.runtimeApi}/2020-01-01/extension/register`
    const first = yield* exchange(agent, url)
    const closed = yield* exchange(agent, url)
    assert.deepStrictEqual([closed.body, closed.headers.connection], [first.body, first.headers.connection])
    assert.isTrue(closed.isReused)
    // The agent notices the end of a connection that nobody uses.
    yield* Effect.callback<void>((resume) => {
      const [socket] = Object.values(agent.freeSockets).flat()
      if (socket === undefined) resume(Effect.void)
      else socket.once("close", () => resume(Effect.void))
    })
    assert.isFalse((yield* exchange(agent, url)).isReused)
    assert.isTrue((yield* exchange(agent, url)).isReused)
    assert.deepStrictEqual(yield* injected(made), ["the connection is closed after the answer to register"])
  })
)
