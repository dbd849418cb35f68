/**
 * The consequences of a failure for an extension, and the report to Lambda.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Deadline from "./Deadline.ts"
import { ErrorRequest, errorRequestFromCause } from "./ExtensionError.ts"
import type { ExtensionsApi } from "./ExtensionsApi.ts"
import type { Registration } from "./Registration.ts"

/**
 * The consequence of a failure.
 *
 * - `"continue"`: log it, count it, and continue with the next event
 * - `"idle"`: log it, count it, and keep polling without doing anything: the
 *   function keeps running without the extension
 * - `"exit"`: report it to Lambda and exit with code 1, which fails the
 *   function's current invocation. For extensions whose absence is worse than
 *   an outage (secrets, policy)
 *
 * @category models
 * @since 0.1.0
 */
export type FailurePolicy = "continue" | "idle" | "exit"

/**
 * A failure whose policy is `"exit"`. The failure has been reported to Lambda;
 * the process must end.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExtensionAborted extends Schema.TaggedError<ExtensionAborted>("@effect-lambda/extension/ExtensionAborted")(
  "ExtensionAborted",
  {
    /** The phase that failed. */
    phase: Schema.Literals(["init", "invoke", "background"]),
    /** The report that was sent to Lambda. */
    report: ErrorRequest,
    cause: Schema.Defect()
  }
) {
  override get message(): string {
    return `${this.phase} failed, and the policy for that is "exit": ${this.report.errorType}: ${this.report.errorMessage}`
  }
}

/** @internal */
export const aborted = <E>(phase: ExtensionAborted["phase"], cause: Cause.Cause<E>) =>
  new ExtensionAborted({ phase, report: errorRequestFromCause(cause), cause: Cause.squash(cause) })

/**
 * Logs a failure. Printing a failure can throw (a getter, a `toJSON` of the
 * user), and that must not become another failure.
 *
 * @internal
 */
export const logFailure = (message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.catchDefect(Effect.logError(message, cause), () => Effect.logError(`${message}; the cause cannot be printed`))

const reportBudget = Duration.seconds(1)

/**
 * Tells the log and Lambda, as well as possible, why the extension ends. A
 * failure that a policy has ended is in the log already. The failure of a
 * consumer is logged here, since code around the stream may catch it unseen.
 *
 * @internal
 */
export const reportFailure = <E>(
  cause: Cause.Cause<E>,
  send: ExtensionsApi["Service"]["exitError"],
  registration: Registration
): Effect.Effect<void> => {
  const error = Option.filter(Cause.findErrorOption(cause), Schema.is(ExtensionAborted))
  const report = Option.isSome(error) ? error.value.report : errorRequestFromCause(cause)
  const logged = Option.isSome(error)
    ? Effect.void
    : logFailure("the program over the events failed; Lambda is told, and the process must end", cause)
  return Effect.andThen(logged, send(registration, report)).pipe(
    Deadline.abandonAfter(reportBudget),
    Effect.asVoid,
    Effect.catch((failure) => Effect.logWarning(`the failure could not be reported to Lambda: ${failure.message}`))
  )
}
