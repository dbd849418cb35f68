/** Each default that the documents name, as a scenario that shows it. `Defaults.test.ts` runs them. */
import {
  Extension,
  ExtensionTest,
  FlushStrategy,
  Telemetry,
  TelemetryApi,
  TelemetryListener,
  TelemetryReceiver,
  TelemetrySink,
  type TelemetrySubscription,
  TelemetryTest
} from "@effect-lambda/extension"
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { batch, endpoint, http, ndjson, sent } from "./httpSink.ts"
import { capturedLogs, runInTime } from "./support.ts"

const { delay, invoke, journal, note, shutdown, unknown } = ExtensionTest
const { delivery, log, runtimeDone, start } = TelemetryTest

/** An option with the text that the documents have for its default. */
export interface Default {
  readonly module: "Extension" | "Telemetry" | "TelemetryReceiver" | "TelemetrySink"
  readonly option: string
  readonly standard: string
  readonly shows: Effect.Effect<void, unknown, Scope.Scope>
}

const stuck = Effect.uninterruptible(Effect.never)
const mebibyte = 1024 * 1024

/** An invocation whose function is done at once. */
const quickly = (n: number) =>
  invoke({ timeout: "10 seconds", delivers: [delivery([start(`request-${n}`), runtimeDone(`request-${n}`)])] })
const quick = quickly(1)

/** Runs with a sink that does this with each batch: when it was called, with how many records, and when next was called. */
const telemetry = (
  script: ReadonlyArray<ExtensionTest.Step>,
  attempt: Effect.Effect<void, string>,
  options: Partial<Telemetry.Options<never, never>> = {},
  retryAfter?: Duration.Input
) =>
  Effect.gen(function* () {
    const beganAt = yield* Clock.currentTimeMillis
    const attempts: Array<number> = []
    const sizes: Array<number> = []
    const sink = TelemetrySink.make({
      name: "sink",
      retryAfter: () => retryAfter,
      export: ({ events }) =>
        Effect.andThen(
          Effect.map(Clock.currentTimeMillis, (now) => {
            attempts.push(now - beganAt)
            sizes.push(events.length)
          }),
          attempt
        )
    })
    const { layer: logs, messages } = capturedLogs()
    const run = Extension.run({
      layer: TelemetryReceiver.layer(),
      telemetry: Telemetry.make({ ...options, sink })
    }).pipe(Effect.provide(logs))
    yield* runInTime(Effect.andThen(run, note("over")))
    const entries = yield* journal
    return {
      attempts,
      sizes,
      messages,
      nexts: entries.flatMap(({ _tag, at }) => (_tag === "Next" ? [at - beganAt] : [])),
      overAt: entries.findLast(({ _tag }) => _tag === "Note")?.at
    }
  }).pipe(Effect.provide(ExtensionTest.layer(script)))

type Provided = Layer.Success<ReturnType<typeof ExtensionTest.layer>>

/** Runs without telemetry: the entries of the journal, and the log. */
const plain = <A, E>(script: ReadonlyArray<ExtensionTest.Step>, run: Effect.Effect<A, E, Provided>) =>
  Effect.gen(function* () {
    const { layer: logs, messages } = capturedLogs()
    const exit = yield* runInTime(Effect.provide(run, logs))
    const entries = yield* journal
    const notes = entries.flatMap((entry) => (entry._tag === "Note" ? [entry.text] : []))
    const registered = entries.find((entry) => entry._tag === "Registered")
    const nexts = entries.flatMap(({ _tag, at }) => (_tag === "Next" ? [at] : []))
    return { exit, messages, nexts, notes, registered }
  }).pipe(Effect.provide(ExtensionTest.layer(script, { fileName: "file" })))

/** A receiver, and what it asks of its listener and of Lambda. */
const receiver = Effect.gen(function* () {
  const listening: Array<{ options: TelemetryListener.ListenOptions; deliveries: TelemetryListener.Deliveries }> = []
  const subscriptions: Array<TelemetrySubscription.Subscription> = []
  const made = yield* TelemetryReceiver.make().pipe(
    Effect.provideService(TelemetryListener.TelemetryListener, {
      listen: (options, deliveries) =>
        Effect.sync(() => {
          listening.push({ options, deliveries })
          return { port: 4243 }
        })
    }),
    Effect.provideService(TelemetryApi.TelemetryApi, {
      subscribe: (_, subscription) =>
        Effect.sync(() => {
          subscriptions.push(subscription)
          return { _tag: "Subscribed", schemaVersion: "2025-01-29" } as const
        })
    })
  )
  yield* made.subscribe(registration)
  const [{ deliveries, options } = assert.fail("it does not listen")] = listening
  const [subscription = assert.fail("it does not subscribe")] = subscriptions
  return { made, options, deliveries, subscription }
})

const registration = {
  functionName: "f",
  functionVersion: "1",
  handler: "h",
  extensionName: "e",
  extensionIdentifier: "00000000-0000-4000-8000-00000000000a",
  events: ["INVOKE" as const]
}

/** The body of the request that subscribes with nothing but a destination. */
const subscribed = Effect.gen(function* () {
  const { subscription } = yield* receiver
  let body = ""
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      body = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
      return HttpClientResponse.fromWeb(request, new Response('"OK"'))
    })
  )
  const api = yield* TelemetryApi.make({ runtimeApi: "lambda:9001", initializationType: "on-demand" }).pipe(
    Effect.provideService(HttpClient.HttpClient, client)
  )
  yield* api.subscribe(registration, subscription)
  return JSON.parse(body)
})

const bytesOf = (text: string) => new TextEncoder().encode(text)

const ofTelemetry: ReadonlyArray<Omit<Default, "module">> = [
  {
    option: "strategy",
    standard: "`FlushStrategy.endOfInvocation`",
    shows: Effect.gen(function* () {
      const given = yield* telemetry([quick, shutdown()], Effect.void)
      const named = yield* telemetry([quick, shutdown()], Effect.void, { strategy: FlushStrategy.endOfInvocation })
      assert.deepStrictEqual([given.attempts, given.nexts], [named.attempts, named.nexts])
      assert.deepStrictEqual(given.attempts, [25])
    })
  },
  {
    option: "batch",
    standard: "1000 records, 1 MiB, 5 seconds",
    shows: Effect.gen(function* () {
      const many = Array.from({ length: 1500 }, () => log("x"))
      const { sizes } = yield* telemetry([shutdown({ delivers: [delivery(many)] })], Effect.void)
      assert.deepStrictEqual(sizes, [1000, 500])
      // The frame of each record included, two are some bytes below a mebibyte, or above.
      const pair = (length: number) => Array.from({ length: 2 }, () => log("x".repeat(length)))
      const frame = JSON.stringify(log("")).length + 1
      const below = yield* telemetry([shutdown({ delivers: [delivery(pair(mebibyte / 2 - frame - 10))] })], Effect.void)
      const above = yield* telemetry([shutdown({ delivers: [delivery(pair(mebibyte / 2 - frame + 10))] })], Effect.void)
      assert.deepStrictEqual([below.sizes, above.sizes], [[2], [1, 1]])
      const long = invoke({ timeout: "15 minutes", delivers: [delivery([start("request-1"), log("old")])] })
      const old = yield* telemetry([long, shutdown()], Effect.void)
      assert.deepStrictEqual([old.attempts, old.sizes], [[5000], [2]])
    })
  },
  {
    option: "flushTimeout",
    standard: "2 seconds",
    shows: Effect.gen(function* () {
      const { nexts } = yield* telemetry([quick, shutdown()], stuck, { grace: 0 })
      assert.deepStrictEqual(nexts, [0, 2000])
    })
  },
  {
    option: "grace",
    standard: "25 milliseconds",
    shows: Effect.gen(function* () {
      const { nexts } = yield* telemetry([quick, shutdown()], Effect.void)
      assert.deepStrictEqual(nexts, [0, 25])
    })
  },
  {
    option: "quiet",
    standard: "200 milliseconds",
    shows: Effect.gen(function* () {
      const { overAt } = yield* telemetry([shutdown()], Effect.void)
      assert.strictEqual(overAt, 200)
    })
  },
  {
    option: "onAccounting",
    standard: "one line in the log",
    shows: Effect.gen(function* () {
      const { messages } = yield* telemetry([shutdown()], Effect.void)
      assert.lengthOf(messages, 1)
      assert.match(messages[0] ?? "", /^Info: telemetry: 0 received/)
    })
  },
  {
    option: "exportTimeout",
    standard: "5 seconds",
    shows: Effect.gen(function* () {
      const options = { grace: 0, flushTimeout: "1 minute", retry: Schedule.recurs(1) } as const
      const script = [invoke({ timeout: "1 minute", delivers: [delivery([runtimeDone("request-1")])] }), shutdown()]
      const { attempts } = yield* telemetry(script, stuck, options)
      assert.deepStrictEqual(attempts.slice(0, 2), [0, 5000])
    })
  },
  {
    option: "retry",
    standard: "three, after 100, 200 and 400 milliseconds",
    shows: Effect.gen(function* () {
      const { attempts } = yield* telemetry([quick, delay("1 minute"), shutdown()], Effect.fail("no"), { grace: 0 })
      assert.deepStrictEqual(
        attempts.filter((at) => at < 60_000),
        [0, 100, 300, 700]
      )
    })
  },
  {
    option: "longestRest",
    standard: "1 minute",
    shows: Effect.gen(function* () {
      const everySecond = Array.from({ length: 100 }, (_, n) => [quickly(n + 1), delay("1 second")]).flat()
      const { attempts } = yield* telemetry([...everySecond, shutdown()], Effect.fail("busy"), { grace: 0 }, "1 day")
      assert.deepStrictEqual(attempts.slice(0, 2), [0, 60_000])
    })
  }
]

const ofReceiver: ReadonlyArray<Omit<Default, "module">> = [
  {
    option: "types",
    standard: "`platform` and `function`",
    shows: Effect.map(subscribed, ({ types }) => assert.deepStrictEqual(types, ["platform", "function"]))
  },
  {
    option: "buffering",
    standard: "25 ms, 1000 records, 1 MiB",
    shows: Effect.map(subscribed, ({ buffering }) =>
      assert.deepStrictEqual(buffering, { timeoutMs: 25, maxItems: 1000, maxBytes: mebibyte })
    )
  },
  {
    option: "schemaVersion",
    standard: "the newest that Lambda accepts",
    shows: Effect.map(subscribed, ({ schemaVersion }) => assert.strictEqual(schemaVersion, "2025-01-29"))
  },
  {
    option: "protocol",
    standard: "`HTTP`",
    shows: Effect.map(receiver, ({ options, subscription }) =>
      assert.deepStrictEqual([options.protocol, subscription.destination.protocol], ["HTTP", "HTTP"])
    )
  },
  {
    option: "method",
    standard: "`POST`",
    shows: Effect.map(receiver, ({ subscription }) => assert.deepInclude(subscription.destination, { method: "POST" }))
  },
  {
    option: "host",
    standard: "`0.0.0.0`",
    shows: Effect.map(receiver, ({ options }) => assert.strictEqual(options.host, "0.0.0.0"))
  },
  {
    option: "port",
    standard: "any free port",
    shows: Effect.map(receiver, ({ options }) => assert.strictEqual(options.port, 0))
  },
  {
    option: "maxBodyBytes",
    standard: "8 MiB",
    shows: Effect.map(receiver, ({ options }) => assert.strictEqual(options.maxBodyBytes, 8 * mebibyte))
  },
  {
    option: "queue",
    standard: "50,000 records, 32 MiB",
    shows: Effect.gen(function* () {
      const filled = Effect.fnUntraced(function* (record: string, records: number) {
        const { deliveries, made } = yield* receiver
        const { queue } = made.open("nobody", ({ records }) => records)
        const body = bytesOf(`[${Array.from({ length: records }, () => JSON.stringify(log(record))).join(",")}]`)
        while (queue.refused === 0) deliveries.body(body)
        return queue
      })
      assert.strictEqual((yield* filled("", 1000)).records, 50_000)
      const { held } = yield* filled("x".repeat(100_000), 10)
      assert.isAtMost(held, 32 * mebibyte)
      // The next record would have been beyond it.
      assert.isAbove(held, 32 * mebibyte - 300_000)
    })
  }
]

const ofSink: ReadonlyArray<Omit<Default, "module">> = [
  {
    option: "name",
    standard: "`http`",
    shows: Effect.map(http({}, endpoint(200).client), ({ name }) => assert.strictEqual(name, "http"))
  },
  {
    option: "format",
    standard: "`ndjson`",
    shows: Effect.map(sent({}), (request) => {
      assert.strictEqual(request.headers["content-type"], "application/x-ndjson")
      assert.strictEqual(request.body._tag === "Uint8Array" && new TextDecoder().decode(request.body.body), ndjson)
    })
  },
  {
    option: "gzip",
    standard: "false",
    shows: Effect.gen(function* () {
      const large = { ...batch, events: [log("x".repeat(2000))] }
      assert.isUndefined((yield* sent({}, large)).headers["content-encoding"])
      assert.strictEqual((yield* sent({ gzip: true }, large)).headers["content-encoding"], "gzip")
    })
  }
]

const handled = (event: { readonly requestId: string }) => note(`handled ${event.requestId}`)

const ofExtension: ReadonlyArray<Omit<Default, "module">> = [
  {
    option: "name",
    standard: "the base name of the executed file",
    shows: Effect.map(plain([shutdown()], Extension.run({})), ({ registered }) =>
      assert.deepInclude(registered, { name: "file" })
    )
  },
  {
    option: "events",
    standard: "both",
    shows: Effect.map(plain([shutdown()], Extension.run({})), ({ registered }) =>
      assert.deepInclude(registered, { events: ["INVOKE", "SHUTDOWN"] })
    )
  },
  {
    option: "onInitFailure",
    standard: '`"idle"`',
    shows: Effect.gen(function* () {
      const failing = { layer: Layer.effectDiscard(Effect.fail("no")), onInvoke: handled }
      const { exit, nexts, notes } = yield* plain([invoke(), shutdown()], Extension.run(failing))
      assert.deepStrictEqual([exit._tag, nexts.length, notes], ["Success", 2, []])
    })
  },
  {
    option: "initTimeout",
    standard: "8 seconds",
    shows: Effect.map(plain([shutdown()], Extension.run({ layer: Layer.effectDiscard(stuck) })), ({ nexts }) =>
      assert.deepStrictEqual(nexts, [8000])
    )
  },
  {
    option: "onUnknown",
    standard: "log each type once",
    shows: Effect.gen(function* () {
      const script = ["A", "A", "B"].map((eventType) => unknown({ eventType }))
      const { messages } = yield* plain([...script, shutdown()], Extension.run({}))
      assert.deepStrictEqual(
        messages.map((message) => /of the unknown type ("\w+")/.exec(message)?.[1]),
        ['"A"', '"B"']
      )
    })
  },
  {
    option: "onFailure",
    standard: '`"continue"`',
    shows: Effect.gen(function* () {
      const onInvoke = (event: { readonly requestId: string }) => Effect.andThen(handled(event), Effect.fail("no"))
      const { exit, notes } = yield* plain([invoke(), invoke(), shutdown()], Extension.run({ onInvoke }))
      assert.deepStrictEqual([exit._tag, notes], ["Success", ["handled request-1", "handled request-2"]])
    })
  },
  {
    option: "onDefect",
    standard: '`"idle"`',
    shows: Effect.gen(function* () {
      const onInvoke = (event: { readonly requestId: string }) => Effect.andThen(handled(event), Effect.die("bug"))
      const { exit, nexts, notes } = yield* plain([invoke(), invoke(), shutdown()], Extension.run({ onInvoke }))
      assert.deepStrictEqual([exit._tag, nexts.length, notes], ["Success", 3, ["handled request-1"]])
    })
  },
  {
    option: "maxHandlerTime",
    standard: "no limit but the deadline",
    shows: Effect.map(
      plain(
        [invoke({ timeout: "15 minutes" }), shutdown()],
        Extension.run({ onInvoke: () => Effect.never, margin: 0 })
      ),
      ({ nexts }) => assert.deepStrictEqual(nexts, [0, 900_000])
    )
  },
  {
    option: "margin",
    standard: "200 milliseconds",
    shows: Effect.map(plain([invoke(), shutdown()], Extension.run({ onInvoke: () => Effect.never })), ({ nexts }) =>
      assert.deepStrictEqual(nexts, [0, 2800])
    )
  }
]

export const defaults: ReadonlyArray<Default> = [
  ...ofExtension.map((row) => ({ ...row, module: "Extension" as const })),
  ...ofTelemetry.map((row) => ({ ...row, module: "Telemetry" as const })),
  ...ofReceiver.map((row) => ({ ...row, module: "TelemetryReceiver" as const })),
  ...ofSink.map((row) => ({ ...row, module: "TelemetrySink" as const }))
]
