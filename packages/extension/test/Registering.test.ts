/** Register and the polls, each at its exact time: what is tried again, what is adopted, what ends the stream. */
import { Extension, ExtensionError, type ExtensionEvent } from "@effect-lambda/extension"
import * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import * as LambdaEnvironment from "@effect-lambda/extension/LambdaEnvironment"
import type * as Registration from "@effect-lambda/extension/Registration"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { words, at, runInTime, logs } from "./supervised.ts"

const { failure, invoke, journal, lost, note, shutdown } = ExtensionTest

const refused = failure(
  new ExtensionError.Rejected({ status: 403, errorType: "Extension.UnknownExtensionIdentifier", errorMessage: "x" })
)

const undecodable = failure(new ExtensionError.InvalidResponse({ description: "d", body: "" }))

const registration: Registration.Registration = {
  extensionName: "extension",
  extensionIdentifier: "00000000-0000-4000-8000-00000000000a",
  events: ["SHUTDOWN"],
  functionName: "f",
  functionVersion: "1",
  handler: ""
}

it.effect("refusals must be in a row", () =>
  Effect.gen(function* () {
    yield* runInTime(Extension.run({ onInvoke: () => note("handled") }))
    assert.include(yield* words, "handled")
  }).pipe(
    Effect.provide(
      ExtensionTest.layer([
        refused,
        refused,
        lost(0),
        refused,
        refused,
        undecodable,
        refused,
        refused,
        invoke(),
        shutdown()
      ])
    )
  )
)

it.effect("a lost poll is warned about once, its end is said", () => {
  const l = logs()
  return Effect.gen(function* () {
    yield* runInTime(Extension.run({}))
    assert.lengthOf(
      l.messages.filter((m) => m.startsWith("Warn: the poll was lost")),
      1
    )
    assert.lengthOf(
      l.messages.filter((m) => m.includes("works again")),
      1
    )
  }).pipe(Effect.provide([ExtensionTest.layer([lost("5 seconds"), invoke(), shutdown()]), l.layer]))
})

it.effect("another refused transition is a refusal", () =>
  Effect.gen(function* () {
    yield* runInTime(Extension.run({}))
    assert.strictEqual(yield* at("ExitAt"), 300)
  }).pipe(
    Effect.provide(
      ExtensionTest.layer(
        Array.from({ length: 9 }, () =>
          failure(
            new ExtensionError.Rejected({
              status: 403,
              errorType: "Extension.InvalidExtensionState",
              errorMessage:
                "State transition from ExitError to Ready failed for extension x. Error: Concurrent state modification"
            })
          )
        )
      )
    )
  )
)

it.effect("register is tried for 3 seconds", () =>
  Effect.gen(function* () {
    const exit = yield* runInTime(Extension.run({}))
    assert.strictEqual(exit._tag, "Failure")
    assert.isAtLeast((yield* journal).at(-1)!.at, 2500)
  }).pipe(
    Effect.provide(
      ExtensionTest.layer([], {
        registerFailures: Array.from({ length: 99 }, () => new ExtensionError.Unreachable({ url: "u", cause: "c" }))
      })
    )
  )
)

it.effect("a register that was sent is waited for as long as init may last", () =>
  Effect.gen(function* () {
    const api = yield* ExtensionsApi.ExtensionsApi
    const sent: Array<number> = []
    const register = () =>
      Effect.andThen(
        Effect.sync(() => sent.push(1)),
        Effect.never
      )
    const fiber = yield* Effect.forkChild(
      Effect.flip(Extension.run({})).pipe(Effect.provideService(ExtensionsApi.ExtensionsApi, { ...api, register }))
    )
    yield* TestClock.adjust("899 seconds")
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust("1 second")
    const error = yield* Fiber.join(fiber)
    assert.isTrue(error._tag === "ExtensionsApiError" && error.reason._tag === "Unreachable")
    assert.lengthOf(sent, 1)
  }).pipe(Effect.provide(ExtensionTest.layer([])))
)

it.effect.each([1.1, 1.3, 1.5, 1.9, 2.5, 5, 8])("a register that is answered after %s s is a registration", (seconds) =>
  Effect.gen(function* () {
    const api = yield* ExtensionsApi.ExtensionsApi
    const fiber = yield* Effect.forkChild(
      Extension.run({}).pipe(
        Effect.provideService(ExtensionsApi.ExtensionsApi, {
          ...api,
          register: (options) => Effect.delay(api.register(options), seconds * 1000)
        })
      )
    )
    yield* TestClock.adjust(seconds * 1000)
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(
      (yield* journal).map(({ _tag }) => _tag),
      ["Registered", "Next", "Event", "ExitAt"]
    )
  }).pipe(Effect.provide(ExtensionTest.layer([ExtensionTest.shutdown()])))
)

it.effect.each<[ReadonlyArray<ExtensionEvent.EventType> | undefined, ReadonlyArray<ExtensionEvent.EventType>, string]>([
  [undefined, ["SHUTDOWN"], "and gets SHUTDOWN; the program asks for INVOKE, SHUTDOWN"],
  [["SHUTDOWN"], ["INVOKE", "SHUTDOWN"], "and gets INVOKE, SHUTDOWN; the program asks for SHUTDOWN"],
  [[], ["SHUTDOWN"], "and gets SHUTDOWN; the program asks for none"],
  [["SHUTDOWN"], [], "and gets no events; the program asks for SHUTDOWN"],
  [undefined, ["INVOKE", "SHUTDOWN"], ""]
])("an adopted registration for other events is warned about: %s of %s", ([events, adopted, expected]) => {
  const l = logs()
  return Effect.gen(function* () {
    yield* Extension.run({ events })
    const warnings = l.messages.filter((m) => m.includes("registered before it started"))
    assert.lengthOf(warnings, expected === "" ? 0 : 1)
    assert.include(warnings.join(), expected)
  }).pipe(
    Effect.provide([ExtensionTest.layer([shutdown()], { registration: { ...registration, events: adopted } }), l.layer])
  )
})

it.effect("a second life in the same process is a defect that says so, and asks Lambda for nothing", () =>
  Effect.gen(function* () {
    yield* Stream.runDrain(Extension.events())
    const calls = (yield* journal).length
    const exit = yield* Effect.exit(Stream.runDrain(Extension.events()))
    assert.include(String(exit), "began a second time in this process")
    assert.lengthOf(yield* journal, calls)
  }).pipe(Effect.provide(ExtensionTest.layer([shutdown()], { registration })))
)

const polled = { ...registration, events: ["INVOKE", "SHUTDOWN"], hasPolled: true } as const

it.effect("a stub that has polled: a failure of init is exit/error, since init is over for Lambda", () =>
  Effect.gen(function* () {
    yield* runInTime(Extension.run({ layer: Layer.effectDiscard(Effect.fail("no")), onInitFailure: "exit" }))
    assert.deepStrictEqual(yield* words, ["ExitError", "ExitAt"])
  }).pipe(Effect.provide(ExtensionTest.layer([], { registration: polled })))
)

it.effect("a stub that has polled: a failure of init idles, and the event that waits is read", () =>
  Effect.gen(function* () {
    yield* runInTime(Extension.run({ layer: Layer.effectDiscard(Effect.fail("no")), onInvoke: () => note("handled") }))
    assert.deepStrictEqual(yield* words, ["Next", "INVOKE", "Next", "SHUTDOWN", "ExitAt"])
  }).pipe(Effect.provide(ExtensionTest.layer([invoke(), shutdown()], { registration: polled })))
)

it.effect.each([["8 seconds by default", undefined, 8000] as const, ["as long as it says", "1 second", 1000] as const])(
  "a stub that has polled: init is bounded, %s",
  ([, initTimeout, millis]) =>
    Effect.gen(function* () {
      const stuck = Layer.effectDiscard(Effect.uninterruptible(Effect.never))
      yield* runInTime(Extension.run({ layer: stuck, initTimeout }))
      assert.strictEqual(yield* at("Next"), millis)
    }).pipe(Effect.provide(ExtensionTest.layer([shutdown()], { registration: polled })))
)

it.effect("the trial run of a build learns the consequence of a failed init, and other runs say nothing", () =>
  Effect.gen(function* () {
    for (const isTrial of [true, false]) {
      for (const onInitFailure of ["idle", "exit", undefined] as const) {
        const l = logs()
        yield* runInTime(Extension.run({ onInitFailure })).pipe(
          Effect.updateService(LambdaEnvironment.LambdaEnvironment, (environment) => ({ ...environment, isTrial })),
          Effect.provide([ExtensionTest.layer([shutdown()]), l.layer])
        )
        assert.deepStrictEqual(
          l.messages,
          isTrial ? [`Info: trial run: a failure of init has the consequence ${onInitFailure ?? "idle"}`] : []
        )
      }
    }
  })
)
