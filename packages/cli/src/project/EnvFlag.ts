/**
 * `--env KEY=VALUE`: variables, whose values may be empty. `Flag.KeyValuePair` refuses empty values. A name that no
 * variable can have is refused later, in a sentence without the value.
 */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as UserError from "../shared/UserError.ts"

const pairs = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
  const found: Array<readonly [string, string]> = []
  for (const text of texts) {
    const at = text.indexOf("=")
    // The text may be a secret whose name was forgotten.
    if (at === -1) return yield* UserError.fail("--env takes KEY=VALUE, and one of its values has no =")
    found.push([text.slice(0, at), text.slice(at + 1)])
  }
  return Object.fromEntries(found)
})

export const make = (description: string) =>
  Flag.String("env").pipe(
    Flag.withMetavar("KEY=VALUE"),
    Flag.withDescription(`${description}; may be given several times`),
    Flag.atLeast(0),
    Flag.mapEffect(pairs)
  )
