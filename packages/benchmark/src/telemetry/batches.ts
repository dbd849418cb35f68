/** Batches as Lambda would send them: the invocations of a function that logs a few lines each or many, as text and as JSON. */
import { requestIdOf } from "../platform.ts"

/** An event as Lambda delivers it. */
export interface Event {
  readonly time: string
  readonly type: string
  readonly record: unknown
}

export const eventsPerBatch = 1000

export const platformPerInvocation = 3
const logsPerInvocation = 9

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, "0")

/** The requests, head and body, ready to be written. */
export const makeRequests = (count: number): ReadonlyArray<Buffer> =>
  Array.from({ length: count }, (_, index) => {
    const body = Buffer.from(JSON.stringify(makeBatch(index)))
    const head =
      "POST / HTTP/1.1\r\ncontent-type: application/json\r\nhost: 169.254.100.6\r\nconnection: keep-alive\r\n" +
      `user-agent: awslambda-worker/1.0\r\nsequence-id: ${hex(index, 43)}\r\ncontent-length: ${body.length}\r\n\r\n`
    return Buffer.concat([Buffer.from(head), body])
  })

/** The records of a batch, as they are before they are written. */
export const makeBatch = (batch: number): ReadonlyArray<Event> => {
  const invocations = Math.ceil(eventsPerBatch / (platformPerInvocation + logsPerInvocation))
  return Array.from({ length: invocations }, (_, index) => invocation(batch * invocations + index))
    .flat()
    .slice(0, eventsPerBatch)
}

/** The lines that a chatty function logs in an invocation. */
export const chattyLines = 1000

/** The events of an invocation. */
export const invocation = (number: number, lines = logsPerInvocation): ReadonlyArray<Event> => {
  const requestId = requestIdOf(number)
  const startedAt = Date.UTC(2026, 10, 22) + number * 1000
  // Two lines in a millisecond.
  const timeAt = (line: number) => new Date(startedAt + Math.floor(line / 2)).toISOString()
  const start = timeAt(0)
  const end = timeAt(lines)
  const log = (line: number, time: string) =>
    line % 3 === 0
      ? {
          timestamp: time,
          level: "INFO",
          requestId,
          message: `order ${number} line ${line}: "stored" in the table, 3 items of EUR 12.50 each`
        }
      : `${time}\t${requestId}\tINFO\torder ${number} line ${line}: took ${number % 97} ms, next is the übergabe of the parcel to the post\n`
  const event = (type: string, time: string, record: unknown): Event => ({ time, type, record })
  const durationMs = (number % 1000) + 0.125
  return [
    event("platform.start", start, { requestId, version: "$LATEST" }),
    ...Array.from({ length: lines }, (_, line) => event("function", timeAt(line), log(line, timeAt(line)))),
    event("platform.runtimeDone", end, {
      requestId,
      status: "success",
      metrics: { durationMs, producedBytes: 50 },
      spans: [
        { name: "responseLatency", start, durationMs: 23.02 },
        { name: "responseDuration", start, durationMs: 20 }
      ]
    }),
    event("platform.report", end, {
      requestId,
      status: "success",
      metrics: { durationMs, billedDurationMs: Math.ceil(durationMs), memorySizeMB: 128, maxMemoryUsedMB: 99 }
    })
  ]
}
