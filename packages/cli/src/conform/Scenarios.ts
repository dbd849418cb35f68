/** All scenarios, in the order of a report. */
import type { Scenario } from "./play/Scenario.ts"
import { backend } from "./scenarios/backend.ts"
import { environment } from "./scenarios/environment.ts"
import { init } from "./scenarios/init.ts"
import { initType } from "./scenarios/initType.ts"
import { invoke } from "./scenarios/invoke.ts"
import { managed } from "./scenarios/managed.ts"
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
  ...delivery,
  ...backend,
  ...environment,
  ...initType,
  ...managed
]
