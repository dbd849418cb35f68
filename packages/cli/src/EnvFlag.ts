/**
 * `--env KEY=VALUE`: variables, whose values may be empty. `Flag.KeyValuePair` refuses empty values. A name that no
 * variable can have is refused later, in a sentence without the value.
 */
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"

export const make = (description: string) =>
  Flag.String("env").pipe(
    Flag.withMetavar("KEY=VALUE"),
    Flag.withDescription(`${description}; may be given several times`),
    Flag.filterMap(
      (text) => Option.fromNullOr(/^([^=]*)=(.*)$/s.exec(text)),
      () => "KEY=VALUE"
    ),
    Flag.atLeast(0),
    Flag.map((matches) => Object.fromEntries(matches.map(([, key = "", value = ""]) => [key, value])))
  )
