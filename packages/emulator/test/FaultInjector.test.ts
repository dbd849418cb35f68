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
      reply: (exchange, answer) => {
        answers.push(answer)
        note(`reply ${exchange}`)
      },
      drop: (exchange) => note(`drop ${exchange}`),
      reset: (exchange) => note(`reset ${exchange}`),
      cut: (exchange) => note(`cut ${exchange}`)
    }),
    kill: (source) => {
      note(`kill ${source}`)
      return isRunning
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

const refusal = "State transition from Exited to Ready failed for extension id. Error:"

it.effect.each([
  ["real", "status:next=403", 403, "Extension.InvalidExtensionState", `${refusal} State transition is not allowed`],
  ["rie", "status:next=403", 403, "Extension.InvalidExtensionState", `${refusal} State transition is not allowed`],
  ["lmi", "status:next=403", 403, "Extension.InvalidExtensionState", `${refusal} state transition is not allowed`],
  ["real", "status:next=500", 500, "InternalServerError", "Internal Server Error"]
] as const)("under %s, %s refuses next in the words of Lambda", ([profile, fault, status, errorType, errorMessage]) =>
  Effect.gen(function* () {
    const { answers, enter, seen } = yield* world(fault, true, profile)
    enter({ _tag: "ExtensionRequest", request: { exchange: 7, route: "next", identifier: "id" } })
    assert.deepStrictEqual(seen, [`0 next is refused with ${status}`, "0 reply 7"])
    const [answer] = answers
    assert.strictEqual(answer?.status, status)
    assert.deepStrictEqual(JSON.parse(String(answer?.body)), { errorType, errorMessage })
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
