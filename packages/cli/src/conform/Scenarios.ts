/** All scenarios, in the order of a report. */
import type { Scenario } from "./play/Scenario.ts"
import { init } from "./scenarios/init.ts"
import { invoke } from "./scenarios/invoke.ts"
import { next } from "./scenarios/next.ts"
import { shutdown } from "./scenarios/shutdown.ts"
import { delivery } from "./scenarios/telemetryDelivery.ts"
import { subscription } from "./scenarios/telemetrySubscription.ts"

export const scenarios: ReadonlyArray<Scenario> = [
  ...init,
  ...next,
  ...invoke,
  ...shutdown,
  ...subscription,
  ...delivery
]
