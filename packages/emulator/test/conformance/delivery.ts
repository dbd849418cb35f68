/** The delivered events, their times, and their order (docs/protocol.md#delivery). */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { awaitTrue } from "../support.ts"
import type { Listener, TelemetryEvent } from "./listener.ts"
import { listen } from "./listener.ts"
import { accepted, bodyFor, logsPath, managedBody, subscribe } from "./subscription.ts"
import type { Scenario, World } from "./world.ts"
import { manualExtensions } from "./world.ts"

/** Registers the manual extension `a` and subscribes it; the environment stays in init. */
const subscribed = Effect.fnUntraced(function* (
  world: World,
  listener: Listener,
  change: Readonly<Record<string, unknown>> = {}
) {
  const identifier = yield* world.registered("a", world.usualEvents)
  const managed = world.profile === "lmi"
  const body = managed ? managedBody(listener.port, change) : bodyFor(listener.port, change)
  const answer = yield* subscribe(world, identifier, body)
  assert.deepStrictEqual([answer.status, answer.body], [200, '"OK"'])
  return identifier
})

/** As `subscribed`, then all clients poll until init has ended. */
const subscribedAndReady = Effect.fnUntraced(function* (
  world: World,
  listener: Listener,
  change: Readonly<Record<string, unknown>> = {}
) {
  const identifier = yield* subscribed(world, listener, change)
  const extensionPoll = yield* world.pollExtension("a", identifier)
  const runtimePoll = yield* world.pollRuntime
  yield* world.journal.waitFor(Journal.is("InitEnded"))
  return { identifier, extensionPoll, runtimePoll }
})

/** Runs an invocation to its end after `a` and the runtime have polled; both poll again. */
const invokeOnce = Effect.fnUntraced(function* (
  world: World,
  requestId: string,
  polls: Effect.Success<ReturnType<typeof subscribedAndReady>>
) {
  const { extensionPoll, identifier, runtimePoll } = polls
  const caller = yield* Effect.forkScoped(world.emulator.invoke("{}", { requestId }))
  yield* Fiber.join(runtimePoll)
  yield* Fiber.join(extensionPoll)
  yield* world.respond(requestId, '"four"')
  yield* Fiber.join(caller)
  const again = {
    identifier,
    runtimePoll: yield* world.pollRuntime,
    extensionPoll: yield* world.pollExtension("a", identifier)
  }
  yield* world.journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
  return again
})

const typesOf = (events: ReadonlyArray<{ readonly type: string }>) => events.map(({ type }) => type)

export const delivery: ReadonlyArray<Scenario> = [
  {
    case: 92,
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      yield* world.emulator.writeManualOutput("extension:a", "before\n")
      yield* subscribed(world, listener)
      yield* awaitTrue(() => listener.deliveries.length > 0)
      const delivery = listener.deliveries[0] ?? { requestLine: "", headerLines: [], body: "" }
      assert.strictEqual(delivery.requestLine, "POST /in HTTP/1.1")
      const sequenceId = /^sequence-id: [A-Za-z0-9+/]{43}$/
      assert.deepStrictEqual(
        delivery.headerLines.map((line) => (sequenceId.test(line) ? "sequence-id" : line)),
        [
          "content-type: application/json",
          "sequence-id",
          `host: 127.0.0.1:${listener.port}`,
          "connection: keep-alive",
          "user-agent: awslambda-worker/1.0",
          `content-length: ${Buffer.byteLength(delivery.body)}`
        ]
      )
      const [started] = yield* world.entries("InitStarted")
      const [wrote] = yield* world.entries("Output")
      const instance = listener.events()[0]?.record.instanceId
      const iso = (at = 0) => new Date(at).toISOString()
      assert.strictEqual(
        delivery.body.slice(0, delivery.body.indexOf(',{"time"', delivery.body.indexOf("before"))),
        `[{"time":"${iso(started?.at)}","type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init",` +
          `"functionName":"function","functionVersion":"$LATEST","instanceId":"${instance}","instanceMaxMemory":134217728}},` +
          `{"time":"${iso(wrote?.at)}","type":"extension","record":"before\\n"}`
      )
    })
  },
  {
    case: 92,
    part: "the order of events, a cold start and an invocation",
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      yield* world.emulator.writeManualOutput("extension:a", "starting\n")
      const identifier = yield* subscribed(world, listener)
      yield* world.emulator.writeManualOutput("runtime", "loading\n")
      const runtimePoll = yield* world.pollRuntime
      const extensionPoll = yield* world.pollExtension("a", identifier)
      yield* world.journal.waitFor(Journal.is("InitEnded"))
      const caller = yield* Effect.forkScoped(
        world.emulator.invoke("{}", { requestId: "r", traceHeader: "Root=1-2-3;Parent=4;Sampled=1" })
      )
      yield* Fiber.join(runtimePoll)
      yield* Fiber.join(extensionPoll)
      yield* world.emulator.writeManualOutput("runtime", "working\n")
      yield* world.respond("r", '"four"')
      yield* Fiber.join(caller)
      yield* world.pollRuntime
      yield* world.journal.waitFor(Journal.is("RuntimeDone"))
      yield* world.emulator.writeManualOutput("extension:a", "late\n")
      yield* world.pollExtension("a", identifier)
      yield* world.journal.waitFor(Journal.is("InvocationDone"))
      yield* Effect.forkScoped(world.emulator.shutdown())
      yield* awaitTrue(() => listener.types().includes("platform.report"))
      const events = listener.events()
      assert.deepStrictEqual(typesOf(events), [
        "platform.initStart",
        "extension",
        "platform.telemetrySubscription",
        "function",
        "platform.initRuntimeDone",
        "platform.extension",
        "platform.initReport",
        "platform.start",
        "function",
        "platform.runtimeDone",
        "extension",
        "platform.report"
      ])
      const record = (type: string) => events.find((event) => event.type === type)?.record ?? {}
      const tracing = { type: "X-Amzn-Trace-Id", value: "Root=1-2-3;Parent=4;Sampled=1" }
      assert.deepStrictEqual(record("platform.start"), { requestId: "r", version: "$LATEST", tracing })
      assert.deepStrictEqual(record("platform.extension"), {
        name: "a",
        state: "Ready",
        events: ["INVOKE", "SHUTDOWN"]
      })
      const done = record("platform.runtimeDone")
      assert.deepStrictEqual([done.status, done.metrics?.producedBytes, done.tracing], ["success", 6, tracing])
      assert.deepStrictEqual(
        done.spans?.map(({ name }) => name),
        ["responseLatency", "responseDuration", "runtimeOverhead"]
      )
      const { metrics, spans, status } = record("platform.report")
      assert.deepStrictEqual([status, spans?.[0]?.name, metrics?.memorySizeMB], ["success", "extensionOverhead", 128])
      const { billedDurationMs, durationMs = 0, initDurationMs = Number.NaN } = metrics ?? {}
      assert.strictEqual(billedDurationMs, Math.ceil(durationMs + initDurationMs))
    })
  },
  {
    case: 95,
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      yield* subscribed(world, listener, { types: ["extension"] })
      yield* world.emulator.writeManualOutput("extension:a", "a\nb")
      // The other stream does not end the line that is held.
      yield* world.emulator.writeManualOutput("extension:a", "x\n", "stderr")
      yield* awaitTrue(() => listener.events().length === 2)
      yield* world.emulator.writeManualOutput("extension:a", "c\n")
      yield* awaitTrue(() => listener.events().length === 3)
      assert.deepStrictEqual(
        listener.events().map(({ text }) => text),
        ["a\n", "x\n", "bc\n"]
      )
    })
  },
  {
    case: 96,
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      yield* subscribed(world, listener, { types: ["extension"] })
      yield* world.emulator.writeManualOutput("extension:a", "a\nb")
      yield* awaitTrue(() => listener.events().length === 1)
      yield* world.emulator.writeManualOutput("extension:a", "c\r\n")
      yield* awaitTrue(() => listener.events().length === 2)
      assert.deepStrictEqual(
        listener.events().map(({ text }) => text),
        ["a", "bc"]
      )
      const delivery = listener.deliveries[0] ?? { requestLine: "", headerLines: [], body: "" }
      assert.strictEqual(delivery.requestLine, "POST / HTTP/1.1")
      const sequenceId = /^Sequence-Id: [A-Za-z0-9+/]{43}=$/
      assert.deepStrictEqual(
        delivery.headerLines.map((line) => (sequenceId.test(line) ? "Sequence-Id" : line)),
        [
          `Host: 127.0.0.1:${listener.port}`,
          "User-Agent: Go-http-client/1.1",
          `Content-Length: ${delivery.body.length}`,
          "Content-Type: application/json",
          "Sequence-Id",
          "Accept-Encoding: gzip"
        ]
      )
    })
  },
  {
    case: 97,
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      // Only the number of events can end this batch.
      yield* subscribed(world, listener, {
        types: ["extension"],
        buffering: { timeoutMs: 30_000, maxBytes: 1_048_576 }
      })
      yield* world.emulator.writeManualOutput("extension:a", "x\n".repeat(9999))
      assert.lengthOf(yield* world.entries("TelemetryDelivered"), 0)
      yield* world.emulator.writeManualOutput("extension:a", "x\n")
      const delivered = yield* world.journal.waitFor(Journal.is("TelemetryDelivered"))
      assert.strictEqual(delivered.records, 10_000)
      assert.lengthOf(listener.events(), 10_000)
    })
  },
  {
    case: 98,
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      yield* subscribed(world, listener, { types: ["extension"], buffering: { timeoutMs: 25 } })
      yield* world.emulator.writeManualOutput("extension:a", "x\n")
      const written = yield* world.journal.waitFor(Journal.is("Output"))
      const delivered = yield* world.journal.waitFor(Journal.is("TelemetryDelivered"))
      // A timer may be a few milliseconds early by the clock.
      assert.isAtLeast(delivered.at - written.at, 20)
    })
  },
  {
    case: 102,
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      const polls = yield* subscribedAndReady(world, listener)
      const again = yield* invokeOnce(world, "first", polls)
      const report = (requestId: string) => (event: TelemetryEvent) =>
        event.type === "platform.report" && event.record.requestId === requestId
      // The batch is long due and does not come, because all clients wait in next.
      const hasReport = awaitTrue(() => listener.events().some(report("first")))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.timeout(hasReport, "200 millis"))))
      yield* invokeOnce(world, "second", again)
      yield* awaitTrue(() => listener.events().some(report("first")))
      const events = listener.events()
      const start = events.findIndex(({ record, type }) => type === "platform.start" && record.requestId === "second")
      assert.isTrue(start === -1 || start > events.findIndex(report("first")))
      yield* Effect.forkScoped(world.emulator.shutdown())
      yield* awaitTrue(() => listener.events().some(report("second")))
    })
  },
  {
    case: 103,
    options: { ...manualExtensions("a"), timeout: "300 millis" },
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      const { extensionPoll, identifier, runtimePoll } = yield* subscribedAndReady(world, listener)
      yield* Effect.forkScoped(world.emulator.invoke("{}", { requestId: "r" }))
      yield* Fiber.join(runtimePoll)
      yield* Fiber.join(extensionPoll)
      const event = yield* world.next(identifier)
      assert.include(event.body, '"shutdownReason":"timeout"')
      yield* awaitTrue(() => listener.types().includes("platform.runtimeDone"))
      yield* world.emulator.endManualProcess("extension:a")
      yield* world.journal.waitFor(Journal.is("ShutdownEnded"))
      assert.notInclude(listener.types(), "platform.report")
      const before = listener.events().length
      yield* Effect.forkScoped(Effect.ignore(world.emulator.invoke("{}", { requestId: "s" })))
      yield* awaitTrue(() => listener.types().slice(before).includes("platform.initStart"))
      const [report, started] = listener.events().slice(before)
      assert.deepStrictEqual(
        [
          report?.type,
          report?.record.status,
          "errorType" in (report?.record ?? {}),
          report?.record.metrics?.durationMs
        ],
        ["platform.report", "timeout", false, 300]
      )
      assert.deepStrictEqual([started?.type, started?.record.phase], ["platform.initStart", "invoke"])
    })
  },
  {
    case: 104,
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      listener.answer(500, 200)
      yield* subscribed(world, listener)
      yield* awaitTrue(() => listener.types().includes("platform.logsDropped"))
      const [lost, report] = listener.deliveries
      const dropped = listener.events().find(({ type }) => type === "platform.logsDropped")
      assert.match(dropped?.record.reason ?? "", /^could not send events: /)
      assert.strictEqual(dropped?.record.droppedRecords, JSON.parse(lost?.body ?? "[]").length)
      assert.include(report?.body, "platform.logsDropped")
      // Nothing is tried again.
      assert.strictEqual(listener.types().filter((type) => type === "platform.initStart").length, 1)
    })
  },
  {
    case: 104,
    part: "a report that is lost causes no report",
    run: Effect.fnUntraced(function* (world) {
      const listener = yield* listen()
      listener.answer(500)
      yield* subscribed(world, listener)
      yield* awaitTrue(() => listener.deliveries.length === 2)
      yield* world.emulator.writeManualOutput("extension:a", "x\n")
      yield* awaitTrue(() => listener.deliveries.length === 4)
      const failed = yield* world.entries("TelemetryNotDelivered")
      // Batches, and the reports of their loss, come in turn.
      assert.deepStrictEqual(
        listener.deliveries.map(({ body }) => body.split("platform.logsDropped").length - 1),
        [0, 1, 0, 1]
      )
      assert.isAtLeast(failed.length, 3)
      assert.strictEqual((yield* world.entries("TelemetryDropped")).length, 2)
    })
  },
  {
    case: 91,
    options: { ...manualExtensions("a"), timeout: "30 seconds" },
    run: Effect.fnUntraced(function* (world) {
      const before = yield* listen()
      const { extensionPoll, identifier, runtimePoll } = yield* subscribedAndReady(world, before)
      yield* Effect.forkScoped(world.emulator.invoke("{}", { requestId: "r" }))
      yield* Fiber.join(runtimePoll)
      yield* Fiber.join(extensionPoll)
      yield* world.emulator.endManualProcess("extension:a", { _tag: "Code", code: 3 })
      yield* world.journal.waitFor(Journal.is("ShutdownEnded"))
      yield* before.close
      yield* Effect.forkScoped(Effect.ignore(world.emulator.invoke("{}", { requestId: "s" })))
      yield* world.journal.waitFor(Journal.is("InitStarted", ({ phase }) => phase === "invoke"))
      const old = yield* subscribe(world, identifier, bodyFor(before.port))
      assert.include(old.body, "Extension.UnknownExtensionIdentifier")
      // The new generation binds the port again before it subscribes.
      const after = yield* listen(before.port)
      const again = yield* world.registered("a", world.usualEvents)
      accepted(yield* subscribe(world, again, bodyFor(before.port)), '"AlreadySubscribed"')
      const isRestart = ({ record, type }: TelemetryEvent) => type === "platform.initStart" && record.phase === "invoke"
      yield* awaitTrue(() => after.events().some(isRestart))
      const events = after.events()
      const report = events.find(({ type }) => type === "platform.report")
      assert.deepStrictEqual(
        [report?.record.requestId, report?.record.status, report?.record.errorType],
        ["r", "error", "Extension.Crash"]
      )
      assert.isBelow(typesOf(events).indexOf("platform.report"), events.findIndex(isRestart))
    })
  },
  {
    case: 112,
    run: Effect.fnUntraced(function* (world) {
      const [first, second] = [yield* listen(), yield* listen()]
      const identifier = yield* world.registered("a", world.usualEvents)
      const bodies = [
        bodyFor(first.port, { schemaVersion: undefined }),
        bodyFor(second.port, { schemaVersion: "2021-03-18" })
      ]
      for (const body of bodies) accepted(yield* subscribe(world, identifier, body, logsPath))
      const extensionPoll = yield* world.pollExtension("a", identifier)
      const runtimePoll = yield* world.pollRuntime
      yield* world.journal.waitFor(Journal.is("InitEnded"))
      yield* invokeOnce(world, "r", { identifier, extensionPoll, runtimePoll })
      yield* Effect.forkScoped(world.emulator.shutdown())
      for (const listener of [first, second]) yield* awaitTrue(() => listener.types().includes("platform.report"))
      const invocation = (listener: Listener) => {
        const types = listener.types()
        return types.slice(types.indexOf("platform.start"))
      }
      assert.deepStrictEqual(invocation(first), ["platform.start", "platform.end", "platform.report"])
      assert.deepStrictEqual(invocation(second), [
        "platform.start",
        "platform.runtimeDone",
        "platform.end",
        "platform.report"
      ])
      assert.deepStrictEqual(second.events().find(({ type }) => type === "platform.runtimeDone")?.record, {
        requestId: "r",
        status: "success"
      })
      const report = first.events().find(({ type }) => type === "platform.report")?.record
      assert.deepStrictEqual(Object.keys(report ?? {}), ["requestId", "metrics"])
      assert.deepStrictEqual(
        first.events().find(({ type }) => type === "platform.logsSubscription")?.record.state,
        "Subscribed"
      )
      assert.notInclude(first.types(), "platform.initStart")
    })
  }
]
