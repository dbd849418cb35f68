/**
 * Why a subscription to telemetry or logs did not work: {@link TelemetryApiError}
 * with the reasons of `ExtensionError`, and {@link SubscriptionRefused} where
 * Lambda refused and said why.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { InvalidRequest, UnexpectedStatus, Unreachable } from "./ExtensionError.ts"
import { explainSubscription } from "./internal/explainSubscription.ts"

/**
 * The error types a subscription is known to be refused with; any other text is
 * accepted. Those of the Logs API begin with `Logs.`; AWS's local emulator for
 * managed instances has `ValidationError` without a prefix.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SubscriptionErrorType = /*#__PURE__*/ Schema.Union([
  /*#__PURE__*/ Schema.Literals([
    "Telemetry.AccessDenied",
    "Telemetry.DeserializationError",
    "Telemetry.SubscriptionClosed",
    "Telemetry.ValidationError",
    "Logs.AccessDenied",
    "Logs.DeserializationError",
    "Logs.SubscriptionClosed",
    "Logs.ValidationError",
    "ValidationError",
    "Extension.MissingExtensionIdentifier",
    "Extension.InvalidExtensionIdentifier",
    "Extension.UnknownExtensionIdentifier",
    "InternalServerError"
  ]),
  Schema.StringForLiteralAutocomplete
])

/**
 * @category models
 * @since 0.1.0
 */
export type SubscriptionErrorType = typeof SubscriptionErrorType.Type

/**
 * Lambda refused the subscription and said why. A refused attempt also shows in
 * telemetry, as `platform.telemetrySubscription`.
 *
 * @category errors
 * @since 0.1.0
 */
export class SubscriptionRefused extends Schema.TaggedError<SubscriptionRefused>(
  "@effect-lambda/extension/TelemetryApiError/SubscriptionRefused"
)("SubscriptionRefused", {
  status: Schema.Int,
  errorType: SubscriptionErrorType,
  errorMessage: Schema.String
}) {
  /** A 5xx may pass, any other refusal stands. */
  get isRetryable(): boolean {
    return this.status >= 500
  }
  /** What to do about it, where that is known. */
  get hint(): string | undefined {
    return explainSubscription(this.errorType, this.errorMessage)
  }
  override get message(): string {
    const hint = this.hint
    return `refused with ${this.status} ${this.errorType}: ${this.errorMessage}.${hint === undefined ? "" : ` ${hint}`}`
  }
}

/**
 * Everything that can be wrong with a subscription.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TelemetryApiErrorReason: Schema.Union<
  [typeof Unreachable, typeof InvalidRequest, typeof SubscriptionRefused, typeof UnexpectedStatus]
> = /*#__PURE__*/ Schema.Union([Unreachable, InvalidRequest, SubscriptionRefused, UnexpectedStatus])

/**
 * @category models
 * @since 0.1.0
 */
export type TelemetryApiErrorReason = typeof TelemetryApiErrorReason.Type

/**
 * A subscription failed: at the Telemetry or the Logs API (`method`), and the
 * `reason`. Single reasons are caught with `Effect.catchReason`. An extension
 * can go on without telemetry; one that cannot says so by exiting.
 *
 * @category errors
 * @since 0.1.0
 */
export class TelemetryApiError extends Schema.TaggedError<TelemetryApiError>(
  "@effect-lambda/extension/TelemetryApiError"
)("TelemetryApiError", {
  method: Schema.Literals(["telemetry", "logs"]),
  reason: TelemetryApiErrorReason
}) {
  override readonly cause = this.reason
  override get message(): string {
    return `${this.method}: ${this.reason.message}`
  }
  /** Whether the same call may work later. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
}
