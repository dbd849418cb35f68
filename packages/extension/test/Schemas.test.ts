import { ExtensionError, ExtensionEvent } from "@effect-lambda/extension"
import * as Registration from "@effect-lambda/extension/Registration"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"

const roundTrips = <A, I>(name: string, schema: Schema.Codec<A, I>) =>
  it.effect.prop(`${name} round-trips through JSON text`, [schema], ([value]) =>
    Effect.gen(function* () {
      const codec = Schema.fromJsonString(Schema.toCodecJson(schema))
      const text = yield* Schema.encodeEffect(codec)(value)
      // `Equal` is structural and, as JSON does, takes -0 for 0.
      assert.isTrue(Equal.equals(yield* Schema.decodeEffect(codec)(text), value), text)
    })
  )

describe("every schema", () => {
  roundTrips("InvokeEvent", ExtensionEvent.InvokeEvent)
  roundTrips("ShutdownEvent", ExtensionEvent.ShutdownEvent)
  roundTrips("ShutdownReason", ExtensionEvent.ShutdownReason)
  roundTrips("RegisterRequest", Registration.RegisterRequest)
  roundTrips("RegisterResponse", Registration.RegisterResponse)
  roundTrips("Registration", Registration.Registration)
  roundTrips("ErrorRequest", ExtensionError.ErrorRequest)
  roundTrips("ErrorResponse", ExtensionError.ErrorResponse)
  roundTrips("StatusResponse", ExtensionError.StatusResponse)

  // Its payload is any JSON, so the property is stated over JSON texts of it.
  it.effect.prop(
    "UnknownEvent keeps the whole payload",
    [
      Schema.Record(
        Schema.String,
        Schema.Union([Schema.Finite, Schema.String, Schema.Null, Schema.Array(Schema.Boolean)])
      )
    ],
    ([rest]) =>
      Effect.gen(function* () {
        const text = JSON.stringify({ ...rest, eventType: "SOMETHING_NEW" })
        const payload = JSON.parse(text)
        const event = yield* ExtensionEvent.decode(text)
        assert.deepStrictEqual(event, { eventType: "UNKNOWN", payload })
        assert.deepStrictEqual(yield* Schema.encodeUnknownEffect(ExtensionEvent.ExtensionEvent)(event), payload)
      })
  )
})

describe("events", () => {
  const decoded = (text: string) => Effect.runSync(Effect.result(ExtensionEvent.decode(text)))

  it.each([
    ["SPINDOWN", "spindown"],
    ["spindown", "spindown"],
    ["TIMEOUT", "timeout"],
    ["Timeout", "timeout"],
    ["Failure", "failure"],
    ["ReleaseFail", "ReleaseFail"],
    ["SandboxTerminated", "SandboxTerminated"],
    ["whatever", "whatever"]
  ])("case 32: shutdownReason %s is %s", (sent, expected) => {
    const result = decoded(JSON.stringify({ eventType: "SHUTDOWN", deadlineMs: 1, shutdownReason: sent }))
    assert.isTrue(
      result._tag === "Success" && result.success.eventType === "SHUTDOWN" && result.success.shutdownReason === expected
    )
  })

  it.each([
    ["an INVOKE without requestId", '{"eventType":"INVOKE","deadlineMs":1,"invokedFunctionArn":"a"}'],
    ["an INVOKE whose requestId is a number", '{"eventType":"INVOKE","requestId":1,"invokedFunctionArn":"a"}'],
    ["no event type", "{}"],
    ["null", "null"],
    ["an array", "[]"],
    ["nothing", ""],
    ["HTML", "<html>502</html>"],
    ["truncated JSON", '{"eventType":"INV']
  ])("%s is an error, not an unknown event", (_, text) => {
    assert.strictEqual(decoded(text)._tag, "Failure")
  })

  it.each([
    '{"eventType":"SHUTDOWN"}',
    '{"eventType":"SHUTDOWN","deadlineMs":null,"shutdownReason":null}',
    '{"eventType":"SHUTDOWN","deadlineMs":1e999,"shutdownReason":7}',
    '{"eventType":"SHUTDOWN","deadlineMs":"soon","shutdownReason":""}'
  ])("%s is a SHUTDOWN nevertheless", (text) => {
    const result = decoded(text)
    assert.deepStrictEqual(result._tag === "Success" && result.success, {
      eventType: "SHUTDOWN",
      deadlineMs: 0,
      shutdownReason: ""
    })
  })

  it("fields that came later are left out, tracing is optional", () => {
    const result = decoded(
      '{"eventType":"INVOKE","deadlineMs":1,"requestId":"r","invokedFunctionArn":"a","tenantId":"t"}'
    )
    assert.deepStrictEqual(result._tag === "Success" && result.success, {
      eventType: "INVOKE",
      deadlineMs: 1,
      requestId: "r",
      invokedFunctionArn: "a"
    })
  })
})
