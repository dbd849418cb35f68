/** What a person did who cannot go on: one sentence, shown without a stack trace, and exit code 1. */
import * as CliError from "effect/cli/CliError"
import * as Effect from "effect/Effect"

export const make = (message: string) => new CliError.UserError({ cause: message })

export const fail = (message: string) => Effect.fail(make(message))

/** What was thrown, in words. */
export const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
