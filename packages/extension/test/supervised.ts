/** Runs in steps of 100 ms, their journals in short words, and scripts for them. */
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"

const { journal } = ExtensionTest

export const words = Effect.map(journal, (entries) =>
  entries.map((e) => (e._tag === "Event" ? e.event.eventType : e._tag === "Note" ? e.text : e._tag))
)

export const at = (text: string) =>
  Effect.map(journal, (entries) => entries.find((e) => (e._tag === "Note" ? e.text === text : e._tag === text))?.at)

export const runInTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect))
    for (let s = 0; s < 6000 && fiber.pollUnsafe() === undefined; s++) yield* TestClock.adjust("100 millis")
    assert.isDefined(fiber.pollUnsafe())
    return yield* Fiber.join(fiber)
  })

export const logs = () => {
  const messages: Array<string> = []
  return {
    messages,
    layer: Logger.layer([
      Logger.make(({ logLevel, message }) => {
        messages.push(`${logLevel}: ${String(message)}`)
      })
    ])
  }
}
