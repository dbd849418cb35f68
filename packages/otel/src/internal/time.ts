/** Times of records as OTLP has them: nanoseconds since 1970. A JavaScript number cannot hold them exactly. */

const form = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\d{0,20} ?(Z|[+-]\d\d:?\d\d)$/

// The type of a time in OTLP is an unsigned integer of 64 bits, which ends in the year 2554.
const latest = 2n ** 64n - 1n
const latestMillis = 18_446_744_073_709

/** Nanoseconds in a millisecond. */
export const nanosPerMilli = 1_000_000n

/** The nanoseconds of milliseconds since 1970; a fraction counts down to the nanosecond. */
export const nanosOfMillis = (millis: number): bigint => {
  const whole = Math.floor(millis)
  return BigInt(whole) * nanosPerMilli + BigInt(Math.floor((millis - whole) * 1e6))
}

// Records come in batches, and lines in bursts with the same millisecond.
let observedMillis = 0
let observed = "0"

/** Nanoseconds as the text of their digits: of the time at which a record came. */
export const observedText = (millis: number): string => {
  if (millis === observedMillis) return observed
  observed = String(nanosOfMillis(millis))
  observedMillis = millis
  return observed
}

// Lines come in bursts: most times are in the second of the time before.
const secondForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.$/
const secondLength = 20
let secondRead = ""
let millisOfSecond = Number.NaN

// A time is asked for several times, and often comes again.
let lastTime = ""
let lastRead: number | undefined

/** The milliseconds of the form in which Lambda writes its times, `2026-11-22T12:00:00.123Z`; any other form has none here. */
export const plainMillisOf = (text: string): number | undefined => {
  if (text === lastTime) return lastRead
  lastRead = readPlain(text)
  lastTime = text
  return lastRead
}

const readPlain = (text: string): number | undefined => {
  if (text.length !== 24 || text[23] !== "Z") return undefined
  const second = text.slice(0, secondLength)
  if (second !== secondRead) {
    if (!secondForm.test(second)) return undefined
    secondRead = second
    millisOfSecond = Date.parse(`${second}000Z`)
  }
  let millis = 0
  for (let at = secondLength; at < 23; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return undefined
    millis = 10 * millis + digit
  }
  const all = millisOfSecond + millis
  // A time before 1970 is none, nor is one that does not fit.
  return all > 0 && all < latestMillis ? all : undefined
}

/** The nanoseconds of a date with a time and a zone, as ISO 8601 and the loggers of Python write them. */
export const nanosOf = (text: string): bigint | undefined => {
  const plain = plainMillisOf(text)
  if (plain !== undefined) return BigInt(plain) * nanosPerMilli
  const parts = form.exec(text)
  if (parts === null) return undefined
  const [, day, time, fraction = "", zone = "Z"] = parts
  const seconds = Date.parse(`${day}T${time}${zone === "Z" ? zone : `${zone.slice(0, 3)}:${zone.slice(-2)}`}`)
  if (Number.isNaN(seconds)) return undefined
  const nanos = BigInt(seconds) * nanosPerMilli + BigInt(fraction.padEnd(9, "0"))
  return nanos < 0n || nanos > latest ? undefined : nanos
}

/** Whether {@link nanosOf} can read a time. */
export const isTime = (text: string): boolean => plainMillisOf(text) !== undefined || nanosOf(text) !== undefined

let lastMillis = Number.NaN
let lastText = ""

/** The digits of {@link nanosOf}. */
export const nanosTextOf = (text: string): string | undefined => {
  const millis = plainMillisOf(text)
  if (millis === undefined) return nanosOf(text)?.toString()
  if (millis === lastMillis) return lastText
  const second = Math.floor(millis / 1000)
  // The digits of the milliseconds are there already: to make them of a number takes longer.
  lastText = second === 0 ? String(nanosOfMillis(millis)) : `${second}${text.slice(20, 23)}000000`
  lastMillis = millis
  return lastText
}

/** The milliseconds of the last text that was made of some: most are written at once, and need no arithmetic on 64 bits. */
export const millisOfText = (text: string): number | undefined => (text === lastText ? lastMillis : undefined)
