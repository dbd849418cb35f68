/** All scenarios, in the order of a report. */
import type { Scenario } from "./play/Scenario.ts"
import { next } from "./scenarios/next.ts"

export const scenarios: ReadonlyArray<Scenario> = [...next]
