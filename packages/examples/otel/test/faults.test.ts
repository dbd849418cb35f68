/** What is lost when something breaks between the function's SDK and the backend, by the journal and by the backend. */
import { Journal } from "@effect-lambda/emulator"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import process from "node:process"
import * as Environment from "./support/environment.ts"

const { extension, halfRequest, invoke, messages, patience, requestOf, textOf } = Environment

const namesOf = (spans: ReadonlyArray<{ readonly name: string }>) => spans.map(({ name }) => name)

it.live("a malformed body costs only itself, whoever refuses it", () =>
  Effect.gen(function* () {
    const { backend, emulator } = yield* Environment.make({})
    yield* invoke(emulator, {
      requests: [
        requestOf("good 1"),
        halfRequest("half"),
        requestOf("short id", { traceId: "abcd" }),
        // The bytes are a request, and the backend is the first to ask for a trace.
        requestOf("no id", { traceId: "" }),
        requestOf("good 2")
      ]
    })
    yield* emulator.shutdown()
    const entries = yield* emulator.journal.entries
    assert.deepStrictEqual(messages(entries, "runtime"), [
      "good 1 was answered 200",
      "half was answered 400",
      "short id was answered 400",
      "no id was answered 200",
      "good 2 was answered 200"
    ])
    const names = namesOf(backend.spans)
    assert.sameMembers(names, [
      "good 1",
      "good 2",
      "init shop",
      "shop",
      "responseLatency",
      "responseDuration",
      "runtimeOverhead"
    ])
    assert.lengthOf(backend.logs, 5)
    const [accounting, ...others] = Environment.accountings(entries)
    assert.lengthOf(others, 0)
    assert.strictEqual(accounting?.level, "WARN")
    const counts = accounting?.annotations.accounting.consumers.find(({ name }) => name === "otlp traces")
    assert.deepInclude(counts, { offered: names.length + 1, delivered: names.length, droppedBySink: 1, unsent: 0 })
    const said = messages(entries, extension).join("\n")
    assert.include(said, "OTLP of the function was answered 400")
    assert.include(said, "refused 1 items, 1 of them from the function, and took those beside them")
  })
)

it.live("SIGKILL of the extension loses what came after its last next, and nothing else", () =>
  Effect.gen(function* () {
    let isDown = false
    const { backend, emulator } = yield* Environment.make({
      freeze: true,
      // Every record of Lambda is a log record then, so that the journal and the backend count the same.
      environment: { EFFECT_LAMBDA_OTLP_PLATFORM_EVENTS: "true" },
      status: () => (isDown ? 503 : 200)
    })
    const { journal } = emulator
    const payloadOf = (n: number) => ({ lines: [`line ${n}a`, `line ${n}b`], requests: [requestOf(`span ${n}`)] })
    const first = yield* invoke(emulator, payloadOf(1))
    // Nothing can be sent between the last next and the kill.
    isDown = true
    const killed = yield* Effect.forkChild(emulator.invoke(Environment.payloadOf({ ...payloadOf(2), holds: true })))
    yield* journal.waitFor(
      Journal.is("Output", ({ line }) => line.includes("span 2 was answered 200")),
      patience
    )
    const { pid } = yield* journal.waitFor(Journal.is("ProcessStarted", ({ source }) => source === extension))
    assert(pid !== undefined)
    process.kill(pid, "SIGKILL")
    yield* journal.waitFor(Journal.is("ShutdownEnded"), patience)
    const { requestId: second } = yield* Fiber.join(killed)
    isDown = false
    const third = yield* invoke(emulator, payloadOf(3))
    yield* emulator.shutdown()

    const entries = yield* journal.entries
    const end = entries.findIndex(Journal.is("ProcessExited", ({ source }) => source === extension))
    const lastNext = entries.slice(0, end).findLastIndex(Journal.is("NextCalled", ({ source }) => source === extension))
    const lost = entries.slice(lastNext, end)
    const kept = [...entries.slice(0, lastNext), ...entries.slice(end)]

    // The lines of the function, and its spans: the receiver of the killed extension had taken that of the second invocation.
    const lines = backend.logs.map(textOf)
    assert.deepStrictEqual(messages(lost, "runtime"), ["line 2a", "line 2b", "span 2 was answered 200"])
    assert.deepStrictEqual(
      lines.filter((line) => /^(line|span) \d/.test(line)),
      messages(kept, "runtime")
    )
    const spans = namesOf(backend.spans)
    assert.deepStrictEqual(
      spans.filter((name) => name.startsWith("span")),
      ["span 1", "span 3"]
    )
    const invocations = backend.spans.filter(({ name }) => name === "shop")
    assert.deepStrictEqual(
      invocations.map(({ attributes }) => attributes["faas.invocation_id"]),
      [first, third]
    )
    assert.notInclude(lines.join(), second)

    // All records, by the batches that Lambda delivered.
    const records = kept.filter(Journal.is("TelemetryDelivered")).reduce((sum, batch) => sum + batch.records, 0)
    assert.strictEqual(backend.logs.length, records)
    // The second process lost nothing, and the first could say nothing.
    const [accounting, ...others] = Environment.accountings(entries)
    assert.deepStrictEqual([accounting?.level, others], ["INFO", []])
  })
)

it.live("an invocation that times out loses nothing", () =>
  Effect.gen(function* () {
    const { backend, emulator } = yield* Environment.make({
      timeout: "1 second",
      environment: { EFFECT_LAMBDA_OTLP_PLATFORM_EVENTS: "true" }
    })
    const { journal } = emulator
    yield* invoke(emulator, { lines: ["a line"], requests: [requestOf("span")], holds: true })
    yield* journal.waitFor(Journal.is("ShutdownEnded"), patience)
    const entries = yield* journal.entries
    assert.isTrue(entries.some(Journal.is("InvocationDone", ({ status }) => status === "timeout")))
    const lines = messages(entries, "runtime")
    assert.deepStrictEqual(
      backend.logs.map(textOf).filter((line) => lines.includes(line)),
      lines
    )
    const [ofInvocation, ...others] = backend.spans.filter(({ name }) => name === "shop")
    assert.deepStrictEqual([ofInvocation?.isError, others], [true, []])
    // On a busy machine the function may not have come so far, or was killed before it could log the answer.
    if (lines.includes("span was answered 200")) assert.include(namesOf(backend.spans), "span")
    const [accounting] = Environment.accountings(entries)
    assert.strictEqual(accounting?.level, "INFO")
    const records = entries.filter(Journal.is("TelemetryDelivered")).reduce((sum, batch) => sum + batch.records, 0)
    assert.strictEqual(backend.logs.length, records)
  })
)
