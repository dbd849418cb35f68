/**
 * Severity and request id in a log record, in the forms of Lambda's runtimes and of the usual loggers. A record is read only
 * if somebody asks: the head of a line, or the whole line if it is JSON.
 */
import * as Predicate from "effect/Predicate"

const openBrace = 0x7b
const colon = 0x3a
const dot = 0x2e

/** Whether a line may be an object of JSON; nearly every other line begins with a digit or a letter. */
const mayBeObject = (line: string): boolean => {
  const first = line.charCodeAt(0)
  return first === openBrace || ((first <= 0x20 || first > 0x7f) && /^\s*\{/.test(line))
}

/** A line that is JSON, under the text format of the function, is the object in it; any other record is itself. */
const parsed = (record: unknown): unknown => {
  if (typeof record !== "string" || !mayBeObject(record)) return record
  try {
    return JSON.parse(record)
  } catch {
    return record
  }
}

// Lambda's ids have this form. A line that the user formats may have another word there.
const uuid = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
const word = "[A-Za-z]{2,11}"

// Each begins at the first character and has no two parts that can take the same one, so none goes over a line twice. Groups
// by their number: V8 makes an object of each match with names.
const heads = [
  // Node, .NET: `2026-09-15T12:00:00.123Z\t<id>\tERROR\t…`, `undefined` before the first invocation.
  {
    form: /*#__PURE__*/ new RegExp(
      `^\\d{4}-\\d\\d-\\d\\dT[\\d:.]{5,20}Z?\\t(?:(${uuid})|[^\\t\\n]{0,64})\\t(${word})(?=[\\t\\r\\n]|$)`
    ),
    id: 1,
    level: 2
  },
  // Python: `[ERROR]\t2026-09-15T12:00:00.123Z\t<id>\t…`, `[ERROR] ValueError: …`; ASP.NET: `[Error] …`.
  {
    form: /*#__PURE__*/ new RegExp(`^\\[(${word})\\](?:\\t\\d{4}-\\d\\d-\\d\\dT[\\d:.]{5,20}Z?\\t(${uuid})?)?`),
    id: 2,
    level: 1
  },
  // Java, in the layout of the documentation: `2026-09-15 12:00:00 <id> ERROR …`.
  {
    form: /*#__PURE__*/ new RegExp(
      `^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(?:[.,]\\d{1,9})? (${uuid}) {1,8}(${word})(?= )`
    ),
    id: 1,
    level: 2
  },
  // Ruby: `E, [2026-09-15T12:00:00.123456 #8] ERROR <id> -- …`.
  {
    form: /*#__PURE__*/ new RegExp(
      `^[A-Z], \\[\\d{4}-\\d\\d-\\d\\dT[\\d:.]{5,20} #\\d{1,10}\\] {1,8}(${word}) (${uuid})?(?= )`
    ),
    id: 2,
    level: 1
  }
]

interface Head {
  readonly id?: string | undefined
  readonly level?: Level | undefined
}

// The level and the request id of a line are asked for one after the other.
let lastLine = ""
let lastHead: Head = {}

// The lines of an invocation have the same head but for the time: with Lambda's own, no expression has to be matched again.
const timeLength = 24
const clockBegin = 11
let lastTimeAt = 0
let lastBefore = ""
let lastRest = ""
let repeated: Head = {}

/** Whether a line has a time of the last day, and the same head around it. */
const isRepeated = (line: string): boolean => {
  const timeEnd = lastTimeAt + timeLength
  // A part that is compared as a whole takes half the time of `startsWith`.
  if (lastRest === "" || line.slice(timeEnd, timeEnd + lastRest.length) !== lastRest) return false
  if (line.slice(0, lastTimeAt + clockBegin) !== lastBefore) return false
  for (let at = lastTimeAt + clockBegin; at < timeEnd - 1; at++) {
    const unit = line.charCodeAt(at)
    const isDigit = unit >= 0x30 && unit <= 0x39
    if (!isDigit && unit !== colon && unit !== dot) return false
  }
  return line[timeEnd - 1] === "Z"
}

const headOf = (line: string): Head => {
  if (line === lastLine) return lastHead
  lastHead = isRepeated(line) ? repeated : findHead(line)
  lastLine = line
  return lastHead
}

const findHead = (line: string): Head => {
  for (const { form, id, level } of heads) {
    const groups = form.exec(line)
    if (groups === null) continue
    const head = { id: groups[id], level: levelOfWord(groups[level]) }
    const { length } = groups[0]
    const timeAt = line.startsWith("[") ? line.indexOf("\t") + 1 : 0
    const timeEnd = timeAt + timeLength
    // No shorter time with more behind it. The tab after the head is a part: another word may begin with the same letters.
    if (line.indexOf("\t", timeAt) === timeEnd && line[length] === "\t") {
      lastTimeAt = timeAt
      lastBefore = line.slice(0, timeAt + clockBegin)
      lastRest = line.slice(timeEnd, length + 1)
      repeated = head
    }
    return head
  }
  return {}
}

/** A line of text may have any word in brackets. */
const levelOfWord = (text: string | undefined): Level | undefined => {
  const severity = text === undefined ? undefined : severities.get(text.toUpperCase())
  return text === undefined || severity === undefined ? undefined : { text, severity }
}

/** The text, unless it is empty or the value is none. */
const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined)

/**
 * The request id in the fields of a record. The names of Lambda's libraries come before `requestId`, which a program may use
 * for other ids. They are written out: V8 finds a field by a name that it knows at once.
 */
const idIn = (fields: unknown): string | undefined => {
  if (!Predicate.isObject(fields)) return undefined
  const { AWSRequestId, awsRequestId, aws_request_id, function_request_id, requestId } = fields
  return (
    textOf(AWSRequestId) ??
    textOf(awsRequestId) ??
    textOf(aws_request_id) ??
    textOf(function_request_id) ??
    textOf(requestId)
  )
}

/** The request id that a record of a log holds. */
export const requestIdOf = (record: unknown): string | undefined => {
  const value = parsed(record)
  if (typeof value === "string") return headOf(value).id
  if (!Predicate.isObject(value)) return undefined
  // Rust's runtime has it in the span, this library in the annotations.
  return idIn(value) ?? idIn(value["span"]) ?? idIn(value["annotations"])
}

const severities = /*#__PURE__*/ new Map([
  ["TRACE", "TRACE"],
  ["TRCE", "TRACE"],
  ["VERBOSE", "TRACE"],
  ["SILLY", "TRACE"],
  ["DEBUG", "DEBUG"],
  ["DBUG", "DEBUG"],
  ["INFO", "INFO"],
  ["INFORMATION", "INFO"],
  ["INFORMATIONAL", "INFO"],
  ["WARN", "WARN"],
  ["WARNING", "WARN"],
  ["ERROR", "ERROR"],
  ["ERR", "ERROR"],
  ["FAIL", "ERROR"],
  ["SEVERE", "ERROR"],
  ["FATAL", "FATAL"],
  ["CRITICAL", "FATAL"],
  ["CRIT", "FATAL"],
  ["PANIC", "FATAL"]
])

// pino and bunyan: 10 to 60, with the user's levels in between.
const steps = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
const severityOfNumber = (level: number) => steps[Math.floor(level / 10) - 1]

const levelNames = ["level", "log_level", "severity", "LogLevel", "levelname", "log.level", "@l"]

/** The level of a record. */
export interface Level {
  /** As it is written: `Warning`, `30`. */
  readonly text: string
  /** The field that holds it, if the record has fields. */
  readonly field?: string | undefined
  /** The name that all levels of the same kind have: `WARN`. */
  readonly severity?: string | undefined
}

// The records of a program have the same few levels, in the same field.
let lastLevel: Level = { text: "" }

/** The level in a field. */
const levelIn = (field: string, value: unknown): Level | undefined => {
  if (typeof value === "number") return { text: String(value), field, severity: severityOfNumber(value) }
  if (typeof value !== "string") return undefined
  if (value === lastLevel.text && field === lastLevel.field) return lastLevel
  const text = value.trim()
  if (text === "") return undefined
  const upper = text.toUpperCase()
  const severity = severities.get(upper) ?? (/^\d{1,3}$/.test(upper) ? severityOfNumber(Number(upper)) : upper)
  lastLevel = { text, field, severity }
  return lastLevel
}

/** How serious the writer of a record says it is. */
export const levelOf = (record: unknown): Level | undefined => {
  const value = parsed(record)
  if (typeof value === "string") return headOf(value).level
  if (!Predicate.isObject(value)) return undefined
  for (const field of levelNames) {
    const level = levelIn(field, value[field])
    if (level !== undefined) return level
  }
  return undefined
}
