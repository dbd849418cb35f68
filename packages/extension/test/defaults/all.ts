/** Each default that the documents name, as a scenario that shows it. `Defaults.test.ts` runs them. */
import type { Default } from "./Default.ts"
import * as Extension from "./Extension.ts"
import * as Telemetry from "./Telemetry.ts"
import * as TelemetryReceiver from "./TelemetryReceiver.ts"
import * as TelemetrySink from "./TelemetrySink.ts"

export const defaults: ReadonlyArray<Default> = [
  ...Extension.defaults,
  ...Telemetry.defaults,
  ...TelemetryReceiver.defaults,
  ...TelemetrySink.defaults
]
