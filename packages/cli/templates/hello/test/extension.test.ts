import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { extension } from "../src/extension.ts"

it.effect("logs every invocation, and their number at shutdown", () => {
  const lines: Array<unknown> = []
  const script = [
    ExtensionTest.invoke({ timeout: "10 seconds" }),
    ExtensionTest.invoke({ timeout: "2 seconds" }),
    ExtensionTest.shutdown()
  ]
  return Effect.gen(function* () {
    yield* extension
    assert.deepStrictEqual(lines, [
      ["invocation request-1: 10000 ms left"],
      ["invocation request-2: 2000 ms left"],
      ["2 invocations, then shutdown: spindown"]
    ])
  }).pipe(
    Effect.provide([ExtensionTest.layer(script), Logger.layer([Logger.make(({ message }) => lines.push(message))])])
  )
})
