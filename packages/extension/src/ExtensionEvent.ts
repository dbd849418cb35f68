/**
 * The answers of `GET event/next`: {@link InvokeEvent}, {@link ShutdownEvent},
 * or an {@link UnknownEvent} that a later Lambda may send.
 *
 * Known events are decoded strictly, unknown events are kept whole: a new event
 * type must never stop an extension that is already deployed.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"

/**
 * The events an extension can register for.
 *
 * @category schemas
 * @since 0.1.0
 */
export const EventType = Schema.Literals(["INVOKE", "SHUTDOWN"])

/**
 * @category models
 * @since 0.1.0
 */
export type EventType = typeof EventType.Type

const knownReasons = ["spindown", "timeout", "failure"] as const

const isKnownReason = (reason: string): reason is (typeof knownReasons)[number] =>
  knownReasons.some((known) => known === reason)

const OtherReason = Schema.StringForLiteralAutocomplete.check(
  Schema.makeFilter((reason) => !isKnownReason(reason.toLowerCase()), {
    expected: "a reason other than the known ones"
  })
)

/**
 * Why the execution environment ends: `spindown`, `timeout`, `failure`, or any
 * other text, kept as it came.
 *
 * The known reasons are recognised in upper and lower case: AWS's page prints
 * them in upper case, the service sends lower case, and AWS's local emulator
 * sends `Timeout`, `ReleaseFail` and `SandboxTerminated`. A value that is not
 * text becomes `""`: a SHUTDOWN must be recognised whatever its reason.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ShutdownReason = Schema.Unknown.pipe(
  Schema.decodeTo(
    Schema.Union([Schema.Literals(knownReasons), OtherReason]),
    SchemaTransformation.transform({
      decode: (reason) => {
        if (typeof reason !== "string") return ""
        const lower = reason.toLowerCase()
        return isKnownReason(lower) ? lower : reason
      },
      encode: (reason) => reason
    })
  )
)

/**
 * @category models
 * @since 0.1.0
 */
export type ShutdownReason = typeof ShutdownReason.Type

/**
 * The X-Ray trace header of an invocation.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Tracing = Schema.Struct({
  type: Schema.String,
  value: Schema.String
})

/**
 * @category models
 * @since 0.1.0
 */
export type Tracing = typeof Tracing.Type

// A value that is not a number becomes 0, which `Deadline.fromEvent` replaces: the event matters more than its deadline.
const DeadlineMs = Schema.Unknown.pipe(
  Schema.decodeTo(
    Schema.Finite,
    SchemaTransformation.transform({
      decode: (value) => (typeof value === "number" && Number.isFinite(value) ? value : 0),
      encode: (value) => value
    })
  ),
  Schema.withDecodingDefaultKey(Effect.succeed(0))
)

/**
 * An invocation has begun. The function's payload is never part of it.
 *
 * - `deadlineMs`: when the function times out, Unix epoch milliseconds
 * - `requestId`: the id the function sees as `awsRequestId`
 * - `invokedFunctionArn`: may end in an alias or a version
 * - `tracing`: absent when the invocation has no trace header, and in AWS's
 *   local emulator
 *
 * @category schemas
 * @since 0.1.0
 */
export const InvokeEvent = Schema.Struct({
  eventType: Schema.tag("INVOKE"),
  deadlineMs: DeadlineMs,
  requestId: Schema.String,
  invokedFunctionArn: Schema.String,
  tracing: Schema.optionalKey(Tracing)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface InvokeEvent extends Schema.Schema.Type<typeof InvokeEvent> {}

/**
 * The execution environment ends. The extension must exit by itself before
 * `deadlineMs` (Unix epoch milliseconds, about two seconds ahead), and must not
 * call next again.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ShutdownEvent = Schema.Struct({
  eventType: Schema.tag("SHUTDOWN"),
  deadlineMs: DeadlineMs,
  shutdownReason: ShutdownReason.pipe(Schema.withDecodingDefaultKey(Effect.succeed("")))
})

/**
 * @category models
 * @since 0.1.0
 */
export interface ShutdownEvent extends Schema.Schema.Type<typeof ShutdownEvent> {}

const UnknownPayload = Schema.StructWithRest(
  Schema.Struct({
    eventType: Schema.String.check(
      // A malformed INVOKE or SHUTDOWN must fail as such, not pass as a new type of event.
      Schema.makeFilter((type) => type !== "INVOKE" && type !== "SHUTDOWN", {
        expected: "an event type other than INVOKE and SHUTDOWN"
      })
    )
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

/**
 * An event of a type that this library does not know yet. `payload` has
 * everything that Lambda sent, with the type in `payload.eventType`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const UnknownEvent = UnknownPayload.pipe(
  Schema.decodeTo(
    Schema.Struct({ eventType: Schema.tag("UNKNOWN"), payload: Schema.toType(UnknownPayload) }),
    SchemaTransformation.transform({
      decode: (payload) => ({ eventType: "UNKNOWN" as const, payload }),
      encode: ({ payload }) => payload
    })
  )
)

/**
 * @category models
 * @since 0.1.0
 */
export type UnknownEvent = typeof UnknownEvent.Type

/**
 * Any event, distinguished by `eventType`: `"INVOKE"`, `"SHUTDOWN"`, or
 * `"UNKNOWN"` for everything else.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ExtensionEvent = Schema.Union([InvokeEvent, ShutdownEvent, UnknownEvent])

/**
 * @category models
 * @since 0.1.0
 */
export type ExtensionEvent = InvokeEvent | ShutdownEvent | UnknownEvent

/**
 * Decodes the body of a next answer. Lambda sends SHUTDOWN as `text/plain`, so
 * the body is read as JSON whatever its content type says.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(ExtensionEvent))
