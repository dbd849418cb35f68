/**
 * Keeps secrets and noise in the environment: {@link redact} masks and removes parts of a record, {@link filter} drops whole
 * records.
 * Both are pure, and both come before the mapping. They concern logs, records that could not be decoded, and events of unknown
 * types. The events of Lambda itself, from which spans and metrics are made, pass as they are.
 *
 * Telemetry that the function's SDK sends is forwarded as it came: redact that in the SDK.
 *
 * @since 0.1.0
 */
import * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import * as Predicate from "effect/Predicate"
import { withoutBigints } from "./internal/anyValue.ts"
import { jsonOf, originalOf, valueOf } from "./internal/logValue.ts"

/**
 * Expressions for secrets that are often logged by mistake. The time of each grows as the text does.
 *
 * - `awsAccessKeyId`: `AKIA…`, `ASIA…`
 * - `bearer`: a token after `Bearer` or `Basic`
 * - `cardNumber`: 13 to 19 digits, also in groups; other numbers of that length as well, such as nanoseconds in a text
 * - `email`: an address
 * - `jwt`: a signed JSON Web Token
 *
 * @category constants
 * @since 0.1.0
 */
export const patterns = {
  awsAccessKeyId: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/,
  bearer: /(?<=\b(?:Bearer|Basic) )[\w.~+/=-]{8,}/i,
  cardNumber: /\b\d(?:[ -]?\d){12,18}\b/,
  email: /(?<![\w.%+-])[\w.%+-]+@[\w-]+(?:\.[\w-]+)+/,
  jwt: /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/
}

/**
 * Names of fields, in upper or lower case: a field's own name (`password`), or its path from the top of the record
 * (`user.email`). A `*` is any number of characters: `*token*`. Of a path above a field that is longer than 512 characters,
 * only the first and the last 256 count.
 *
 * @category models
 * @since 0.1.0
 */
export type Names = ReadonlyArray<string>

/**
 * The parts of a record that are masked and removed.
 *
 * - `mask`: fields whose value, of any type, becomes `replacement`
 * - `remove`: fields that are left out
 * - `patterns`: what becomes `replacement` inside every text, plain lines and values of fields
 * - `replacement`: `[REDACTED]` by default
 *
 * @category models
 * @since 0.1.0
 */
export interface RedactOptions {
  readonly mask?: Names | undefined
  readonly remove?: Names | undefined
  readonly patterns?: ReadonlyArray<RegExp> | undefined
  readonly replacement?: string | undefined
}

/**
 * Masks and removes parts of records. A record with nothing to redact is the very same event. A line of text that is a JSON
 * object or list is redacted as such, and so is one at the end of a text: Node writes a time, an id and a level before it. Up to
 * 15 other braces and brackets of JSON may be before it as well, and any words in braces. Integers beyond 2^53 of a record that is
 * changed are of the type `bigint`, so that `Logs.of` has all their digits.
 *
 * @category constructors
 * @since 0.1.0
 */
export const redact = (
  options: RedactOptions
): ((event: TelemetryEvent.TelemetryEvent) => TelemetryEvent.TelemetryEvent) => {
  const change = makeChange(options)
  return (event) => {
    switch (event.type) {
      case "function":
      case "extension": {
        const value = valueOf(event)
        const record = change(value)
        return record === value ? event : { ...event, record }
      }
      case "undecodable": {
        const value = originalOf(event)
        const original = change(value)
        return original === value ? event : { ...event, original }
      }
      case "unknown": {
        const value = originalOf(event)
        const original = change(value)
        if (original === value || !Predicate.isObject(original)) return event
        return { ...event, original: { ...original, type: event.original.type } }
      }
      default:
        return event
    }
  }
}

// Each costs as much as to read the rest of the text, and a user of the function may have written it.
const mostTries = 16

/** A change of values that gives the very same value if there is nothing to change. */
const makeChange = ({ mask = [], patterns = [], remove = [], replacement = "[REDACTED]" }: RedactOptions) => {
  const isMasked = makeNames(mask)
  const isRemoved = makeNames(remove)
  const expressions = patterns.map((pattern) => everywhere(pattern))
  const hasNames = mask.length + remove.length > 0
  /** Changes the JSON object or list at the end of a text. What is before it may be words in braces, such as `/users/{id}`. */
  const changeJson = (text: string): string => {
    if (!hasNames || !/[}\]]\s*$/.test(text)) return text
    let tries = 0
    for (const { index } of text.matchAll(/[{[](?=\s*(["{}[\]\d-]|true|false|null))/g)) {
      if (tries++ === mostTries) break
      const value = jsonOf(text.slice(index))
      if (value === undefined) continue
      const changed = change(value, "")
      return changed === value ? text : text.slice(0, index) + JSON.stringify(changed, withoutBigints)
    }
    return text
  }
  const changeText = (given: string) =>
    expressions.reduce((text, expression) => text.replace(expression, () => replacement), changeJson(given))
  const change = (value: unknown, path: string): unknown => {
    if (typeof value === "string") return changeText(value)
    if (Array.isArray(value)) {
      const items = value.map((item) => change(item, path))
      return items.some((item, index) => item !== value[index]) ? items : value
    }
    if (!Predicate.isObject(value)) return value
    const before = Object.entries(value)
    const prefix = prefixOf(path)
    const after = before.flatMap(([name, inner]): Array<[string, unknown]> => {
      const place = prefix + name
      if (isRemoved(name, place)) return []
      return [[name, isMasked(name, place) ? replacement : change(inner, place)]]
    })
    const isSame = before.length === after.length && before.every(([, inner], index) => inner === after[index]?.[1])
    return isSame ? value : Object.fromEntries(after)
  }
  return (value: unknown) => change(value, "")
}

/**
 * Which records are kept. A record has to meet every condition.
 *
 * - `minimumSeverity`: `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`. A record without a level is kept
 * - `excludeTypes`: `function` or `extension`
 * - `excludeNames`: a record with such a field is dropped
 * - `excludePatterns`: a record whose text has such a part is dropped; the text of a JSON record is its JSON
 *
 * @category models
 * @since 0.1.0
 */
export interface FilterOptions {
  readonly minimumSeverity?: TelemetryEvent.Severity | undefined
  readonly excludeTypes?: ReadonlyArray<"function" | "extension"> | undefined
  readonly excludeNames?: Names | undefined
  readonly excludePatterns?: ReadonlyArray<RegExp> | undefined
}

const severities = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]

/**
 * Whether a record is kept. Everything but the logs of the function and of extensions is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const filter = (options: FilterOptions): ((event: TelemetryEvent.TelemetryEvent) => boolean) => {
  const least = severities.indexOf(options.minimumSeverity ?? "TRACE")
  const types: ReadonlyArray<string> = options.excludeTypes ?? []
  const names = options.excludeNames ?? []
  const isExcluded = makeNames(names)
  const expressions = (options.excludePatterns ?? []).map(everywhere)
  return (event) => {
    if (event.type !== "function" && event.type !== "extension") return true
    if (types.includes(event.type)) return false
    const severity = severities.indexOf(TelemetryEvent.severity(event) ?? "")
    if (severity !== -1 && severity < least) return false
    if (names.length > 0 && hasName(valueOf(event), isExcluded, "")) return false
    if (expressions.length === 0) return true
    const text = TelemetryEvent.text(event) ?? ""
    return expressions.every((expression) => text.search(expression) === -1)
  }
}

const longestEnd = 256

/** The beginning of the paths of an object's fields. With a bound: each field of an object has the path of the object in its own. */
const prefixOf = (path: string): string => {
  if (path === "") return ""
  return path.length <= 2 * longestEnd ? `${path}.` : `${path.slice(0, longestEnd)}…${path.slice(-longestEnd)}.`
}

type IsNamed = (name: string, path: string) => boolean

const hasName = (value: unknown, isNamed: IsNamed, path: string): boolean => {
  if (Array.isArray(value)) return value.some((item) => hasName(item, isNamed, path))
  if (!Predicate.isObject(value)) return false
  const prefix = prefixOf(path)
  return Object.entries(value).some(([name, inner]) => {
    const place = prefix + name
    return isNamed(name, place) || hasName(inner, isNamed, place)
  })
}

/** The expression for all places of a text. A copy, since an expression keeps the place where it found something. */
const everywhere = ({ flags, source }: RegExp) => new RegExp(source, `${flags.replace(/[gy]/g, "")}g`)

const makeNames = (names: Names): IsNamed => {
  const exact = new Set(names.map((name) => name.toLowerCase()).filter((name) => !name.includes("*")))
  const wildcards = names.filter((name) => name.includes("*")).map((name) => name.toLowerCase().split("*"))
  const isNamed = (name: string) => exact.has(name) || wildcards.some((parts) => isLike(name, parts))
  return (name, path) => isNamed(name.toLowerCase()) || (path !== name && isNamed(path.toLowerCase()))
}

/** Whether a name begins with the first part, ends with the last one, and has the others in their order between them. */
const isLike = (name: string, parts: ReadonlyArray<string>): boolean => {
  const first = parts[0] ?? ""
  const last = parts.at(-1) ?? ""
  if (!name.startsWith(first)) return false
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}
