/** The reasons for a shutdown, in the words of each platform. */

/**
 * The reason why an environment or its generation ends (docs/protocol.md#reasons-of-shutdown).
 *
 * @category models
 * @since 0.1.0
 */
export type ShutdownReason = "spindown" | "timeout" | "failure"

/**
 * The reason as SHUTDOWN tells it; AWS's emulator has other words (docs/protocol.md#reasons-of-shutdown).
 *
 * @category models
 * @since 0.1.0
 */
export type ShutdownReasonText = ShutdownReason | "SandboxTerminated" | "Timeout" | "ReleaseFail"
