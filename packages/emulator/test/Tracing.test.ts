/**
 * The trace of an invocation: what the function, the INVOKE event and telemetry are told of it, with tracing off, with
 * tracing on, and with a header that came with the invocation (docs/protocol.md#trace-context).
 */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TraceHeader from "../src/internal/TraceHeader.ts"
import type { PlatformRecord } from "./conformance/listener.ts"
import { listen } from "./conformance/listener.ts"
import { bodyFor, managedBody, subscribe } from "./conformance/subscription.ts"
import { makeWorld, manualExtensions } from "./conformance/world.ts"
import { awaitTrue, script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const root = "1-5759e988-bd862e3fe1be46a994272793"
const came = `Root=${root};Parent=53995c3f42cd8ad8;Sampled=1`
/** A header that Lambda makes itself. */
const own = (sampled: 0 | 1) =>
  new RegExp(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=${sampled};Lineage=1:[0-9a-f]{8}:0$`)

const fieldOf = (name: string, header: string | undefined) => new RegExp(`${name}=([^;]*)`).exec(header ?? "")?.[1]

/** One invocation, and the three places in which its trace is told. */
const told = Effect.fnUntraced(function* (options: Emulator.Options, invokeOptions: Emulator.InvokeOptions = {}) {
  const world = yield* makeWorld("real", { ...manualExtensions("a"), ...options })
  const listener = yield* listen()
  const identifier = yield* world.registered("a", ["INVOKE"])
  yield* subscribe(world, identifier, bodyFor(listener.port, { types: ["platform"] }))
  const event = yield* world.pollExtension("a", identifier)
  const runtime = yield* world.pollRuntime
  yield* world.journal.waitFor(Journal.is("InitEnded"))
  const caller = yield* Effect.forkScoped(world.emulator.invoke("{}", { requestId: "r", ...invokeOptions }))
  const { headers } = yield* Fiber.join(runtime)
  const invoke: { readonly tracing?: { readonly value: string } } = JSON.parse((yield* Fiber.join(event)).body)
  yield* world.respond("r")
  yield* Fiber.join(caller)
  yield* world.pollRuntime
  yield* world.journal.waitFor(Journal.is("RuntimeDone"))
  yield* awaitTrue(() => listener.types().includes("platform.runtimeDone"))
  const tracings = listener
    .events()
    .flatMap(({ record, type }) => (/start$|runtimeDone/.test(type) ? [record.tracing] : []))
  return { function: headers["lambda-runtime-trace-id"], invoke: invoke.tracing?.value, tracings }
})

describe("with tracing off", () => {
  it.live("function and INVOKE event are told that the invocation is not sampled, and telemetry has no trace", () =>
    Effect.gen(function* () {
      const seen = yield* told({})
      assert.match(seen.function ?? "", own(0))
      assert.strictEqual(seen.invoke, seen.function)
      assert.deepStrictEqual(seen.tracings, [undefined, undefined])
    })
  )

  it.live("a header that came with the invocation is told to all three as it came, without a span id", () =>
    Effect.gen(function* () {
      const seen = yield* told({ tracing: "PassThrough" }, { traceHeader: came })
      assert.deepStrictEqual([seen.function, seen.invoke], [came, came])
      const tracing = { type: "X-Amzn-Trace-Id", value: came }
      assert.deepStrictEqual(seen.tracings, [tracing, tracing])
    })
  )
})

describe("with active tracing", () => {
  it.live("the function's segment is the span of telemetry and the parent that the function sees", () =>
    Effect.gen(function* () {
      const seen = yield* told({ tracing: "Active" })
      assert.match(seen.function ?? "", own(1))
      assert.strictEqual(seen.invoke, seen.function)
      const [start, runtimeDone] = seen.tracings
      assert.deepStrictEqual(start, runtimeDone)
      const spanId = fieldOf("Parent", seen.function)
      assert.propertyVal(start, "spanId", spanId)
      assert.notPropertyVal(start, "value", seen.function)
    })
  )

  it.live("a header that came keeps its root, and the segment of Lambda comes between", () =>
    Effect.gen(function* () {
      const seen = yield* told({ tracing: "Active" }, { traceHeader: came })
      const spanId = fieldOf("Parent", seen.function)
      assert.strictEqual(seen.function, `Root=${root};Parent=${spanId};Sampled=1`)
      assert.notStrictEqual(spanId, fieldOf("Parent", came))
      assert.propertyVal(seen.tracings[0], "spanId", spanId)
    })
  )

  it.live("the caller's decision not to sample counts", () =>
    Effect.gen(function* () {
      const seen = yield* told({ tracing: "Active" }, { traceHeader: `Root=${root};Sampled=0` })
      assert.match(seen.function ?? "", new RegExp(`^Root=${root};Parent=[0-9a-f]{16};Sampled=0$`))
      assert.deepStrictEqual(seen.tracings, [undefined, undefined])
    })
  )

  it.live("AWS's emulator does no tracing, and refuses", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(startEmulator({ profile: "rie", tracing: "Active" }))
      assert.include(message, "tracing is Active, but profile rie does no tracing")
    })
  )
})

describe("a header as AWS's code hands it on", () => {
  /** The cases of the tracer's tests in AWS's managed code base, with the decision that the service makes before. */
  it.each<readonly [string, string, string | undefined]>([
    [
      "Root=r;Parent=p;Sampled=1;Lineage=l:1|m:2",
      "Root=r;Parent=S;Sampled=1;Lineage=l:1|m:2",
      "Root=r;Parent=L;Sampled=1"
    ],
    ["Root=r;Sampled=1;Lineage=l:1", "Root=r;Parent=S;Sampled=1;Lineage=l:1", "Root=r;Parent=L;Sampled=1"],
    ["Root=r;Parent=p;Sampled=1", "Root=r;Parent=S;Sampled=1", "Root=r;Parent=L;Sampled=1"],
    ["Lineage=l:1;Parent=p;Sampled=1;Root=r", "Root=r;Parent=S;Sampled=1;Lineage=l:1", "Root=r;Parent=L;Sampled=1"],
    ["Root=r;Parent=p", "Root=r;Parent=S;Sampled=1", "Root=r;Parent=L;Sampled=1"],
    ["Root=r;Parent=p;Sampled=?", "Root=r;Parent=S;Sampled=1", "Root=r;Parent=L;Sampled=1"],
    ["Root=r;Parent=p;Sampled=0", "Root=r;Parent=S;Sampled=0", undefined],
    ["Parent=p;Sampled=1", "", undefined],
    ["", "", undefined]
  ])("%s", (given, expected, value) => {
    const made = TraceHeader.traced(given, 0)
    const segment = fieldOf("Parent", made.traceHeader) ?? ""
    assert.strictEqual(made.traceHeader, expected.replace("Parent=S", `Parent=${segment}`))
    assert.deepStrictEqual(
      TraceHeader.contextOf(made),
      value === undefined
        ? undefined
        : {
            spanId: segment,
            type: "X-Amzn-Trace-Id",
            value: value.replace("Parent=L", `Parent=${made.lambdaSegmentId}`)
          }
    )
  })
})

/** A function with a hundred workers: each prints a line without an id, waits until all are at work, and prints an object. */
const workers = script(`
  const count = 100
  let open
  const all = new Promise((resolve) => (open = resolve))
  let atWork = 0
  const worker = async () => {
    for (;;) {
      const { id, headers } = await nextInvocation()
      console.log("a line of somebody")
      if (++atWork === count) open()
      await all
      console.log(JSON.stringify({ requestId: id, message: "done", trace: headers["lambda-runtime-trace-id"] }))
      await respond(id, "{}")
    }
  }
  for (let i = 0; i < count; i++) worker()`)

describe("a managed instance", () => {
  it.live("a hundred invocations at once: a start and a report of each, no runtimeDone, text without an id", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const made = yield* makeWorld("lmi", {
        ...manualExtensions("a"),
        function: { command: [writeExecutable(directory, "workers", workers)] },
        tracing: "Active",
        logFormat: "json"
      })
      const listener = yield* listen()
      const identifier = yield* made.registered("a", ["SHUTDOWN"])
      yield* subscribe(made, identifier, managedBody(listener.port))
      yield* made.pollExtension("a", identifier)
      let polls = 0
      yield* made.journal.waitFor(Journal.is("NextCalled", ({ source }) => source === "runtime" && ++polls === 100))
      const results = yield* Effect.all(
        Array.from({ length: 100 }, () => made.emulator.invoke("{}")),
        { concurrency: "unbounded" }
      )
      const ids = results.map(({ requestId }) => requestId).toSorted()
      const of = (type: string) => listener.events().filter((event) => event.type === type)
      yield* awaitTrue(() => of("platform.report").length === 100)
      const idsOf = (records: ReadonlyArray<PlatformRecord>) =>
        records.map(({ requestId }) => requestId ?? "").toSorted()
      assert.deepStrictEqual(idsOf(of("platform.start").map(({ record }) => record)), ids)
      assert.deepStrictEqual(idsOf(of("platform.report").map(({ record }) => record)), ids)
      assert.isEmpty(of("platform.runtimeDone"))
      const lines = of("function")
      assert.lengthOf(
        lines.filter(({ text }) => text === "a line of somebody"),
        100
      )
      assert.deepStrictEqual(idsOf(lines.flatMap(({ record, text }) => (text === undefined ? [record] : []))), ids)
      assert.lengthOf(new Set(of("platform.start").map(({ record }) => JSON.stringify(record.tracing))), 100)
    })
  )
})
