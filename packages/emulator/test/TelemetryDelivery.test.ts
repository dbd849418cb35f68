/** Telemetry over real sockets, from real processes: TCP, cut records, freeze, shutdown, many lines. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import NodeProcess from "node:process"
import { listen } from "./conformance/listener.ts"
import { bodyFor, subscribe } from "./conformance/subscription.ts"
import { makeWorld, manualExtensions } from "./conformance/world.ts"
import { awaitTrue, hangs, script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

/** Subscribes to platform and function, and prints the types that each delivery has. At SHUTDOWN it tells its connections. */
const listeningExtension = script(`
  let connections = 0
  const received = http.createServer((request, response) => {
    const chunks = []
    request.on("data", (chunk) => chunks.push(chunk))
    request.on("end", () => {
      response.end()
      const events = JSON.parse(Buffer.concat(chunks))
      console.log("received " + events.map(({ type }) => type).join(" "))
    })
  })
  received.on("connection", () => connections++)
  await new Promise((resolve) => received.listen(0, resolve))
  await register(["INVOKE", "SHUTDOWN"])
  const URI = "http://sandbox.localdomain:" + received.address().port
  const body = { schemaVersion: "2022-12-13", types: ["platform", "function"], buffering: { timeoutMs: 25 }, destination: { protocol: "HTTP", URI } }
  const delivered = new Promise((resolve) => received.once("request", (_, response) => response.once("finish", resolve)))
  await call("PUT", "/2022-07-01/telemetry", identified(), JSON.stringify(body))
  if (process.env.AWS_LAMBDA_INITIALIZATION_TYPE === "snap-start") await delivered
  for (;;) if ((await next()).eventType === "SHUTDOWN") {
    console.log("SHUTDOWN after", connections, "connections")
    setTimeout(() => process.exit(0), 300)
    await new Promise(() => {})
  }`)

/** Prints as many lines as the payload says, then answers. */
const printingFunction = script(`
  process.on("SIGTERM", () => {
    console.log("bye")
    process.exit(0)
  })
  for (;;) {
    const { id, body } = await nextInvocation()
    let text = ""
    for (let line = 1; line <= Number(body); line++) text += "line " + line + "\\n"
    process.stdout.write(text)
    await respond(id, body)
  }`)

const environment = Effect.fnUntraced(function* (options: Emulator.Options = {}) {
  const directory = yield* temporaryDirectory
  const extension = writeExecutable(directory, "a", listeningExtension)
  const handler = writeExecutable(directory, "function.cjs", printingFunction)
  return yield* startEmulator({
    extensions: [extension],
    function: { command: [handler] },
    timeout: "10 seconds",
    ...options
  })
})

const platform = (name: string): string => `platform.${name}`

/** The types that the extension says it has received, in order. */
const receivedBy = (entries: ReadonlyArray<Journal.JournalEntry>): ReadonlyArray<string> =>
  entries
    .filter(Journal.is("Output", ({ source }) => source === "extension:a"))
    .flatMap(({ line }) => (line.startsWith("received ") ? line.split(" ").slice(1) : []))

describe("processes", () => {
  it.live("with SnapStart the events of the restore come over a separate connection, with the first invocation", () =>
    Effect.gen(function* () {
      const { invoke, journal, shutdown } = yield* environment({ initType: "snap-start", functionVersion: "1" })
      yield* journal.waitFor(Journal.is("SnapshotTaken"))
      const { requestId } = yield* invoke("1")
      yield* journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
      yield* shutdown()
      const entries = yield* journal.entries
      assert.deepStrictEqual(receivedBy(entries), [
        ...["initStart", "telemetrySubscription", "initRuntimeDone", "extension", "initReport"].map(platform),
        ...["restoreStart", "restoreRuntimeDone", "restoreReport", "start"].map(platform),
        "function",
        ...["runtimeDone", "report"].map(platform),
        "function"
      ])
      assert.isDefined(entries.find(Journal.is("Output", ({ line }) => line === "SHUTDOWN after 2 connections")))
    })
  )

  it.live("an extension hears everything, in order: with the next invocation, and in SHUTDOWN", () =>
    Effect.gen(function* () {
      const { invoke, journal, shutdown } = yield* environment({ freeze: true })
      for (let number = 1; number <= 2; number++) {
        const { requestId } = yield* invoke("2")
        yield* journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
      }
      yield* shutdown()
      const invocation = ["platform.start", "function", "function", "platform.runtimeDone", "platform.report"]
      assert.deepStrictEqual(receivedBy(yield* journal.entries), [
        "platform.initStart",
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.extension",
        "platform.initReport",
        ...invocation,
        ...invocation,
        // The words of the runtime at SIGTERM.
        "function"
      ])
    })
  )

  it.live("a thousand lines of one invocation arrive, all of them before runtimeDone", () =>
    Effect.gen(function* () {
      const { invoke, journal, shutdown } = yield* environment()
      const { requestId } = yield* invoke("1000")
      yield* journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
      yield* shutdown()
      const types = receivedBy(yield* journal.entries)
      const start = types.indexOf("platform.start")
      assert.deepStrictEqual(
        types.slice(start + 1, types.indexOf("platform.runtimeDone")),
        Array<string>(1000).fill("function")
      )
    })
  )
})

const world = Effect.fnUntraced(function* (options: Emulator.Options = {}) {
  const made = yield* makeWorld("real", { ...manualExtensions("a"), ...options })
  return { ...made, identifier: yield* made.registered("a", ["INVOKE"]) }
})

describe("sockets", () => {
  it.live("TCP: an event is a line; a connection that was lost is made again", () =>
    Effect.gen(function* () {
      const made = yield* world()
      const first = yield* listen()
      const destination = { protocol: "TCP", port: first.port }
      const body = bodyFor(first.port, { destination, types: ["extension"] })
      assert.strictEqual((yield* subscribe(made, made.identifier, body)).status, 200)
      yield* made.emulator.writeManualOutput("extension:a", "one\ntwo\n")
      yield* awaitTrue(() => first.text().split("\n").length === 3)
      const lines = first.text().trimEnd().split("\n")
      assert.deepStrictEqual(
        lines.map((line) => JSON.parse(line).record),
        ["one\n", "two\n"]
      )
      const delivered = yield* made.journal.waitFor(Journal.is("TelemetryDelivered"))
      assert.deepStrictEqual([delivered.records, delivered.status], [2, undefined])
      yield* first.close
      const second = yield* listen(first.port)
      // TCP has no acknowledgement: records that leave before the loss is noticed are lost.
      yield* Effect.delay(made.emulator.writeManualOutput("extension:a", "three\n"), "30 millis").pipe(
        Effect.repeat({ until: () => second.text().includes("three") }),
        Effect.timeout(hangs)
      )
    })
  )

  it.live("a record that is larger than a batch comes in pieces, one request after the other", () =>
    Effect.gen(function* () {
      const made = yield* world()
      const listener = yield* listen()
      yield* subscribe(made, made.identifier, bodyFor(listener.port, { types: ["extension"] }))
      const text = `${"0123456789".repeat(50_000)}\n`
      yield* made.emulator.writeManualOutput("extension:a", text)
      yield* made.emulator.writeManualOutput("extension:a", "next\n")
      yield* awaitTrue(() => listener.deliveries.some(({ body }) => body.includes("next")))
      const [first = "", second = ""] = listener.deliveries.map(({ body }) => body)
      const envelope = /^\[\{"time":"[^"]+","type":"extension","record":/.exec(first)?.[0] ?? ""
      assert.strictEqual(Buffer.byteLength(first), 262_144 + 2)
      assert.isTrue(first.endsWith("}]"))
      assert.throws(() => JSON.parse(first))
      assert.isTrue(second.startsWith(envelope))
      const events = JSON.parse(first.slice(0, -2) + second.slice(envelope.length))
      assert.deepStrictEqual(
        events.map(({ record }: { readonly record: string }) => record),
        [text, "next\n"]
      )
    })
  )

  it.live("a JSON line is an object with the log format JSON, if the schema version has objects", () =>
    Effect.gen(function* () {
      const made = yield* world({ logFormat: "json" })
      const [text, objects] = [yield* listen(), yield* listen()]
      for (const [listener, schemaVersion] of [
        [text, "2022-07-01"],
        [objects, "2022-12-13"]
      ] as const) {
        yield* subscribe(made, made.identifier, bodyFor(listener.port, { types: ["extension"], schemaVersion }))
      }
      yield* made.emulator.writeManualOutput("extension:a", '{"level":"INFO"}\n[1]\n{broken\n')
      yield* awaitTrue(() => text.events().length === 3 && objects.events().length === 3)
      const records = (body = "") => JSON.parse(body).map(({ record }: { readonly record: unknown }) => record)
      assert.deepStrictEqual(records(text.deliveries[0]?.body), ['{"level":"INFO"}\n', "[1]\n", "{broken\n"])
      assert.deepStrictEqual(records(objects.deliveries[0]?.body), [{ level: "INFO" }, "[1]\n", "{broken\n"])
    })
  )

  it.live.each(["real", "lmi"] as const)(
    "a JSON line arrives as the process wrote it, and one that is nested too deep is text (%s)",
    (profile) =>
      Effect.gen(function* () {
        const made = yield* world({ logFormat: "json", profile })
        const listener = yield* listen()
        yield* subscribe(
          made,
          made.identifier,
          bodyFor(listener.port, { types: ["extension"], schemaVersion: "2025-01-29" })
        )
        const exact = '{"id":9007199254740993,"a":1.10, "a":1e400,"\\u0061":"\\/"}'
        const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`
        const lines = [exact, nested(9000), nested(10_000), nested(100_000)]
        yield* made.emulator.writeManualOutput("extension:a", lines.map((line) => `${line}\n`).join(""))
        yield* awaitTrue(
          () =>
            listener.deliveries
              .map(({ body }) => body)
              .join("")
              .split('"type":"extension"').length === 5
        )
        const body = listener.deliveries.map(({ body }) => body).join("")
        for (const line of lines.slice(0, 2)) assert.include(body, `"type":"extension","record":${line}}`)
        for (const line of lines.slice(2)) assert.include(body, JSON.stringify(line).slice(0, -1))
      })
  )

  it.live("a listener that is bound to 127.0.0.1 alone gets nothing at another address of the sandbox", () =>
    Effect.gen(function* () {
      const sandboxAddress = "127.0.0.6"
      const made = yield* world({ sandboxAddress })
      const loopback = yield* listen()
      yield* subscribe(made, made.identifier, bodyFor(loopback.port))
      const { problem } = yield* made.journal.waitFor(Journal.is("TelemetryNotDelivered"))
      assert.include(problem, `${sandboxAddress}:${loopback.port}`)
      // Other systems than Linux do not answer on this address before they are told to.
      if (NodeProcess.platform === "linux") {
        const reached = yield* listen(0, sandboxAddress)
        yield* subscribe(made, made.identifier, bodyFor(reached.port))
        yield* awaitTrue(() => reached.deliveries.length > 0)
        assert.include(reached.deliveries[0]?.headerLines ?? [], `host: ${sandboxAddress}:${reached.port}`)
      }
      assert.lengthOf(loopback.deliveries, 0)
    })
  )

  it.live("an error answer is retried with the same bytes, and the journal has each attempt", () =>
    Effect.gen(function* () {
      const made = yield* world()
      const listener = yield* listen()
      listener.answer(503, 200)
      yield* subscribe(made, made.identifier, bodyFor(listener.port))
      yield* made.journal.waitFor(Journal.is("TelemetryDelivered"))
      const [first, second] = listener.deliveries
      assert.deepStrictEqual(second, first)
      const failed = yield* made.journal.waitFor(Journal.is("TelemetryNotDelivered"))
      assert.strictEqual(failed.problem, "the listener answered 503")
    })
  )

  it.live("an extension that subscribes after too much output hears how much is not replayed", () =>
    Effect.gen(function* () {
      const made = yield* world()
      const listener = yield* listen()
      const line = `${"x".repeat(1_000_000)}\n`
      for (let number = 0; number < 18; number++) yield* made.emulator.writeManualOutput("extension:a", line)
      const body = bodyFor(listener.port, { types: ["platform"] })
      yield* subscribe(made, made.identifier, body)
      yield* awaitTrue(() => listener.types().includes("platform.logsDropped"))
      const dropped = yield* made.journal.waitFor(Journal.is("TelemetryDropped"))
      assert.deepStrictEqual([dropped.records, dropped.bytes], [2, 2 * line.length])
    })
  )

  it.live("events that never arrive are in the journal at the end", () =>
    Effect.gen(function* () {
      const made = yield* world()
      const { close, port } = yield* listen()
      yield* close
      yield* subscribe(made, made.identifier, bodyFor(port))
      yield* made.journal.waitFor(Journal.is("TelemetryNotDelivered"))
      yield* Effect.forkScoped(made.emulator.shutdown())
      const dropped = yield* made.journal.waitFor(Journal.is("TelemetryDropped"))
      assert.strictEqual(dropped.reason, "the environment ended before it was delivered")
      assert.isAtLeast(dropped.records, 2)
    })
  )

  it.live("so are they if the environment is shut down while it resets", () =>
    Effect.gen(function* () {
      const made = yield* makeWorld("real", manualExtensions("a"))
      const { close, port } = yield* listen()
      yield* close
      yield* subscribe(made, yield* made.registered("a", ["SHUTDOWN"]), bodyFor(port))
      yield* made.emulator.endManualProcess("runtime")
      yield* made.journal.waitFor(Journal.is("ShutdownStarted", ({ reset }) => reset))
      yield* Effect.forkScoped(made.emulator.shutdown(), { startImmediately: true })
      yield* made.emulator.endManualProcess("extension:a")
      const ended = yield* made.journal.waitFor(Journal.is("ShutdownEnded"))
      assert.isFalse(ended.reset)
      assert.isAtLeast((yield* made.journal.waitFor(Journal.is("TelemetryDropped"))).records, 2)
    })
  )
})

describe("a managed instance", () => {
  it.live("telemetry is delivered between the end of the runtime and SHUTDOWN", () =>
    Effect.gen(function* () {
      const made = yield* makeWorld("lmi", manualExtensions("a"))
      const listener = yield* listen()
      const identifier = yield* made.registered("a", ["SHUTDOWN"])
      // Nothing but the flush ends this batch.
      const buffering = { timeoutMs: 30_000 }
      yield* subscribe(made, identifier, bodyFor(listener.port, { schemaVersion: "2025-01-29", buffering }))
      yield* made.pollExtension("a", identifier)
      yield* made.pollRuntime
      yield* made.journal.waitFor(Journal.is("InitEnded"))
      yield* Effect.forkScoped(made.emulator.shutdown())
      yield* made.journal.waitFor(Journal.is("EventDelivered"))
      const tags = (yield* made.journal.entries).map(({ _tag }) => _tag)
      assert.isBelow(tags.indexOf("ProcessExited"), tags.indexOf("TelemetryDelivered"))
      assert.isBelow(tags.indexOf("TelemetryDelivered"), tags.indexOf("EventDelivered"))
    })
  )

  it.live("a listener that does not answer holds SHUTDOWN up for a second", () =>
    Effect.gen(function* () {
      const made = yield* makeWorld("lmi", manualExtensions("a"))
      const listener = yield* listen()
      listener.answer(0)
      const identifier = yield* made.registered("a", ["SHUTDOWN"])
      yield* subscribe(made, identifier, bodyFor(listener.port, { schemaVersion: "2025-01-29" }))
      yield* made.pollExtension("a", identifier)
      yield* awaitTrue(() => listener.deliveries.length === 1)
      yield* Effect.forkScoped(made.emulator.shutdown())
      const event = yield* made.journal.waitFor(Journal.is("EventDelivered"))
      const started = yield* made.journal.waitFor(Journal.is("ShutdownStarted"))
      assert.isAtLeast(event.at - started.at, 990)
    })
  )
})
