/**
 * The events that `@effect-lambda/extension` marks in its log by the annotation `event.name`. The CLI reads them instead of
 * the words, which are for people.
 */
import type * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** A count that only the report shows, and that an older line may lack. */
const CountOrNone = Count.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0)))

const Accounting = Schema.Struct({
  received: CountOrNone,
  undecodable: Count,
  droppedByLambda: Schema.Struct({ records: Count }),
  consumers: Schema.Array(
    Schema.Struct({
      offered: CountOrNone,
      delivered: CountOrNone,
      droppedByQueue: Count,
      droppedBySink: Count,
      waiting: CountOrNone,
      unsent: Count
    })
  )
})

/**
 * The counts of the records of an extension, and of those that it lost.
 *
 * @category models
 * @since 0.1.0
 */
export type Accounting = typeof Accounting.Type

const LogEvent = Schema.Union([
  Schema.Struct({
    "event.name": Schema.Literal("lambda_extension.idle"),
    phase: Schema.Literals(["init", "invoke", "background"])
  }),
  Schema.Struct({ "event.name": Schema.Literal("lambda_extension.abandoned") }),
  Schema.Struct({ "event.name": Schema.Literal("lambda_extension.events_unknown") }),
  Schema.Struct({
    "event.name": Schema.Literal("lambda_extension.described"),
    onInitFailure: Schema.optionalKey(Schema.Literals(["idle", "exit"])),
    telemetryPort: Schema.optionalKey(Schema.Literals(["any", "fixed"]))
  }),
  Schema.Struct({
    "event.name": Schema.Literal("lambda_extension.telemetry_accounting"),
    accounting: Accounting
  })
])

/**
 * An event, by its name:
 *
 * - `lambda_extension.idle`: the extension does nothing from now on, since `phase` failed
 * - `lambda_extension.abandoned`: a handler, background work or a finalizer was not done in time
 * - `lambda_extension.events_unknown`: the program failed before it could say which events it needs
 * - `lambda_extension.described`: in the trial run of a build, what the program is
 * - `lambda_extension.telemetry_accounting`: what became of the telemetry records, at the end of an environment
 *
 * @category models
 * @since 0.1.0
 */
export type LogEvent = typeof LogEvent.Type

const decode = Schema.decodeUnknownOption(LogEvent)

/**
 * The event that a line is marked with; `undefined` for any other line.
 *
 * @category accessors
 * @since 0.1.0
 */
export const of = ({ annotations }: LogLine.LogLine): LogEvent | undefined => Option.getOrUndefined(decode(annotations))
