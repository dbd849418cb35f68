/** An error that a person can mend: one sentence, shown without a stack trace. The exit code is 1, or what the command has set. */
import * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"

export const make = (message: string) => new CliError.UserError({ cause: message })

export const fail = (message: string) => Effect.fail(make(message))

/** The message of a thrown value. */
export const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
