/** The errors that processes report to Lambda, as the summary of a run tells them. */
import type { EntryOf } from "@effect-lambda/emulator/Journal"
import * as LogLine from "@effect-lambda/emulator/LogLine"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ errorMessage: Schema.String })))

const longestMessage = 500

/** The message in the body of a report, behind a colon; empty without a message. */
export const messageOf = ({ body }: EntryOf<"ErrorReported">): string =>
  Option.match(decode(body), { onNone: () => "", onSome: ({ errorMessage }) => `: ${errorMessage}` })

/** The error of an extension: its type, the route of its report, and its message. */
export const describe = (entry: EntryOf<"ErrorReported">): string => {
  const said = messageOf(entry).slice(2)
  return `${entry.errorType} to ${entry.route}${said === "" ? "" : ` (${LogLine.shortened(said, longestMessage)})`}`
}
