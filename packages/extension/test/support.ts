import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

/** The journal as short words, so that an order can be read at a glance. */
export const words = Effect.map(ExtensionTest.journal, (entries) =>
  entries.map((entry) => {
    switch (entry._tag) {
      case "Event":
        return entry.event.eventType
      case "Note":
        return entry.text
      case "InitError":
      case "ExitError":
        return `${entry._tag} ${entry.error.errorType}`
      default:
        return entry._tag
    }
  })
)

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

/** The bytes that are in use, without garbage. */
export const memory = () => {
  collectGarbage()
  collectGarbage()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

/**
 * The time that the processor needs for one run, in milliseconds; the other work of the machine does not count. The clock
 * of the processor is coarse, so a short run is repeated.
 */
export const cpuMillis = (run: () => void): number => {
  const before = process.threadCpuUsage()
  for (let runs = 1; ; runs++) {
    run()
    const { system, user } = process.threadCpuUsage(before)
    if (system + user > 50_000) return (system + user) / 1000 / runs
  }
}

/** Runs with the clock moved on until the effect is done, at most an hour. */
export const runInTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect))
    for (let second = 0; second < 3600 && fiber.pollUnsafe() === undefined; second++) {
      yield* TestClock.adjust("1 second")
    }
    assert.isDefined(fiber.pollUnsafe(), "still running after an hour")
    return yield* Fiber.join(fiber)
  })

export const capturedLogs = () => {
  const messages: Array<string> = []
  const causes: Array<string> = []
  const layer = Logger.layer([
    Logger.make(({ cause, logLevel, message }) => {
      causes.push(Cause.pretty(cause))
      messages.push(`${logLevel}: ${Array.isArray(message) ? message.map(String).join(" ") : String(message)}`)
    })
  ])
  return { layer, messages, causes }
}

/** As in a process whose wall clock is set to another time: timers run on as before, only the time of day jumps. */
export const settableClock = Effect.map(Clock.Clock, (clock) => {
  let ahead = 0
  const now = () => clock.currentTimeMillisUnsafe() + ahead
  return {
    set: (byMillis: number) => {
      ahead += byMillis
    },
    clock: { ...clock, currentTimeMillisUnsafe: now, currentTimeMillis: Effect.sync(now) }
  }
})

/** The types of telemetry that most tests receive. */
export const types = ["platform", "function"] as const
