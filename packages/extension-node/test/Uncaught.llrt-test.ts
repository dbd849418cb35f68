/** What nothing catches has the same consequence on Node and on LLRT: one program, one expectation. */
import { describe } from "@effect/vitest"
import { play } from "../../test/runtimes/scenario.ts"
import { uncaught } from "./life/uncaught.ts"

describe.each(["Node", "LLRT"] as const)("%s", (runtime) => {
  play(runtime, uncaught)
})
