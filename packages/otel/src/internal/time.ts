/** Times of records as OTLP has them: nanoseconds since 1970. A JavaScript number cannot hold them exactly. */

const form = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\d{0,20} ?(Z|[+-]\d\d:?\d\d)$/

// The type of a time in OTLP is an unsigned integer of 64 bits, which ends in the year 2554.
const latest = 2n ** 64n - 1n

/** Nanoseconds in a millisecond. */
export const nanosPerMilli = 1_000_000n

/** The nanoseconds of milliseconds since 1970; a fraction counts down to the nanosecond. */
export const nanosOfMillis = (millis: number): bigint => {
  const whole = Math.floor(millis)
  return BigInt(whole) * nanosPerMilli + BigInt(Math.floor((millis - whole) * 1e6))
}

/** The nanoseconds of a date with a time and a zone, as ISO 8601 and the loggers of Python write them. */
export const nanosOf = (text: string): bigint | undefined => {
  const parts = form.exec(text)
  if (parts === null) return undefined
  const [, day, time, fraction = "", zone = "Z"] = parts
  const seconds = Date.parse(`${day}T${time}${zone === "Z" ? zone : `${zone.slice(0, 3)}:${zone.slice(-2)}`}`)
  if (Number.isNaN(seconds)) return undefined
  const nanos = BigInt(seconds) * nanosPerMilli + BigInt(fraction.padEnd(9, "0"))
  return nanos < 0n || nanos > latest ? undefined : nanos
}
