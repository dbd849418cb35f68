import { ExtensionError } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

class TokenExpired extends Schema.TaggedError<TokenExpired>()("TokenExpired", {
  token: Schema.Redacted(Schema.String),
  message: Schema.String
}) {}

const token = Redacted.make("s3cr3t")

describe("errorRequestFromCause", () => {
  it.each<readonly [string, Cause.Cause<unknown>, string, string]>([
    ["an Error", Cause.fail(new RangeError("too far")), "Extension.RangeError", "too far"],
    ["a defect", Cause.die(new TypeError("x is not a function")), "Extension.TypeError", "x is not a function"],
    [
      "a tagged error",
      Cause.fail(new TokenExpired({ token, message: "expired" })),
      "Extension.TokenExpired",
      "expired"
    ],
    ["a string", Cause.fail("no"), "Extension.UnknownError", "no"],
    ["an interruption", Cause.interrupt(1), "Extension.Interrupted", "All fibers interrupted without error"],
    ["nothing", Cause.empty, "Extension.Empty", "no failure was recorded"],
    ["a name with digits", Cause.fail({ _tag: "http2-error" }), "Extension.Httperror", '{"_tag":"http2-error"}'],
    [
      "two failures",
      Cause.combine(Cause.fail(new Error("first")), Cause.die(new Error("second"))),
      "Extension.Error",
      "first; second"
    ]
  ])("%s", (_, cause, errorType, errorMessage) => {
    const request = ExtensionError.errorRequestFromCause(cause)
    assert.strictEqual(request.errorType, errorType)
    assert.strictEqual(request.errorMessage, errorMessage)
    assert.match(request.errorType, /^Extension\.[A-Z][a-zA-Z]+$/)
  })

  it("the stack is split into lines and names the place", () => {
    const { stackTrace } = ExtensionError.errorRequestFromCause(Cause.fail(new Error("here")))
    assert.isAbove(stackTrace.length, 1)
    assert.isTrue(stackTrace.every((line) => !line.includes("\n")))
    assert.isTrue(stackTrace.some((line) => line.includes("ErrorRequest.test.ts")))
  })

  it("a long stack is cut after 100 lines", () => {
    const error = new Error("deep")
    error.stack = `Error: deep\n${Array.from({ length: 150 }, (_, n) => `    at f${n} (file.ts:${n}:1)`).join("\n")}`
    assert.lengthOf(ExtensionError.errorRequestFromCause(Cause.die(error)).stackTrace, 100)
  })

  it("an answer that is no error of Lambda is quoted up to 200 characters", () => {
    const bodyOf = (body: string) => {
      const reason = ExtensionError.reasonFromResponse(502, body)
      return reason._tag === "UnexpectedStatus" ? reason.body : reason._tag
    }
    const [whole, longer] = ["x".repeat(200), "x".repeat(201)]
    assert.deepStrictEqual([bodyOf(whole), bodyOf(longer)], [whole, `${whole}…`])
  })

  it.each<readonly [string, Cause.Cause<unknown>]>([
    ["in a tagged error", Cause.fail(new TokenExpired({ token, message: "expired" }))],
    ["in a plain object", Cause.fail({ token, nested: [{ token }] })],
    ["in an error's cause", Cause.die(new Error("outer", { cause: { token } }))],
    ["itself", Cause.fail(token)]
  ])("a Redacted value %s is not shown", (_, cause) => {
    assert.notInclude(JSON.stringify(ExtensionError.errorRequestFromCause(cause)), "s3cr3t")
  })

  it.effect.prop("any failure gives a report that Lambda accepts", [Schema.Unknown], ([error]) =>
    Effect.sync(() => {
      const request = ExtensionError.errorRequestFromCause(Cause.fail(error))
      assert.match(request.errorType, /^Extension\.[A-Z][a-zA-Z]+$/)
      assert.isTrue(Schema.is(ExtensionError.ErrorRequest)(request))
    })
  )
})

describe("reasonFromResponse", () => {
  it.each([
    ["rapid's order", '{"errorMessage":"m","errorType":"t"}\n'],
    ["the telemetry service's order", '{"errorType":"t","errorMessage":"m"}']
  ])("%s is Rejected", (_, body) => {
    const reason = ExtensionError.reasonFromResponse(403, body)
    assert.deepInclude(reason, { _tag: "Rejected", status: 403, errorType: "t", errorMessage: "m" })
  })

  it.each([
    ["404 text", 404, "404 page not found\n"],
    ["an empty 404 (extensions switched off)", 404, ""],
    ["HTML", 502, "<html>bad gateway</html>"],
    ["JSON of another shape", 403, '{"message":"Forbidden"}'],
    ["a success status that the operation does not have", 202, '{"status":"OK"}']
  ])("%s is UnexpectedStatus with the text", (_, status, body) => {
    const reason = ExtensionError.reasonFromResponse(status, body)
    assert.deepInclude(reason, { _tag: "UnexpectedStatus", status, body })
    assert.include(reason.message, String(status))
  })

  it("a long body is cut", () => {
    const reason = ExtensionError.reasonFromResponse(502, "x".repeat(1_000_000))
    assert.isBelow(reason.message.length, 600)
  })

  it("the error can be encoded and decoded whole", () => {
    const error = new ExtensionError.ExtensionsApiError({
      method: "nextEvent",
      reason: ExtensionError.reasonFromResponse(403, '{"errorMessage":"m","errorType":"t"}')
    })
    const encoded = Schema.encodeSync(ExtensionError.ExtensionsApiError)(error)
    assert.deepStrictEqual(Schema.decodeSync(ExtensionError.ExtensionsApiError)(encoded), error)
  })
})
