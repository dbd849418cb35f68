/** Builds in this process whose trial run starts from a bundle. TrialRun.test.ts has the program that is started otherwise. */
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { bundled } from "../../../tools/programs.ts"
import * as TrialRun from "../../src/build/trial/TrialRun.ts"

export const source = join(import.meta.dirname, "../../src/build/trial/TrialProcess.ts")

/** Gives a build, or a trial run, the bundle of the trial's program. */
export const withBundle = Effect.provideService(TrialRun.TrialProcess, await bundled(source))
