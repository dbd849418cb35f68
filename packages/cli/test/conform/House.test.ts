/** The examples in a few scenarios of conform. A wide test plays them with the OpenTelemetry layer. */
import { describe, it } from "@effect/vitest"
import { assertPasses } from "./housePlay.ts"
import { layers } from "./layers.ts"

describe.each(layers.filter(({ name }) => name !== "otel"))("$name", (layer) => {
  it.live("passes, and the scenarios that do not apply are the known ones", () => assertPasses(layer))
})
