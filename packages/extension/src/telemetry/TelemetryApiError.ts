/**
 * Failures of a subscription to telemetry or logs: {@link TelemetryApiError}
 * with the reasons of `ExtensionError`, and {@link SubscriptionRefused} if
 * Lambda refused and said why.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { InvalidRequest, UnexpectedStatus, Unreachable } from "../ExtensionError.ts"
import { explainSubscription } from "./internal/subscription/explainSubscription.ts"

/**
 * The known error types of a refused subscription; any other text is accepted.
 * The types of the Logs API begin with `Logs.`; AWS's local emulator for
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
  "@effect-lambda/extension/telemetry/TelemetryApiError/SubscriptionRefused"
)("SubscriptionRefused", {
  status: Schema.Int,
  errorType: SubscriptionErrorType,
  errorMessage: Schema.String
}) {
  /** A refusal with a 5xx may be temporary, any other refusal is final. */
  get isRetryable(): boolean {
    return this.status >= 500
  }
  /** The advice on what to do about the refusal, if there is any. */
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
 * A subscription failed: `method` names the Telemetry or the Logs API, and
 * `reason` says why. Catch single reasons with `Effect.catchReason`. An
 * extension can go on without telemetry, or exit if it needs telemetry.
 *
 * @category errors
 * @since 0.1.0
 */
export class TelemetryApiError extends Schema.TaggedError<TelemetryApiError>(
  "@effect-lambda/extension/telemetry/TelemetryApiError"
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
