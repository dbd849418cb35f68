/**
 * The content of a log: plain text, or the value of its JSON. Integers beyond 2^53, which `JSON.parse` rounds, are of the
 * type `bigint` with all their digits.
 */
import * as TelemetryEvent from "@effect-lambda/extension/telemetry/TelemetryEvent"
import * as Predicate from "effect/Predicate"

// TypeScript does not declare the third argument of a reviver yet: it has the text of the value.
declare const JSON: {
  readonly parse: (
    text: string,
    reviver?: (name: string, value: unknown, context: { readonly source?: string }) => unknown
  ) => unknown
}

const exact = (_: string, value: unknown, { source }: { readonly source?: string }): unknown =>
  typeof value !== "number" || Number.isSafeInteger(value) || source === undefined || !/^-?\d+$/.test(source)
    ? value
    : BigInt(source)

const parse = (text: string, reviver?: typeof exact): unknown => {
  try {
    return JSON.parse(text, reviver)
  } catch {
    return undefined
  }
}

// The receiver of records has the same bound. A line of text can hold JSON of any depth.
const deepest = 1000

const lineFeed = 0x0a
const carriageReturn = 0x0d
const openBrace = 0x7b

/** A line without its line break. */
const withoutBreak = (line: string): string => {
  const last = line.length - 1
  if (line.charCodeAt(last) !== lineFeed) return line
  return line.slice(0, line.charCodeAt(last - 1) === carriageReturn ? last - 1 : last)
}

/** Whether a line may be an object of JSON; nearly every other line begins with a digit or a letter. */
const mayBeObject = (line: string): boolean => {
  const first = line.charCodeAt(0)
  return first === openBrace || ((first <= 0x20 || first > 0x7f) && /^\s*\{/.test(line))
}

const isNestedDeeper = (value: unknown, levels: number): boolean => {
  if (!Predicate.isObjectOrArray(value)) return false
  return levels === 0 || Object.values(value).some((inner) => isNestedDeeper(inner, levels - 1))
}

const mayBeRounded = (value: unknown): boolean => {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value)
  if (Array.isArray(value)) return value.some(mayBeRounded)
  if (!Predicate.isObject(value)) return false
  // The loop is faster than a list of the values, and a value of `JSON.parse` has no inherited fields.
  for (const name in value) if (mayBeRounded(value[name])) return true
  return false
}

/** The value with all digits. A reviver takes seven times as long as a parse without one, and few records need it. */
const withDigits = (value: unknown, text: () => string | undefined): unknown => {
  if (!mayBeRounded(value)) return value
  const written = text()
  return written === undefined ? value : (parse(written, exact) ?? value)
}

/** The value of a text that is JSON; `undefined` if it is none, or nested too deep. */
export const jsonOf = (text: string): unknown => {
  const value = parse(text)
  return value === undefined || isNestedDeeper(value, deepest) ? undefined : withDigits(value, () => text)
}

type Log = Extract<TelemetryEvent.TelemetryEvent, { readonly type: "function" | "extension" }>

/** A line of plain text without its line break: the value of a log that cannot be JSON. */
export const lineOf = ({ record }: Log): string | undefined => {
  if (typeof record !== "string") return undefined
  const line = withoutBreak(record)
  return mayBeObject(line) ? undefined : line
}

/** A text without the line break at its end, or the value of a log that is JSON: as a record, or an object as a line of text. */
export const valueOf = (event: Log): unknown => {
  const { record } = event
  if (typeof record !== "string") return withDigits(record, () => TelemetryEvent.text(event))
  const line = withoutBreak(record)
  return mayBeObject(line) ? (jsonOf(line) ?? line) : line
}

/** The original of an event that is kept whole. */
export const originalOf = (event: TelemetryEvent.UnknownEvent | TelemetryEvent.Undecodable): unknown => {
  const whole = withDigits(event.original, () => TelemetryEvent.toJson(event))
  return event.type === "undecodable" && whole !== event.original && Predicate.hasProperty(whole, "original")
    ? whole.original
    : whole
}
