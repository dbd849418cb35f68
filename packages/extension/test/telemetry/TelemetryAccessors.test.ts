/** The accessors of events that a program made against their types, and the text of records that are JSON. */
import * as TelemetryTransport from "@effect-lambda/extension/telemetry/TelemetryTransport"
import { TelemetryEvent } from "@effect-lambda/extension"
import * as PlatformEvent from "@effect-lambda/extension/telemetry/PlatformEvent"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as receivers from "../../src/telemetry/internal/receive/receiver.ts"

const time = "2026-09-15T12:00:00.123Z"

const { level, requestId, severity, spans, text, toJson, traceContext } = TelemetryEvent

/** The results of each accessor; the types say which are possible. */
const assertReadable = (event: TelemetryEvent.TelemetryEvent) => {
  const trace = traceContext(event)
  for (const value of [
    requestId(event),
    severity(event),
    level(event)?.text,
    level(event)?.severity,
    text(event),
    trace?.traceId,
    trace?.parentId,
    trace?.spanId
  ]) {
    assert.isTrue(value === undefined || typeof value === "string", String(value))
  }
  assert.isArray(spans(event))
  assert.doesNotThrow((): unknown => JSON.parse(toJson(event)))
}

const thrown = () => {
  throw new Error("a bug of the program")
}
const hostileProxy = () =>
  new Proxy({}, { get: thrown, has: thrown, ownKeys: thrown, getOwnPropertyDescriptor: thrown, getPrototypeOf: thrown })
const revoked = (target: object) => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}
const cycle = () => {
  const list: Array<unknown> = []
  list.push(list)
  return list
}
const deep = () => {
  let value: unknown = []
  for (let level = 0; level < 100_000; level++) value = [value]
  return value
}

/** Values against the types, by name. */
const wrong: Readonly<Record<string, () => unknown>> = {
  null: () => null,
  undefined: () => undefined,
  "a number": () => 7,
  "an integer of any size": () => 7n,
  "a symbol": () => Symbol("a"),
  "a function": () => thrown,
  "an empty text": () => "",
  "an empty object": () => ({}),
  "a list of null": () => [null],
  "a cycle": cycle,
  "something deep": deep,
  "a toJSON that throws": () => ({ toJSON: thrown }),
  "a proxy that throws": hostileProxy,
  "a revoked proxy": () => revoked({}),
  "a revoked list": () => revoked([])
}

const types = [
  ...PlatformEvent.PlatformEvent.members.map(({ fields }) => fields.type.schema.literal),
  "function",
  "extension"
]

/** Events that no type allows: only a program in JavaScript has them. */
const isEvent = (event: unknown): event is TelemetryEvent.TelemetryEvent => [event].length === 1
const asEvent = (event: unknown): TelemetryEvent.TelemetryEvent => {
  assert(isEvent(event))
  return event
}

describe("an event that a program made against its type", () => {
  it.each(Object.entries(wrong))("is no reason to throw if it is %s", (_, make) => {
    assert.doesNotThrow(() => assertReadable(asEvent(make())))
  })

  it.each(Object.entries(wrong))("is no reason to throw if its record is %s", (_, make) => {
    for (const type of types) assert.doesNotThrow(() => assertReadable(asEvent({ time, type, record: make() })))
  })

  it.each([requestId, severity, level, text, traceContext, spans, toJson])(
    "is no reason to throw in a getter: $name",
    (accessor) => {
      for (const field of ["type", "time", "record"]) {
        for (const type of types) {
          const event = asEvent(
            Object.defineProperty({ time, type, record: {} }, field, { get: thrown, enumerable: true })
          )
          assert.doesNotThrow((): unknown => accessor(event))
        }
      }
    }
  )

  const places = (json: unknown): Array<readonly [parent: object, key: string]> => {
    if (typeof json !== "object" || json === null) return []
    const own = Object.keys(json).map((key) => [json, key] as const)
    return own.concat(Object.values(json).flatMap(places))
  }

  it.effect.prop(
    "is no reason to throw, whatever is in whichever place",
    [PlatformEvent.PlatformEvent, Schema.Natural, Schema.Natural, Schema.Boolean],
    ([event, index, kind, isGetter]) =>
      Effect.sync(() => {
        const changed: unknown = JSON.parse(JSON.stringify(event))
        const all = places(changed)
        const [parent, key] = all[index % all.length]!
        const makes = Object.values(wrong)
        const make = makes[kind % makes.length]!
        Object.defineProperty(
          parent,
          key,
          isGetter ? { get: thrown, enumerable: true } : { value: make(), enumerable: true }
        )
        assertReadable(asEvent(changed))
      }),
    { arbitrary: { runs: 500 } }
  )

  it("has no text if its record cannot be written, and its JSON says why", () => {
    const event = asEvent({ time, type: "function", record: cycle() })
    assert.isUndefined(text(event))
    assert.include(toJson(event), "the record cannot be written as JSON: Converting circular structure")
  })
})

/** The events of these bodies, as a receiver makes them. */
const received = Effect.fnUntraced(function* (...bodies: ReadonlyArray<string | Uint8Array>) {
  const listening: Array<TelemetryListener.Deliveries> = []
  const receiver = yield* receivers.make({ types: ["platform", "function"] }).pipe(
    Effect.provide(TelemetryTransport.layer()),
    Effect.provideService(TelemetryListener.TelemetryListener, {
      listen: (_, deliveries) => Effect.sync(() => ({ port: listening.push(deliveries) }))
    }),
    Effect.provideService(TelemetryApi.TelemetryApi, { subscribe: () => Effect.die("not asked for") })
  )
  const { queue } = receiver.open("test", ({ records }) => records)
  for (const body of bodies) {
    listening[0]?.body(typeof body === "string" ? new TextEncoder().encode(body) : body)
  }
  return queue.take({ maxRecords: 1000, maxBytes: 2 ** 30 })
})

describe("the text of a record that is JSON", () => {
  const start = `{"time":"${time}","type":"function","record":`
  const records = [
    "9007199254740993",
    "1.10",
    "1e400",
    "-0",
    "null",
    "[ 1.0,\t2 ]",
    '{"id":12345678901234567890,"price":1.10,"a":1,"a":2,"9":0,"1":0}',
    '{ "b" : "\\u00e9\\/ }],[{\\"" , "record" : {"record":1.0} }',
    "{}",
    "[]"
  ]

  it.effect.each([
    ["in an array", (record: string) => `[{},${start}${record}},{}]`, 1],
    ["alone", (record: string) => ` ${start}${record}} `, 0],
    ["with spaces around it", (record: string) => `[{},${start} \n${record}\t , "later":"record"\n}]`, 1],
    ["before the other fields", (record: string) => `[{},{"record":${record},"time":"${time}","type":"extension"}]`, 1],
    ["with a name in escapes", (record: string) => `[{},{"time":"T","type":"function","\\u0072ecord":${record}}]`, 1],
    ["the second one of its name", (record: string) => `[{},${start}[0],"record":${record}}]`, 1],
    ["beside a record that is no JSON", (record: string) => `[${start}${record}},nul]`, 1],
    ["of a body that is long", (record: string) => `["${"x".repeat(3_000_000)}",${start}${record}}]`, 1]
  ] as const)("is what came: %s", ([, body, index]) =>
    Effect.gen(function* () {
      for (const record of records) {
        const event = (yield* received(body(record)))[index]!
        assert.strictEqual(text(event), record)
      }
    })
  )

  it.effect("is what came of a record that Lambda cut", () =>
    Effect.gen(function* () {
      const [event] = yield* received(`[${start}{"n":900719925}]`, `[${start}4740993}}]`)
      assert.strictEqual(text(event!), '{"n":9007199254740993}')
    })
  )

  it.effect("has U+FFFD for bytes that are not UTF-8", () =>
    Effect.gen(function* () {
      const [event] = yield* received(Buffer.from(`[${start}["\xff",1.10]}]`, "latin1"))
      assert.strictEqual(text(event!), '["\uFFFD",1.10]')
    })
  )

  it.effect("is written from the values of a copy", () =>
    Effect.gen(function* () {
      const [event] = yield* received(`[${start}{"secret":1.10}}]`)
      assert.strictEqual(event?.type, "function")
      const copy: TelemetryEvent.TelemetryEvent = { time, type: "function", record: { secret: "***" } }
      assert.strictEqual(text(event?.type === "function" ? { ...event, record: 1.1 } : copy), "1.1")
      assert.strictEqual(text(copy), '{"secret":"***"}')
    })
  )

  it.effect.prop("is the text between its neighbours, whatever JSON it is", [Schema.Json, Schema.Json], ([a, b]) =>
    Effect.gen(function* () {
      const record = JSON.stringify([a, 9], null, 1).replace(/9\n\]$/, "9007199254740993 ]")
      const later = JSON.stringify(b)
      const [event] = yield* received(
        `[{"before":${later},"time":"${time}","type":"function","record":${record},"z":${later}}]`
      )
      assert.strictEqual(text(event!), record)
    })
  )
})
