/** The layers of this repository on LLRT in the scenarios of conform that concern a runtime. `npm run conform` has them all. */
import { describe, it } from "@effect/vitest"
import { assertPasses, broad } from "../conform/housePlay.ts"
import { layers } from "../conform/layers.ts"

describe.each(layers)("$name", (layer) => {
  it.live("passes, and the scenarios that do not apply are the known ones", () => assertPasses(layer, "llrt", broad))
})
