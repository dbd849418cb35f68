/**
 * The platform whose behaviour the environment has.
 *
 * - `real`: AWS Lambda itself, on demand.
 * - `rie`: AWS's own local emulator in its usual mode. Init is lazy: it runs inside the first invocation, under the
 *   function timeout. The caller has its answer only when every extension has called next. A failed environment has
 *   been reset before the caller hears of the failure. A second invocation at the same time is refused. Register never
 *   tells an account, and SHUTDOWN has other reasons.
 * - `lmi`: Lambda Managed Instances. Several workers of the runtime poll at the same time, extensions get SHUTDOWN only,
 *   and the first crash ends the environment: there is no reset.
 *
 * Two defects of AWS's emulator in managed mode are not copied: its deadline header has the wrong scale, and it needs
 * root.
 *
 * @since 0.1.0
 */
import type { ShutdownReason, ShutdownReasonText } from "./internal/wire/Wire.ts"

/**
 * The name of a profile.
 *
 * @category models
 * @since 0.1.0
 */
export type Profile = "real" | "rie" | "lmi"

/**
 * The reason as SHUTDOWN tells it (spec: Extensions API, next, shutdownReason). `initFailed` means that the rest of a
 * failed init is being cleared away.
 *
 * @category accessors
 * @since 0.1.0
 */
export const shutdownReasonText = (
  profile: Profile,
  reason: ShutdownReason,
  initFailed: boolean
): ShutdownReasonText => {
  switch (profile) {
    case "real":
      return reason
    case "lmi":
      return reason === "spindown" ? "spindown" : "failure"
    case "rie":
      if (reason === "timeout") return "Timeout"
      if (reason === "spindown") return "SandboxTerminated"
      return initFailed ? "spindown" : "ReleaseFail"
  }
}
