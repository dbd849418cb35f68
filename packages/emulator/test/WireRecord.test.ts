/** The bytes of every exchange in the journal; over HTTP, without any process. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Fault from "@effect-lambda/emulator/Fault"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Timeline from "@effect-lambda/emulator/Timeline"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { listen } from "./conformance/listener.ts"
import { bodyFor, subscribe } from "./conformance/subscription.ts"
import { makeWorld, manualExtensions } from "./conformance/world.ts"
import { startEmulator } from "./support.ts"

const world = Effect.fnUntraced(function* (options: Emulator.Options, ...faults: ReadonlyArray<string>) {
  return yield* makeWorld("real", {
    ...manualExtensions("a"),
    faults: faults.map((text) => Result.getOrThrow(Fault.parse(text))),
    ...options
  })
})

const exchanged = ({ journal }: { readonly journal: Journal.Journal }, path: string) =>
  journal.waitFor(Journal.is("Exchanged", (entry) => entry.path === path))

const registerPath = "/2020-01-01/extension/register"
const nextPath = "/2020-01-01/extension/event/next"

describe("with the option wire", { concurrent: true }, () => {
  it.live("an exchange has both bodies, the headers of the protocol, its process and its times", () =>
    Effect.gen(function* () {
      const made = yield* world({ wire: true })
      const began = Date.now()
      const answer = yield* made.register("a", '{"events":["INVOKE"]}', { Authorization: "secret", Cookie: "secret" })
      const identifier = answer.headers["lambda-extension-identifier"] ?? ""
      const entry = yield* exchanged(made, registerPath)
      assert.deepInclude(entry, {
        kind: "api",
        process: "extension:a",
        method: "POST",
        requestHeaders: { "lambda-extension-name": "a" },
        requestBody: '{"events":["INVOKE"]}',
        requestBytes: 21,
        status: 200,
        answerHeaders: { "lambda-extension-identifier": identifier },
        answerBody: answer.body,
        answerBytes: answer.bytes.length,
        closedBy: undefined
      })
      assert.isAtLeast(entry.requestedAt, began - 1)
      assert.isAtLeast(entry.at, entry.requestedAt)
      assert.notInclude(JSON.stringify(yield* made.journal.entries), "secret")
      assert.match(Timeline.make().render(entry), /a +\d* +wire: POST .*register \(21 bytes\): 200, \d+ bytes, \d+ ms/)
    })
  )

  it.live("an invocation: both polls know their process, and what an invoker says of its user is left out", () =>
    Effect.gen(function* () {
      const made = yield* world({ wire: { maxBytes: 4 } })
      const { caller, extensionPoll, requestId } = yield* made.invoking({ clientContext: '{"custom":{"who":"me"}}' })
      const event = yield* Fiber.join(extensionPoll)
      yield* made.respond(requestId, "täglich")
      yield* Fiber.join(caller)
      const poll = yield* exchanged(made, nextPath)
      assert.deepInclude(poll, { process: "extension:a", answerBody: '{"ev', answerBytes: event.bytes.length })
      const taken = yield* exchanged(made, "/2018-06-01/runtime/invocation/next")
      assert.deepInclude(taken, { process: "runtime", answerBody: '{"n"', answerBytes: 7 })
      assert.strictEqual(taken.answerHeaders["lambda-runtime-aws-request-id"], requestId)
      assert.notInclude(JSON.stringify(taken), "custom")
      const response = yield* exchanged(made, `/2018-06-01/runtime/invocation/${requestId}/response`)
      assert.deepInclude(response, { process: "runtime", requestBody: "täg", requestBytes: 8 })
    })
  )

  it.live("refusals are exchanges too, also of paths and methods that do not exist", () =>
    Effect.gen(function* () {
      const made = yield* world({ wire: true })
      yield* made.call("POST", "/nowhere", {}, "abc")
      yield* made.call("GET", registerPath)
      yield* made.next("no identifier")
      assert.deepInclude(yield* exchanged(made, "/nowhere"), {
        process: undefined,
        requestBody: "abc",
        requestBytes: 3,
        status: 404,
        answerBody: "404 page not found\n"
      })
      assert.deepInclude(yield* exchanged(made, registerPath), { method: "GET", status: 405, answerBytes: 0 })
      const refused = yield* exchanged(made, nextPath)
      assert.deepInclude(refused, { process: undefined, status: 403 })
      assert.include(refused.answerBody, "Invalid Lambda-Extension-Identifier")
    })
  )

  it.live.each([
    ["reset:register", { status: 0, answerBytes: 0, closedBy: "platform" }],
    ["partial:register=5", { status: 200, answerBody: '{"fun', answerBytes: 5, closedBy: "platform" }],
    ["status:register=500", { status: 500, closedBy: undefined }],
    ["close:register", { status: 200, closedBy: "platform" }]
  ] as const)("under the fault %s it is what has left", ([fault, expected]) =>
    Effect.gen(function* () {
      const made = yield* world({ wire: true }, fault)
      yield* made.register("a", "{}")
      assert.deepInclude(yield* exchanged(made, registerPath), expected)
    })
  )

  it.live("a poll that its client gives up has status 0", () =>
    Effect.gen(function* () {
      const made = yield* world({ wire: true })
      const poll = yield* made.pollExtension("a", yield* made.registered("a", ["INVOKE"]))
      yield* Fiber.interrupt(poll)
      assert.deepInclude(yield* exchanged(made, nextPath), { process: "extension:a", status: 0, closedBy: "client" })
    })
  )

  it.live("a poll that waits when the environment closes was closed by the platform", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const made = yield* Scope.provide(world({ wire: true }), scope)
      yield* made.pollExtension("a", yield* made.registered("a", ["INVOKE"]))
      yield* Scope.close(scope, Exit.void)
      const last = (yield* made.journal.entries).filter(Journal.is("Exchanged", ({ path }) => path === nextPath))
      assert.lengthOf(last, 1)
      assert.deepInclude(last[0], { process: "extension:a", status: 0, closedBy: "platform" })
    })
  )

  it.live("a delivery has its destination, its first bytes and the status of each attempt", () =>
    Effect.gen(function* () {
      const made = yield* world({ wire: { maxBytes: 20 } }, "delivery:half")
      const listener = yield* listen()
      listener.answer(503, 202)
      yield* subscribe(made, yield* made.registered("a", ["INVOKE"]), bodyFor(listener.port))
      yield* made.journal.waitFor(Journal.is("TelemetryDelivered"))
      const all = (yield* made.journal.entries).filter(Journal.is("Exchanged", ({ kind }) => kind === "delivery"))
      const bytes = Buffer.byteLength(listener.deliveries[0]?.body ?? "")
      assert.deepStrictEqual(
        all.map(({ closedBy, exchange, process, requestBytes, status }) => [
          exchange,
          process,
          status,
          requestBytes,
          closedBy
        ]),
        [
          [1, "extension:a", 0, Math.floor(bytes / 2), "platform"],
          [2, "extension:a", 503, bytes, undefined],
          [3, "extension:a", 202, bytes, undefined]
        ]
      )
      const [first] = all
      assert.strictEqual(first?.path, `http://sandbox.localdomain:${listener.port}/in`)
      assert.strictEqual(first?.requestBody, listener.deliveries[0]?.body.slice(0, 20))
    })
  )

  it.live("a delivery over TCP has its lines and no status", () =>
    Effect.gen(function* () {
      const made = yield* world({ wire: true })
      const listener = yield* listen()
      const destination = { protocol: "TCP", port: listener.port }
      const body = bodyFor(listener.port, { destination, types: ["extension"] })
      yield* subscribe(made, yield* made.registered("a", ["INVOKE"]), body)
      yield* made.emulator.writeManualOutput("extension:a", "one\ntwo\n")
      const entry = yield* made.journal.waitFor(Journal.is("Exchanged", ({ kind }) => kind === "delivery"))
      assert.deepInclude(entry, { method: "TCP", status: undefined })
      assert.lengthOf(entry.requestBody.trimEnd().split("\n"), 2)
    })
  )
})

it.live("the credentials of SnapStart are in no exchange", () =>
  Effect.gen(function* () {
    const { journal, runtimeApi } = yield* startEmulator({ extensions: [], initType: "snap-start", wire: true })
    yield* Effect.promise(() => fetch(`http://${runtimeApi}/2021-04-23/credentials`))
    yield* Effect.promise(() => fetch(`http://${runtimeApi}/2018-06-01/ping`))
    yield* journal.waitFor(Journal.is("Exchanged", ({ path }) => path.endsWith("ping")))
    assert.lengthOf((yield* journal.entries).filter(Journal.is("Exchanged")), 1)
  })
)

it.live("without the option nothing is recorded", () =>
  Effect.gen(function* () {
    const made = yield* world({})
    yield* made.registered("a", ["INVOKE"])
    assert.deepStrictEqual(yield* made.entries("Exchanged"), [])
  })
)

it.live.each([-1, 0.5, Number.NaN])("%d is no number of bytes to keep", (maxBytes) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(startEmulator({ wire: { maxBytes } }))
    assert.include(error.message, "wire")
  })
)
