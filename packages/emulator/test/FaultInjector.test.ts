/**
 * The effect of faults, and its time. The server and the state machine write down what reaches them; the clock is a
 * test's.
 */
import * as Fault from "@effect-lambda/emulator/Fault"
import { type ProfileName, profiles } from "@effect-lambda/emulator/Profile"
import { assert, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import type { Input } from "../src/internal/environment/EnvironmentState.ts"
import * as FaultInjector from "../src/internal/fault/FaultInjector.ts"
import type { WireResponse } from "../src/internal/wire/Wire.ts"

/** `seen` has the effects, each after its time in milliseconds. */
const world = Effect.fnUntraced(function* (faults: string, isRunning = true, profile: ProfileName = "real") {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const seen: Array<string> = []
  const answers: Array<WireResponse> = []
  const note = (what: string) => void seen.push(`${now()} ${what}`)
  const injector = yield* FaultInjector.make({
    profile: profiles[profile],
    faults: faults.split(" ").map((text) => Result.getOrThrow(Fault.parse(text))),
    seed: 1,
    now,
    dispatch: (input) => enter(input),
    record: (event) => note("description" in event ? event.description : event._tag),
    server: () => ({
      address: "",
      reply: (exchange, answer, _end, onEnded) => {
        answers.push(answer)
        note(`reply ${exchange}`)
        onEnded?.()
      },
      drop: (exchange) => note(`drop ${exchange}`),
      reset: (exchange) => note(`reset ${exchange}`),
      cut: (exchange) => note(`cut ${exchange}`)
    }),
    kill: (source) => {
      note(`kill ${source}`)
      return isRunning
    },
    pause: (source) => {
      note(`pause ${source}`)
      return () => note(`resume ${source}`)
    }
  })
  const enter = (input: Input): void =>
    injector.enter(input, () => note("reason" in input ? `${input._tag} ${input.reason}` : input._tag))
  return { answers, enter, injector, seen }
})

const delivered = {
  _tag: "EventDelivered",
  source: "extension:a",
  eventType: "INVOKE",
  deadlineMs: 0,
  requestId: "r",
  shutdownReason: undefined,
  lost: false
} as const

const requests = {
  register: { exchange: 7, route: "register", name: "a", acceptFeature: "", body: "{}" },
  next: { exchange: 7, route: "next", identifier: "id" },
  "init/error": { exchange: 7, route: "init/error", identifier: "id", errorType: "", body: "" },
  "exit/error": { exchange: 7, route: "exit/error", identifier: "id", errorType: "", body: "" },
  telemetry: { exchange: 7, route: "telemetry", identifier: "id", body: "{}" },
  logs: { exchange: 7, route: "logs", identifier: "id", body: "{}" }
} as const

const state = "Extension.InvalidExtensionState"
const closed = "API subscription is closed"

it.effect.each([
  ["real", "next", 403, state, "from Exited to Ready failed for extension id. Error: State transition is not allowed"],
  ["rie", "next", 403, state, "from Exited to Ready failed for extension id. Error: State transition is not allowed"],
  ["lmi", "next", 403, state, "from Exited to Ready failed for extension id. Error: state transition is not allowed"],
  ["real", "register", 403, state, "from Registered to Registered failed for extension a. Error: State transition"],
  ["real", "init/error", 403, state, "from Running to InitError failed for extension id. Error: State transition"],
  ["real", "exit/error", 403, state, "from InitError to Exited failed for extension id. Error: State transition"],
  ["real", "telemetry", 403, "Telemetry.SubscriptionClosed", `Telemetry ${closed} already`],
  ["lmi", "telemetry", 403, "Telemetry.SubscriptionClosed", `Telemetry ${closed}`],
  ["real", "logs", 403, "Logs.SubscriptionClosed", `Logs ${closed} already`],
  ["real", "telemetry", 202, "Telemetry.NotSupported", "Telemetry API is not supported"],
  ["real", "logs", 202, "Logs.NotSupported", "Logs API is not supported"],
  ["real", "register", 500, "InternalServerError", "Internal Server Error"],
  ["real", "next", 500, "InternalServerError", "Internal Server Error"],
  ["real", "telemetry", 500, "InternalServerError", "Internal Server Error"]
] as const)("under %s, %s is refused with %d in the words of Lambda: %s", ([profile, route, status, type, words]) =>
  Effect.gen(function* () {
    const { answers, enter, seen } = yield* world(`status:${route}=${status}`, true, profile)
    enter({ _tag: "ExtensionRequest", request: requests[route] })
    assert.deepStrictEqual(seen, [`0 ${route} is refused with ${status}`, "0 reply 7"])
    const [answer] = answers
    assert.strictEqual(answer?.status, status)
    const { errorMessage, errorType } = JSON.parse(String(answer?.body))
    assert.strictEqual(errorType, type)
    assert.include(errorMessage, words)
  })
)

// This needs the real clock: under a test's a sleep of 0 ends at once.
it.live("a crash without a delay strikes before the event can be answered", () =>
  Effect.gen(function* () {
    const { injector, seen } = yield* world("crash:extension:a:during-invoke")
    injector.happened(delivered)
    assert.deepStrictEqual(
      seen.map((text) => text.replace(/^\d+ /, "")),
      ["kill extension:a", "SIGKILL to the process (during-invoke)"]
    )
  })
)

it.effect("a crash does not strike a process that has already ended", () =>
  Effect.gen(function* () {
    const { injector, seen } = yield* world("crash:extension:a:during-invoke+50ms", false)
    injector.happened(delivered)
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(seen, ["50 kill extension:a"])
  })
)

it.effect("delays of one answer add up", () =>
  Effect.gen(function* () {
    const { enter, injector, seen } = yield* world("slow:runtime/next=100ms slow:runtime/next=250ms")
    enter({ _tag: "RuntimeRequest", request: { exchange: 7, route: "runtime/next" } })
    injector.leave(7, { status: 200, headers: {}, body: "" })
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(seen, [
      "0 RuntimeRequest",
      "0 the answer to runtime/next leaves 100 ms later",
      "0 the answer to runtime/next leaves 250 ms later",
      "350 reply 7"
    ])
  })
)

it.effect(
  "an extension stands still while an answer and the end of its connection leave, and the runtime does not",
  () =>
    Effect.gen(function* () {
      const { enter, injector, seen } = yield* world("close:register close:runtime/next slow:register=50ms")
      enter({ _tag: "ExtensionRequest", request: requests.register })
      injector.leave(7, { status: 200, headers: {}, body: "" })
      yield* TestClock.adjust("1 second")
      enter({ _tag: "RuntimeRequest", request: { exchange: 8, route: "runtime/next" } })
      injector.leave(8, { status: 200, headers: {}, body: "" })
      assert.deepStrictEqual(seen, [
        "0 ExtensionRequest",
        "0 the connection is closed after the answer to register",
        "0 the answer to register leaves 50 ms later",
        "50 pause extension:a",
        "50 reply 7",
        "50 resume extension:a",
        "1000 RuntimeRequest",
        "1000 the connection is closed after the answer to runtime/next",
        "1000 reply 8"
      ])
    })
)

it.effect("a freeze is held once, and the inputs that would end it come after it in their order", () =>
  Effect.gen(function* () {
    const { enter, injector, seen } = yield* world("hold-thaw=300ms")
    injector.happened({ _tag: "Frozen" })
    yield* TestClock.adjust(100)
    enter({ _tag: "Shutdown", reason: "spindown" })
    yield* TestClock.adjust(50)
    enter({ _tag: "Shutdown", reason: "timeout" })
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(seen, [
      "100 the freeze is held for 200 ms more",
      "300 Shutdown spindown",
      "300 Shutdown timeout"
    ])
  })
)
