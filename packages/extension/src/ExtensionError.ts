/**
 * The two sides of failure. An extension reports to Lambda with an
 * {@link ErrorRequest}. A call to Lambda that did not work fails with an
 * {@link ExtensionsApiError}. The body of a refusal is an {@link ErrorResponse}.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { explainRefusal } from "./internal/api/explainRefusal.ts"

/**
 * Body of init/error and exit/error. Lambda also requires the error type as a
 * header, and reads nothing else of the report. Lambda keeps the type for
 * `platform.extension` records.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ErrorRequest = Schema.Struct({
  errorMessage: Schema.String,
  errorType: Schema.String,
  stackTrace: Schema.Array(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface ErrorRequest extends Schema.Schema.Type<typeof ErrorRequest> {}

const maxStackLines = 100

const errorName = (cause: Cause.Cause<unknown>): string => {
  const reason = cause.reasons.find((reason) => !Cause.isInterruptReason(reason)) ?? cause.reasons[0]
  if (reason === undefined) return "Empty"
  if (Cause.isInterruptReason(reason)) return "Interrupted"
  const error: unknown = Cause.isFailReason(reason) ? reason.error : reason.defect
  if (Predicate.hasProperty(error, "_tag") && Predicate.isString(error._tag)) return error._tag
  return Predicate.isError(error) && Predicate.isString(error.name) ? error.name : "UnknownError"
}

/**
 * Makes an {@link ErrorRequest} from any `Cause`: the messages of its failures,
 * a type `Extension.<Reason>` from the first error's tag or name, and the stack
 * as lines. `Redacted` values inside errors stay redacted.
 *
 * The type is `Extension.` followed by letters only, because managed instances
 * accept nothing else as the type of a fatal error.
 *
 * @category constructors
 * @since 0.1.0
 */
export const errorRequestFromCause = (cause: Cause.Cause<unknown>): ErrorRequest => {
  try {
    const letters = errorName(cause).replace(/[^A-Za-z]/g, "")
    const reason = letters.length > 1 ? letters.charAt(0).toUpperCase() + letters.slice(1) : "UnknownError"
    const messages = Cause.prettyErrors(cause).map((error) => error.message || error.name)
    return {
      errorMessage: messages.length === 0 ? "no failure was recorded" : messages.join("; "),
      errorType: `Extension.${reason}`,
      stackTrace: Cause.pretty(cause).split("\n").slice(0, maxStackLines)
    }
  } catch {
    // A getter or a `toJSON` of the user threw.
    return { errorMessage: "the failure cannot be printed", errorType: "Extension.UnknownError", stackTrace: [] }
  }
}

/**
 * The known error types in answers of Lambda; any other text is accepted.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ErrorType = Schema.Union([
  Schema.Literals([
    "Extension.InvalidExtensionName",
    "Extension.InvalidEventType",
    "Extension.InvalidExtensionState",
    "Extension.RegistrationClosed",
    "Extension.TooManyExtensions",
    "Extension.MissingExtensionIdentifier",
    "Extension.InvalidExtensionIdentifier",
    "Extension.UnknownExtensionIdentifier",
    "Extension.MissingHeader",
    "InvalidRequestFormat",
    "InternalServerError"
  ]),
  Schema.StringForLiteralAutocomplete
])

/**
 * @category models
 * @since 0.1.0
 */
export type ErrorType = typeof ErrorType.Type

/**
 * Body of a refusal. Lambda sends the two fields in either order, with or
 * without a newline at the end.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ErrorResponse = Schema.Struct({
  errorMessage: Schema.String,
  errorType: ErrorType
})

/**
 * @category models
 * @since 0.1.0
 */
export interface ErrorResponse extends Schema.Schema.Type<typeof ErrorResponse> {}

/**
 * Body of an accepted report: `{"status":"OK"}`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const StatusResponse = Schema.Struct({ status: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export interface StatusResponse extends Schema.Schema.Type<typeof StatusResponse> {}

const ReasonTypeId = "~@effect-lambda/extension/ExtensionsApiError/Reason"

const reasonId = <const Name extends string>(name: Name) =>
  `@effect-lambda/extension/ExtensionsApiError/${name}` as const

/** @internal */
export const causeText = (cause: unknown): string => {
  try {
    if (Predicate.hasProperty(cause, "message") && Predicate.isString(cause.message)) return cause.message
    return Predicate.isString(cause) ? cause : "the cause is unknown"
  } catch {
    return "the cause cannot be printed"
  }
}

/**
 * There was no answer: the connection was refused, reset, or closed during the
 * wait. After a parked next an event may be lost.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unreachable extends Schema.TaggedError<Unreachable>(reasonId("Unreachable"))("Unreachable", {
  url: Schema.String,
  cause: Schema.Defect()
}) {
  readonly [ReasonTypeId] = ReasonTypeId
  /** A later attempt may work. */
  readonly isRetryable = true
  override get message(): string {
    return `no answer from ${this.url}: ${causeText(this.cause)}. Inside Lambda this is rare; outside, check that the emulator runs.`
  }
}

/**
 * The request could not be formed, for example because a header value holds a
 * line break. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>(reasonId("InvalidRequest"))("InvalidRequest", {
  description: Schema.String,
  cause: Schema.Defect()
}) {
  readonly [ReasonTypeId] = ReasonTypeId
  /** The same request fails again. */
  readonly isRetryable = false
  override get message(): string {
    return `the request could not be sent: ${this.description}.`
  }
}

/**
 * Lambda refused the call and said why.
 *
 * @category errors
 * @since 0.1.0
 */
export class Rejected extends Schema.TaggedError<Rejected>(reasonId("Rejected"))("Rejected", {
  status: Schema.Int,
  errorType: ErrorType,
  errorMessage: Schema.String
}) {
  readonly [ReasonTypeId] = ReasonTypeId
  /** A refusal with a 5xx may be temporary, any other refusal is final. */
  get isRetryable(): boolean {
    return this.status >= 500
  }
  /**
   * Whether a poll was refused because an earlier poll, whose connection was lost, is still open on Lambda's side.
   */
  get isPollStanding(): boolean {
    return (
      this.errorType === "Extension.InvalidExtensionState" &&
      this.errorMessage.includes("State transition from Ready to Ready failed")
    )
  }
  override get message(): string {
    const hint = explainRefusal(this.errorType, this.errorMessage)
    return `refused with ${this.status} ${this.errorType}: ${this.errorMessage}.${hint === undefined ? "" : ` ${hint}`}`
  }
}

/**
 * A status that this operation never has, without a body that explains it, such
 * as 404 from something that is not Lambda, or 502 from a proxy.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnexpectedStatus extends Schema.TaggedError<UnexpectedStatus>(reasonId("UnexpectedStatus"))(
  "UnexpectedStatus",
  {
    status: Schema.Int,
    /** The beginning of the body. */
    body: Schema.String
  }
) {
  readonly [ReasonTypeId] = ReasonTypeId
  /** A 5xx may be temporary. */
  get isRetryable(): boolean {
    return this.status >= 500
  }
  override get message(): string {
    const body = this.body === "" ? "an empty body" : `the body ${JSON.stringify(this.body)}`
    return (
      `unexpected status ${this.status} with ${body}. ` +
      "Check that AWS_LAMBDA_RUNTIME_API names Lambda's own address, without a proxy in between, and that extensions are not switched off."
    )
  }
}

/**
 * The status was right, but the answer was not: the body is not the promised
 * JSON, or a header is missing.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidResponse extends Schema.TaggedError<InvalidResponse>(reasonId("InvalidResponse"))(
  "InvalidResponse",
  {
    description: Schema.String,
    /** The beginning of the body. */
    body: Schema.String
  }
) {
  readonly [ReasonTypeId] = ReasonTypeId
  /** The answer cannot be read again; the same call gives another answer. */
  readonly isRetryable = false
  override get message(): string {
    return `the answer could not be understood (${this.description}); it began with ${JSON.stringify(this.body)}.`
  }
}

/**
 * Everything that can be wrong with a call.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ExtensionsApiErrorReason: Schema.Union<
  [typeof Unreachable, typeof InvalidRequest, typeof Rejected, typeof UnexpectedStatus, typeof InvalidResponse]
> = Schema.Union([Unreachable, InvalidRequest, Rejected, UnexpectedStatus, InvalidResponse])

/**
 * @category models
 * @since 0.1.0
 */
export type ExtensionsApiErrorReason = typeof ExtensionsApiErrorReason.Type

/**
 * A call to the Extensions API failed: `method` names the call, and `reason`
 * says why. Catch single reasons with `Effect.catchReason`.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExtensionsApiError extends Schema.TaggedError<ExtensionsApiError>(
  "@effect-lambda/extension/ExtensionsApiError"
)("ExtensionsApiError", {
  method: Schema.Literals(["register", "nextEvent", "initError", "exitError"]),
  reason: ExtensionsApiErrorReason
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

const decodeErrorResponse = Schema.decodeUnknownOption(Schema.fromJsonString(ErrorResponse))

/**
 * Enough of a body to recognise it in a log, never all of it.
 *
 * @internal
 */
export const bodyExcerpt = (body: string): string => (body.length > 200 ? `${body.slice(0, 200)}…` : body)

/**
 * The reason why an answer with this status and body is not a success:
 * {@link Rejected} if the body says so itself, otherwise
 * {@link UnexpectedStatus} with the text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reasonFromResponse = (status: number, body: string): Rejected | UnexpectedStatus =>
  Option.match(decodeErrorResponse(body), {
    onNone: () => new UnexpectedStatus({ status, body: bodyExcerpt(body) }),
    onSome: ({ errorMessage, errorType }) => new Rejected({ status, errorType, errorMessage })
  })
