/** Variables of the environment, and the parsing of lists among them. A failure has the name of its variable and no value. */
import * as ExtensionsProtocol from "@effect-lambda/extension/ExtensionsProtocol"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/**
 * A variable is missing or has a value that cannot be. The message names the variable, and never says a value that may be
 * secret.
 *
 * @category errors
 * @since 0.1.0
 */
export class OtelConfigError extends Schema.TaggedError<OtelConfigError>("@effect-lambda/otel/OtelConfigError")(
  "OtelConfigError",
  { variable: Schema.String, message: Schema.String }
) {}

/** A variable that is set. */
export interface Variable {
  readonly name: string
  readonly value: string
}

/**
 * An empty variable is one that is not set, as OpenTelemetry says. There are dozens of them, so none takes the way of `Config`
 * through a schema: that was a tenth of the CPU of a start.
 */
export const variable = (name: string): Effect.Effect<Variable | undefined, ConfigProvider.SourceError> =>
  Effect.flatMap(ConfigProvider.ConfigProvider, (provider) =>
    Effect.mapEager(provider.load([name]), (node) => {
      const value = (node?.value ?? "").trim()
      return value === "" ? undefined : { name, value }
    })
  )

/** The first of these variables that is set. */
export const firstOf = Effect.fnUntraced(function* (...names: ReadonlyArray<string>) {
  for (const name of names) {
    const found = yield* variable(name)
    if (found !== undefined) return found
  }
  return undefined
})

/** @param problem an end of a sentence about the variable */
export const wrong = (name: string, problem: string) =>
  new OtelConfigError({ variable: name, message: `the variable ${name} ${problem}` })

/** The value of a variable that takes these, in upper or lower case. */
export const oneOf = <const Value extends string>(
  { name, value }: Variable,
  values: ReadonlyArray<Value>
): Effect.Effect<Value, OtelConfigError> => {
  const found = values.find((each) => each === value.toLowerCase())
  return found === undefined
    ? Effect.fail(wrong(name, `has a value that is none of ${values.join(", ")}`))
    : Effect.succeed(found)
}

/** A whole number within bounds. */
export const integer = (
  { name, value }: Variable,
  { maximum, minimum, unit = "" }: { readonly minimum: number; readonly maximum: number; readonly unit?: string }
): Effect.Effect<number, OtelConfigError> => {
  const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
  return number >= minimum && number <= maximum
    ? Effect.succeed(number)
    : Effect.fail(wrong(name, `is not a whole number from ${minimum} to ${maximum}${unit}`))
}

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** `name=value,name=value`, each percent-encoded, as OpenTelemetry writes headers and attributes. */
export const pairs = ({ name, value }: Variable): Effect.Effect<ReadonlyMap<string, string>, OtelConfigError> => {
  const found = new Map<string, string>()
  const entries = value.split(",")
  for (const [index, entry] of entries.entries()) {
    if (entry.trim() === "") continue
    const equals = entry.indexOf("=")
    const which = entries.length === 1 ? "has a value" : `has an entry, number ${index + 1},`
    if (equals < 1) return Effect.fail(wrong(name, `${which} that is not name=value`))
    const key = decoded(entry.slice(0, equals).trim())
    const text = decoded(entry.slice(equals + 1).trim())
    if (key === undefined || text === undefined) {
      return Effect.fail(wrong(name, `${which} with a % that two hexadecimal digits do not follow: write %25`))
    }
    if (key === "") return Effect.fail(wrong(name, `${which} that is not name=value`))
    found.set(key, text)
  }
  return Effect.succeed(found)
}

/** Headers of requests: names in lower case, values secret. */
export const headers = (
  given: Variable
): Effect.Effect<Readonly<Record<string, Redacted.Redacted<string>>>, OtelConfigError> =>
  Effect.flatMap(pairs(given), (entries) => {
    const wrongAt = [...entries].findIndex(
      ([key, value]) => !ExtensionsProtocol.isToken(key) || !ExtensionsProtocol.isFieldValue(value)
    )
    if (wrongAt !== -1) {
      return Effect.fail(
        wrong(
          given.name,
          `has an entry, number ${wrongAt + 1}, with a character that no header has, such as a line break`
        )
      )
    }
    return Effect.succeed(
      Object.fromEntries([...entries].map(([key, value]) => [key.toLowerCase(), Redacted.make(value)]))
    )
  })
