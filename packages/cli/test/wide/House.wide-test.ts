/** The OpenTelemetry layer in a few scenarios of conform; House.test.ts has the examples. */
import { describe, it } from "@effect/vitest"
import { assertPasses } from "../conform/housePlay.ts"
import { layers } from "../conform/layers.ts"

describe.each(layers.filter(({ name }) => name === "otel"))("$name", (layer) => {
  it.live("passes in the scenarios that apply to it", () => assertPasses(layer))
})
