/**
 * Markup that cannot hold markup of others: a template that escapes each value that is no {@link Html}.
 *
 * @since 0.1.0
 */
import * as LogLine from "@effect-lambda/emulator/LogLine"

/**
 * Markup that `html` has made.
 *
 * @category models
 * @since 0.1.0
 */
export class Html {
  /** The markup as text. */
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/**
 * A value in a template; an array stands there without separators, `undefined` as nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Value = string | number | Html | undefined | ReadonlyArray<Html>

/**
 * Text of a process as people may see it. Control and directional characters become escapes: they could hide a part of
 * it, or show another order than there is. A lone surrogate becomes U+FFFD, which UTF-8 can hold.
 *
 * @category rendering
 * @since 0.1.0
 */
export const visible = (text: string): string => (/[^\t\n\x20-\x7e]/.test(text) ? allVisible(text) : text)

const allVisible = (text: string): string => text.toWellFormed().split("\n").map(LogLine.printable).join("\n")

const english = new Intl.NumberFormat("en")

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/**
 * Text that is safe between tags and in an attribute with quotes.
 *
 * @category rendering
 * @since 0.1.0
 */
export const escape = (text: string): string =>
  visible(text).replace(/[&<>"']/g, (character) => entities[character] ?? "")

const render = (value: Value): string => {
  if (value === undefined) return ""
  if (value instanceof Html) return value.text
  if (typeof value === "string") return escape(value)
  if (typeof value === "number") return String(value)
  return value.map(({ text }) => text).join("")
}

/**
 * Makes markup of a template.
 *
 * @category constructors
 * @since 0.1.0
 */
export const html = (strings: TemplateStringsArray, ...values: ReadonlyArray<Value>): Html =>
  new Html(strings.map((text, index) => text + render(values[index])).join(""))

/**
 * Data for a script element: no text in it can end the element or begin a comment.
 *
 * @category rendering
 * @since 0.1.0
 */
export const json = (data: unknown): string => JSON.stringify(data).replaceAll("<", "\\u003c")

/**
 * The beginning of a text, and how much of it is left out.
 *
 * @category rendering
 * @since 0.1.0
 */
export const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length)} … and ${count(text.length - length, "character")} more`

/**
 * A number with the noun that it counts.
 *
 * @category rendering
 * @since 0.1.0
 */
export const count = (number: number, noun: string): string => `${digits(number)} ${noun}${number === 1 ? "" : "s"}`

/**
 * A number with a comma between thousands.
 *
 * @category rendering
 * @since 0.1.0
 */
export const digits = (number: number): string => english.format(number)

/**
 * A duration, in milliseconds or, from ten seconds on, in seconds.
 *
 * @category rendering
 * @since 0.1.0
 */
export const duration = (millis: number): string =>
  millis < 10_000 ? `${digits(millis)} ms` : `${digits(Math.floor(millis / 1000))}${tenths(millis)} s`

/**
 * A time since the start of the run, to the millisecond.
 *
 * @category rendering
 * @since 0.1.0
 */
export const moment = (millis: number): string => `${digits(millis)} ms`

const tenths = (millis: number): string => {
  const tenth = Math.floor((millis % 1000) / 100)
  return tenth === 0 ? "" : `.${tenth}`
}
