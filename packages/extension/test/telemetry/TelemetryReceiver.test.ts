/** The receiver alone: what its streams get, what it waits for, what it drops, and what ends it. */
import {
  Extension,
  ExtensionError,
  Telemetry,
  TelemetryAccounting,
  TelemetryApi,
  TelemetryApiError,
  type TelemetryEvent,
  TelemetryListener,
  TelemetryReceiver,
  TelemetrySink,
  type TelemetrySubscription
} from "@effect-lambda/extension"
import { ExtensionTest, TelemetryTest } from "@effect-lambda/extension/testing"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { capturedLogs, memory, runInTime, settableClock, words } from "../support.ts"

const { log, runtimeDone, start } = TelemetryTest

const registration = {
  functionName: "f",
  functionVersion: "1",
  handler: "h",
  extensionName: "e",
  extensionIdentifier: "id",
  events: ["INVOKE" as const]
}

const encode = (text: string) => new TextEncoder().encode(text)

/** A receiver that has subscribed, and the hand of Lambda. */
const receiving = Effect.fnUntraced(function* (options: TelemetryReceiver.Options = {}) {
  const listening: Array<TelemetryListener.Deliveries> = []
  const subscriptions: Array<TelemetrySubscription.Subscription> = []
  const receiver = yield* TelemetryReceiver.make(options).pipe(
    Effect.provideService(TelemetryListener.TelemetryListener, {
      listen: (_, deliveries) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            listening.push(deliveries)
            return { port: 4243 }
          }),
          () => Effect.sync(() => listening.splice(0))
        )
    }),
    Effect.provideService(TelemetryApi.TelemetryApi, {
      subscribe: (_, subscription) => {
        subscriptions.push(subscription)
        return Effect.succeed({ _tag: "Subscribed", schemaVersion: "2025-01-29" })
      }
    })
  )
  yield* receiver.subscribe(registration)
  const deliver = (records: ReadonlyArray<unknown>) => listening[0]?.body(encode(JSON.stringify(records)))
  return { receiver, listening, subscriptions, deliver }
})

describe("subscribing", () => {
  const unreachable = new TelemetryApiError.TelemetryApiError({
    method: "telemetry",
    reason: new ExtensionError.Unreachable({ url: "http://127.0.0.1:9001", cause: new Error("ECONNRESET") })
  })

  /** How often it was asked, and the result, where the first `failures` attempts get no answer. */
  const subscribing = Effect.fnUntraced(function* (failures: number) {
    let attempts = 0
    const receiver = yield* TelemetryReceiver.make().pipe(
      Effect.provideService(TelemetryListener.TelemetryListener, { listen: () => Effect.succeed({ port: 4243 }) }),
      Effect.provideService(TelemetryApi.TelemetryApi, {
        subscribe: () =>
          Effect.suspend(() =>
            ++attempts <= failures
              ? Effect.fail(unreachable)
              : Effect.succeed({ _tag: "Subscribed", schemaVersion: "2025-01-29" })
          )
      })
    )
    const exit = yield* runInTime(receiver.subscribe(registration))
    return { attempts, exit }
  })

  it.effect("asks again if there is no answer", () =>
    Effect.gen(function* () {
      const { attempts, exit } = yield* subscribing(3)
      assert.isTrue(Exit.isSuccess(exit))
      assert.strictEqual(attempts, 4)
    })
  )

  it.effect("but not for ever", () =>
    Effect.gen(function* () {
      const { attempts, exit } = yield* subscribing(Infinity)
      assert.isTrue(Exit.isFailure(exit))
      // After 50, 100, 200, 400 and then 500 ms each time; the next attempt would be beyond three seconds.
      assert.strictEqual(attempts, 9)
    })
  )
})

const invocation = (requestId: string, deadlineMs = 900_000) => ({
  eventType: "INVOKE" as const,
  requestId,
  deadlineMs,
  invokedFunctionArn: "arn"
})

const texts = (events: ReadonlyArray<TelemetryEvent.TelemetryEvent>) =>
  events.map((event) => (event.type === "function" ? String(event.record).trim() : event.type))

/** Reads all, from now on. */
const reading = (receiver: TelemetryReceiver.TelemetryReceiver["Service"]) =>
  Effect.forkChild(Stream.runCollect(receiver.events), { startImmediately: true })

/** Takes the first records, and then nothing more. */
const stuck = (receiver: TelemetryReceiver.TelemetryReceiver["Service"]) =>
  Effect.forkChild(
    Stream.runForEach(receiver.events, () => Effect.never),
    { startImmediately: true }
  )

describe("events", () => {
  it.effect("several streams each get all, from when they are started", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const early = [yield* reading(receiver), yield* reading(receiver)]
      deliver([log("a"), log("b")])
      const late = yield* reading(receiver)
      deliver([log("c")])
      yield* receiver.close
      for (const fiber of early) assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["a", "b", "c"])
      assert.deepStrictEqual(texts(yield* Fiber.join(late)), ["c"])
    })
  )

  it.effect("a reader that is stuck does not hold another one", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      yield* stuck(receiver)
      const fiber = yield* reading(receiver)
      deliver([log("a")])
      deliver([log("b")])
      yield* receiver.close
      assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["a", "b"])
    })
  )

  it.effect("end at close, and waiting records can still be read", () =>
    Effect.gen(function* () {
      const { deliver, listening, receiver } = yield* receiving()
      const go = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(Stream.runCollect(Stream.tap(receiver.events, () => Deferred.await(go))), {
        startImmediately: true
      })
      for (const text of ["a", "b", "c"]) deliver([log(text)])
      yield* receiver.close
      assert.deepStrictEqual(listening, [])
      assert.isUndefined(fiber.pollUnsafe())
      yield* Deferred.succeed(go, undefined)
      assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["a", "b", "c"])
    })
  )

  it.effect("a stream that is started after close is empty", () =>
    Effect.gen(function* () {
      const { receiver } = yield* receiving()
      yield* receiver.close
      const fiber = yield* reading(receiver)
      assert.isDefined(fiber.pollUnsafe())
    })
  )

  it.effect("a record that is delivered twice is given twice", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const fiber = yield* reading(receiver)
      deliver([log("a")])
      deliver([log("a")])
      yield* receiver.close
      assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["a", "a"])
      assert.strictEqual((yield* receiver.accounting).received, 2)
    })
  )

  it.effect("a million records without a reader: the queue stays bounded, and every dropped record is counted", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving({ queue: { maxRecords: 10_000 } })
      yield* stuck(receiver)
      const body = Array.from({ length: 10_000 }, () => log("a line of some length, as a function may print it"))
      const before = memory()
      for (let n = 0; n < 100; n++) deliver(body)
      assert.isBelow(memory() - before, 16 * 1024 * 1024)
      const { consumers, received } = yield* receiver.accounting
      assert.strictEqual(received, 1_000_000)
      assert.deepStrictEqual(consumers, [
        {
          name: "stream",
          offered: 1_000_000,
          delivered: 0,
          droppedByQueue: 989_000,
          droppedBySink: 0,
          // A thousand of them with the reader.
          waiting: 11_000,
          unsent: 0
        }
      ])
    })
  )

  it.effect("records that Lambda cuts in pieces count with all their pieces", () =>
    Effect.gen(function* () {
      const { listening, receiver } = yield* receiving({ queue: { maxBytes: 80_000 } })
      yield* stuck(receiver)
      const piece = "x".repeat(5000)
      const envelope = '[{"time":"T","type":"function","record":'
      for (let n = 0; n < 20; n++) {
        listening[0]?.body(encode(`${envelope}"${piece}}]`))
        listening[0]?.body(encode(`${envelope}${piece}"}]`))
      }
      // The reader has one; three of 10,000 bytes wait, which take twice as much memory.
      assert.deepInclude((yield* receiver.accounting).consumers[0], { offered: 20, waiting: 4, droppedByQueue: 16 })
    })
  )

  it.effect("a record whose rest has not come at close is given as it is, and counted", () =>
    Effect.gen(function* () {
      const { listening, receiver } = yield* receiving()
      const fiber = yield* reading(receiver)
      listening[0]?.body(encode('[{"time":"T","type":"function","record":"the beginning}]'))
      assert.strictEqual((yield* receiver.accounting).received, 0)
      yield* receiver.close
      assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["undecodable"])
      assert.deepInclude(yield* receiver.accounting, { received: 1, undecodable: 1 })
    })
  )

  it.effect("every delivery is an arrival: records, and a body that is too large", () =>
    Effect.gen(function* () {
      const { deliver, listening, receiver } = yield* receiving()
      yield* TestClock.adjust("1 second")
      deliver([log("a")])
      assert.strictEqual(yield* receiver.lastArrival, 1000)
      yield* TestClock.adjust("1 second")
      listening[0]?.tooLarge(9_000_000)
      assert.strictEqual(yield* receiver.lastArrival, 2000)
    })
  )

  it.effect("a reader that stops leaves nothing behind, as often as one starts", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      for (let n = 0; n < 100; n++) {
        const fiber = yield* Effect.forkChild(Stream.runHead(receiver.events), { startImmediately: true })
        deliver([log(`${n}`)])
        assert.isTrue(Option.isSome(yield* Fiber.join(fiber)))
        deliver([log("between")])
      }
      const accounting = yield* receiver.accounting
      assert.deepStrictEqual(
        accounting.consumers.map(({ delivered, name, offered, waiting }) => ({ name, offered, delivered, waiting })),
        [{ name: "stream", offered: 100, delivered: 100, waiting: 0 }]
      )
      assert.strictEqual(accounting.received, 200)
    })
  )

  it.effect("a reader that stops in the middle: the records it was given and those that waited are unsent", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const fiber = yield* stuck(receiver)
      for (const text of ["a", "b", "c"]) deliver([log(text)])
      yield* Fiber.interrupt(fiber)
      const [consumer] = (yield* receiver.accounting).consumers
      assert.deepInclude(consumer, { offered: 3, delivered: 0, waiting: 0, unsent: 3 })
    })
  )
})

describe("TCP", () => {
  it.effect("lines in any cut are records, the last one without its newline too", () =>
    Effect.gen(function* () {
      const { listening, receiver, subscriptions } = yield* receiving({ protocol: "TCP" })
      assert.deepStrictEqual(subscriptions[0]?.destination, { protocol: "TCP", port: 4243 })
      const fiber = yield* reading(receiver)
      const [one, other] = [listening[0]!.connection(), listening[0]!.connection()]
      const line = encode(`${JSON.stringify(log("a"))}\n${JSON.stringify(log("b"))}`)
      one.chunk(line.subarray(0, 30))
      other.chunk(encode(`${JSON.stringify(log("c"))}\n`))
      one.chunk(line.subarray(30))
      one.end()
      yield* receiver.close
      assert.deepStrictEqual(texts(yield* Fiber.join(fiber)), ["c", "a", "b"])
    })
  )

  it.effect("a run gets the records of its script", () =>
    Effect.gen(function* () {
      const seen: Array<TelemetryEvent.TelemetryEvent> = []
      const sink = TelemetrySink.make({ name: "all", export: ({ events }) => Effect.sync(() => seen.push(...events)) })
      yield* runInTime(
        Extension.run({ layer: TelemetryReceiver.layer({ protocol: "TCP" }), telemetry: Telemetry.make({ sink }) })
      )
      assert.deepStrictEqual(texts(seen), ["a", "b", "undecodable", "c"])
    }).pipe(
      Effect.provide(
        ExtensionTest.layer([
          ExtensionTest.shutdown({
            delivers: [
              TelemetryTest.delivery([log("a"), log("b")]),
              TelemetryTest.body(`what is no JSON\n${JSON.stringify(log("c"))}`)
            ]
          })
        ])
      )
    )
  )
})

describe("awaitRuntimeDone", () => {
  it.effect("completes when it comes, or at once if it has come", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("1")), { startImmediately: true })
      deliver([start("1")])
      yield* TestClock.adjust("5 minutes")
      assert.isUndefined(fiber.pollUnsafe())
      deliver([runtimeDone("1", "failure")])
      const done = yield* Fiber.join(fiber)
      assert.strictEqual(Option.getOrThrow(done).record.status, "failure")
      assert.deepStrictEqual(yield* receiver.awaitRuntimeDone(invocation("1")), done)
    })
  )

  it.effect("two invocations, out of order", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const wait = (id: string) =>
        Effect.forkChild(receiver.awaitRuntimeDone(invocation(id)), { startImmediately: true })
      const [one, other] = [yield* wait("1"), yield* wait("2")]
      deliver([runtimeDone("2")])
      assert.strictEqual(Option.getOrThrow(yield* Fiber.join(other)).record.requestId, "2")
      assert.isUndefined(one.pollUnsafe())
      deliver([runtimeDone("1")])
      assert.strictEqual(Option.getOrThrow(yield* Fiber.join(one)).record.requestId, "1")
    })
  )

  it.effect("64 invocations are remembered, and not many more", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      deliver(Array.from({ length: 200 }, (_, n) => runtimeDone(String(n))))
      assert.isTrue(Option.isSome(yield* receiver.awaitRuntimeDone(invocation("136"))))
      const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("0")), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.join(fiber)))
    })
  )

  it.effect("the records before runtimeDone can be read when it completes", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      let read = 0
      yield* Effect.forkChild(
        Stream.runForEach(receiver.events, () => Effect.sync(() => read++)),
        { startImmediately: true }
      )
      const fiber = yield* Effect.forkChild(
        Effect.map(receiver.awaitRuntimeDone(invocation("1")), () => read),
        { startImmediately: true }
      )
      deliver([start("1"), log("a"), runtimeDone("1")])
      assert.strictEqual(yield* Fiber.join(fiber), 3)
    })
  )

  it.effect.each([-3_600_000, 3_600_000])("a clock set by %d ms while it waits never makes it hang", (by) =>
    Effect.gen(function* () {
      const { clock, set } = yield* settableClock
      const waited = Effect.gen(function* () {
        const { deliver, receiver } = yield* receiving()
        // The test begins an hour after the epoch.
        const now = yield* Clock.currentTimeMillis
        const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("1", now + 10_000)), {
          startImmediately: true
        })
        yield* TestClock.adjust("1 second")
        set(by)
        deliver([start("1")])
        yield* TestClock.adjust("12 seconds")
        assert.isDefined(fiber.pollUnsafe())
        deliver([runtimeDone("1")])
        return yield* receiver.awaitRuntimeDone(invocation("1", now + 10_000))
      })
      yield* TestClock.adjust("1 hour")
      assert.isTrue(Option.isSome(yield* Effect.provideService(waited, Clock.Clock, clock)))
    })
  )

  it.effect("None at the deadline, if no telemetry of the invocation comes before it", () =>
    Effect.gen(function* () {
      const { receiver } = yield* receiving()
      const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("1", 500)), { startImmediately: true })
      yield* TestClock.adjust("499 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.succeed(Option.none()))
    })
  )

  it.effect("does not wait after close: nothing comes any more", () =>
    Effect.gen(function* () {
      const { receiver } = yield* receiving()
      yield* receiver.close
      const fiber = yield* Effect.forkChild(receiver.awaitRuntimeDone(invocation("1")), { startImmediately: true })
      assert.isDefined(fiber.pollUnsafe())
    })
  )

  it.effect("functionFailed completes for a status other than success only", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving()
      const wait = (id: string) => Effect.forkChild(receiver.functionFailed(id), { startImmediately: true })
      const [one, other] = [yield* wait("1"), yield* wait("2")]
      deliver([runtimeDone("1", "success"), runtimeDone("2", "timeout")])
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(one.pollUnsafe())
      assert.strictEqual((yield* Fiber.join(other)).record.status, "timeout")
    })
  )
})

describe("init fails", () => {
  const run = (onInitFailure: "idle" | "exit") =>
    Extension.run({
      layer: TelemetryReceiver.layer({ port: 9001 }),
      telemetry: Telemetry.make({ sink: TelemetrySink.make({ name: "sink", export: () => Effect.void }) }),
      onInitFailure,
      onInvoke: () => ExtensionTest.note("handled")
    })
  type Run = ReturnType<typeof run>

  const refused = (run: Run): Run =>
    Effect.provideService(run, TelemetryApi.TelemetryApi, {
      subscribe: () =>
        Effect.fail(
          new TelemetryApiError.TelemetryApiError({
            method: "telemetry",
            reason: new TelemetryApiError.SubscriptionRefused({
              status: 403,
              errorType: "Telemetry.SubscriptionClosed",
              errorMessage: "Telemetry API subscription is closed already"
            })
          })
        )
    })
  const unbound = (run: Run): Run =>
    Effect.provideService(run, TelemetryListener.TelemetryListener, {
      listen: ({ host, port }) =>
        Effect.fail(
          new TelemetryListener.TelemetryListenerError({
            host,
            port,
            cause: new Error("listen EADDRINUSE 0.0.0.0:9001")
          })
        )
    })
  const script = ExtensionTest.layer([ExtensionTest.invoke(), ExtensionTest.shutdown()])

  it.effect.each([
    ["a refused subscription", refused, "Telemetry.SubscriptionClosed"],
    ["an address that cannot be bound", unbound, "listen EADDRINUSE"]
  ] as const)('%s: "idle" leaves the function alone, and says why', ([, failing, why]) =>
    Effect.gen(function* () {
      const { causes, layer: logs } = capturedLogs()
      yield* runInTime(failing(run("idle"))).pipe(Effect.provide(logs))
      assert.deepStrictEqual(yield* words, ["Registered", "Next", "INVOKE", "Next", "SHUTDOWN", "ExitAt"])
      assert.include(causes.join("\n"), why)
    }).pipe(Effect.provide(script))
  )

  it.effect.each([
    ["a refused subscription", refused, "InitError Extension.TelemetryApiError"],
    ["an address that cannot be bound", unbound, "InitError Extension.TelemetryListenerError"]
  ] as const)('%s: "exit" reports it to Lambda', ([, failing, report]) =>
    Effect.gen(function* () {
      assert.isTrue(Exit.isFailure(yield* runInTime(failing(run("exit")))))
      assert.deepStrictEqual(yield* words, ["Registered", report, "ExitAt"])
    }).pipe(Effect.provide(script))
  )
})

describe("accounting", () => {
  it.effect("the line and the loss say the same", () =>
    Effect.gen(function* () {
      const { deliver, receiver } = yield* receiving({ queue: { maxRecords: 2 } })
      yield* stuck(receiver)
      deliver([log("a")])
      deliver([log("b"), log("c"), log("d"), 17])
      const accounting = yield* receiver.accounting
      assert.strictEqual(TelemetryAccounting.lost(accounting), 3)
      assert.strictEqual(
        TelemetryAccounting.line(accounting),
        "telemetry: 5 received, 4 decoded, 1 undecodable, 0 dropped by Lambda (0 bytes); " +
          "stream: 0 delivered, 2 dropped by the queue, 0 dropped by the sink, 3 waiting, 0 unsent"
      )
    })
  )
})
