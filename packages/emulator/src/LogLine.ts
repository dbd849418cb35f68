/**
 * Shows people the output of a process: a line of a JSON logger as level, message and cause, control characters as
 * escapes.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { isDeeperThan } from "./internal/wire/JsonDepth.ts"

/**
 * A line of a JSON logger.
 *
 * @category models
 * @since 0.1.0
 */
export interface LogLine {
  /** Such as `ERROR`; `undefined` if the line has no level, or a number for it. */
  readonly level: string | undefined
  /** A single line: the message, and {@link LogLine.why} behind it. */
  readonly text: string
  /** The first error of its `cause` that says more than the message; empty if there is none. */
  readonly why: string
  /** The annotations that Effect's logger writes beside the message; `undefined` without them. */
  readonly annotations: unknown
}

const JsonLine = Schema.Struct({
  level: Schema.optionalKey(Schema.Unknown),
  message: Schema.Unknown,
  cause: Schema.optionalKey(Schema.Unknown),
  annotations: Schema.optionalKey(Schema.Unknown)
})

const decodeLine = Schema.decodeUnknownOption(Schema.fromJsonString(JsonLine))

const longestCause = 500

/** So many errors of a cause are looked at, and so much of the message: each is searched in the message. */
const mostErrors = 20
const longestMessage = 2000

/**
 * The beginning of a text.
 *
 * @category rendering
 * @since 0.1.0
 */
export const shortened = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length)}…`

/**
 * Shows control characters as their escapes. A control character of a process may wipe the table or set the title of
 * the terminal, and a directional one may show another name than there is.
 *
 * @category rendering
 * @since 0.1.0
 */
export const printable = (text: string): string =>
  text.replace(/(?!\t)[\p{Cc}\p{Bidi_Control}]/gu, (character) => {
    const code = character.charCodeAt(0)
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
  })

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim()

/** Without the brackets at its end that Node prints around the next cause. */
const withoutBrackets = (words: string): string => {
  const trimmed = words.trimEnd()
  if (trimmed.length < words.length && trimmed.endsWith(" {")) return trimmed.slice(0, -2)
  const lines = words.split("\n")
  while (lines.length > 1 && lines.at(-1)?.trimStart() === "}") lines.pop()
  return lines.join("\n")
}

/**
 * The errors of a printed cause, outermost first, each without its stack and the brackets around the next one. No more of an
 * error is needed than shows that it is too long.
 */
const errorsOf = (cause: string): ReadonlyArray<string> =>
  cause.split("[cause]: ", mostErrors).map((part, depth) => {
    // The width of the indent decides, since a message may have lines that begin with "at", too.
    const [words = ""] = part.split(`\n${" ".repeat(4 + 2 * depth)}at `, 1)
    return oneLine(withoutBrackets(words))
      .replace(/:$/, "")
      .slice(0, longestCause + 1)
  })

/** An error often repeats the logged message under another name, or has no words but its name. */
const whyOf = (what: string, cause: string): string => {
  const errors = errorsOf(cause)
  const message = oneLine(what.slice(0, longestMessage))
  const wordsOf = (error: string) => error.replace(/^[^\s:]+(?:: |$)/, "")
  // The words have to be a whole part: a short text is easily part of another word or sentence.
  const isSaid = (error: string, words: string) =>
    (error.length > longestCause ? [""] : [":", ";", ",", "."]).some((end) =>
      `: ${message};`.includes(`: ${words}${end}`)
    )
  return (
    errors.find((error) => wordsOf(error) !== "" && !isSaid(error, wordsOf(error))) ??
    errors.find((error) => wordsOf(error) === "" && !isSaid(error, error)) ??
    ""
  )
}

// `JSON.stringify` overflows the stack at some thousand levels.
const deepest = 1000

const readJson = (line: string): LogLine | undefined => {
  if (!line.startsWith("{") || isDeeperThan(line, deepest)) return undefined
  const decoded = decodeLine(line)
  if (Option.isNone(decoded)) return undefined
  const { annotations, cause, level, message } = decoded.value
  const what = typeof message === "string" ? message : JSON.stringify(message)
  const why = typeof cause === "string" ? shortened(whyOf(what, cause), longestCause) : ""
  return {
    level: typeof level === "string" ? level : undefined,
    text: why === "" ? what : `${what}: ${why}`,
    why,
    annotations
  }
}

/**
 * Reads a line that a process has printed; `undefined` if the line is no JSON with a `message`.
 *
 * @category parsing
 * @since 0.1.0
 */
export const read = (line: string): LogLine | undefined => {
  const log = readJson(line)
  return log === undefined ? undefined : { ...log, text: printable(log.text), why: printable(log.why) }
}

const RuntimeError = Schema.Struct({
  errorType: Schema.String,
  errorMessage: Schema.String,
  stack: Schema.optionalKey(Schema.Array(Schema.String)),
  stackTrace: Schema.optionalKey(Schema.Array(Schema.String))
})

const fromJson = <S extends Schema.Decoder<unknown>>(schema: S) =>
  Schema.decodeUnknownOption(Schema.fromJsonString(schema))

/** Errors as the runtimes of Lambda log them: of Node as JSON and inside a text, of Python as JSON. */
const decodeNodeError = fromJson(Schema.Struct({ level: Schema.String, message: RuntimeError }))
const decodeErrorText = fromJson(RuntimeError)
const decodePythonError = fromJson(Schema.Struct({ level: Schema.String, ...RuntimeError.fields }))

const wordsOfError = (error: typeof RuntimeError.Type): string => `${error.errorType}: ${error.errorMessage}`

/** A stack of Node begins with the words. */
const textOfNodeError = (error: typeof RuntimeError.Type): string =>
  (error.stack ?? error.stackTrace)?.join("\n") ?? wordsOfError(error)

/** A record of a runtime, as people read it. */
type Shown = Pick<LogLine, "level" | "text">

const readRuntimeError = (record: string): Shown | undefined => {
  const node = decodeNodeError(record)
  if (Option.isSome(node)) return { level: node.value.level, text: textOfNodeError(node.value.message) }
  const python = decodePythonError(record)
  if (Option.isNone(python)) return undefined
  const stack = (python.value.stackTrace ?? []).join("").trimEnd()
  return {
    level: python.value.level,
    text: [wordsOfError(python.value), stack].filter((part) => part !== "").join("\n")
  }
}

/** The text that the runtimes of Lambda log: the console of Node, and `logging` of Python. */
const runtimeTexts = [
  /^[\d-]{10}T[\d:.]+Z\t[^\t]*\t(?<level>[A-Z]+)\t(?<text>[^]*)$/,
  /^\[(?<level>[A-Z]+)\]\t[\d-]{10}T[\d:.]+Z\t[^\t]*\t(?<text>[^]*)$/
]

const readRuntimeText = (record: string): Shown | undefined => {
  const groups = runtimeTexts.map((pattern) => pattern.exec(record)?.groups).find((found) => found !== undefined)
  if (groups === undefined) return undefined
  const { level, text = "" } = groups
  const [what = "", json = ""] = text.split(" \t", 2)
  return Option.match(decodeErrorText(json), {
    // Without frames a record is one line, with CR for its line breaks.
    onNone: () => ({ level, text: text.replaceAll("\r", "\n") }),
    onSome: (error) => ({ level, text: `${what}: ${textOfNodeError(error)}` })
  })
}

/**
 * Turns a record that a process printed into lines for people. A structured log becomes level, message and cause,
 * without what the table shows anyway. An error that a runtime of Lambda has logged keeps its stack.
 *
 * @category rendering
 * @since 0.1.0
 */
export const readable = (record: string): ReadonlyArray<string> => {
  const { level, text }: Shown = readRuntimeError(record) ??
    readJson(record) ??
    readRuntimeText(record) ?? { level: undefined, text: record }
  const whole = level === undefined ? text : `${level} ${text}`
  return whole.split("\n").map(printable)
}

/**
 * Tells by the level of the line whether something went wrong.
 *
 * @category refinements
 * @since 0.1.0
 */
export const isError = ({ level }: Pick<LogLine, "level">): boolean => level === "ERROR" || level === "FATAL"
