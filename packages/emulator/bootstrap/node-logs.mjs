/**
 * Writes what a Node function logs as Lambda's own runtime does: every line before the function goes on, and each call
 * of the console as one record.
 */
import * as Fs from "node:fs"
import * as Util from "node:util"

/** The invocation that a record belongs to; `undefined` outside of an invocation. */
const current = { requestId: undefined, tenantId: undefined }

export const setInvocation = (requestId, tenantId) => Object.assign(current, { requestId, tenantId })

/** Writes all bytes before it returns, so that nothing is lost however the process ends. */
const writeAll = (descriptor, bytes) => {
  for (let at = 0; at < bytes.length;) {
    try {
      at += Fs.writeSync(descriptor, bytes, at)
    } catch (error) {
      if (error.code !== "EAGAIN") throw error
      // The pipe is full: its reader needs the processor now.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

/**
 * Makes a stream write at once. Node keeps in memory what does not fit into a pipe, and loses it when the process ends.
 */
const writeAtOnce = (stream, descriptor) => {
  // The stream collects several writes for this one, if it is there.
  stream._writev = null
  stream._write = (chunk, encoding, callback) => {
    try {
      writeAll(descriptor, typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk)
    } catch (error) {
      return callback(error)
    }
    callback()
  }
}

/** `mask` goes into the type of a frame. */
const levels = [
  { name: "TRACE", mask: 0x04 },
  { name: "DEBUG", mask: 0x08 },
  { name: "INFO", mask: 0x0c },
  { name: "WARN", mask: 0x10 },
  { name: "ERROR", mask: 0x14 },
  { name: "FATAL", mask: 0x18 }
]

const isJson = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON"

const errorType = (error) => error.constructor?.name ?? "UnknownError"

const stackTrace = ({ stack }) => (typeof stack === "string" ? stack.split("\n") : [])

const withErrors = (_, value) =>
  value instanceof Error
    ? { errorType: errorType(value), errorMessage: value.message, stackTrace: stackTrace(value), ...value }
    : value

const jsonRecord = (timestamp, level, values) => {
  const { requestId, tenantId } = current
  const record = { timestamp, level, requestId, tenantId: tenantId || undefined }
  if (values.length === 1) {
    try {
      return JSON.stringify({ ...record, message: values[0] }, withErrors)
    } catch {
      return JSON.stringify({ ...record, message: Util.format(values[0]) })
    }
  }
  const error = values.find((value) => value instanceof Error)
  return JSON.stringify({
    ...record,
    message: Util.format(...values),
    ...(error && { errorType: errorType(error), errorMessage: error.message, stackTrace: stackTrace(error) })
  })
}

/**
 * A frame of Lambda's protocol between runtimes and the platform: type, length, time in microseconds, all big-endian, then
 * the record with its line breaks.
 */
const frame = (mask, now, record) => {
  const bytes = Buffer.from(record, "utf8")
  const head = Buffer.alloc(16)
  head.writeUInt32BE(((isJson ? 0xa55a0002 : 0xa55a0003) | mask) >>> 0, 0)
  head.writeUInt32BE(bytes.length, 4)
  head.writeBigInt64BE(BigInt(now.valueOf()) * 1000n, 8)
  return Buffer.concat([head, bytes])
}

/** Takes the console over. Without a descriptor for frames a record is one line, with CR for its line breaks. */
const takeConsole = (descriptor) => {
  const log = ({ mask, name }, values) => {
    const now = new Date()
    const time = now.toISOString()
    const text = isJson
      ? jsonRecord(time, name, values)
      : `${time}\t${current.requestId}\t${name}\t${Util.format(...values)}`
    if (descriptor === undefined) process.stdout.write(`${text.replaceAll("\n", "\r")}\n`)
    else writeAll(descriptor, frame(mask, now, isJson ? text : `${text}\n`))
  }
  const wanted = process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()
  const lowest = Math.max(
    0,
    levels.findIndex(({ name }) => name === wanted)
  )
  const [trace, debug, info, warn, error, fatal] = levels.map((level, priority) =>
    // As on Lambda, without an argument it logs "undefined".
    priority < lowest ? () => {} : (message, ...rest) => log(level, [message, ...rest])
  )
  Object.assign(console, { trace, debug, info, log: info, warn, error, fatal })
}

/** From now on everything that the process prints is written at once. */
export const start = () => {
  writeAtOnce(process.stdout, 1)
  writeAtOnce(process.stderr, 2)
  const given = process.env._LAMBDA_TELEMETRY_LOG_FD
  delete process.env._LAMBDA_TELEMETRY_LOG_FD
  takeConsole(given === undefined ? undefined : Number(given))
}

/** An error with the fields that `JSON.stringify` leaves out. */
const enumerable = (_, value) => {
  if (!(value instanceof Error)) return value
  const { code, message, name, stack } = value
  const shown = { errorType: name, errorMessage: message, code, ...value }
  return typeof stack === "string" ? { ...shown, stack: stack.split("\n") } : shown
}

/** `formatted` is for an error that JSON cannot hold. */
export const logError = (what, error, formatted) => {
  const { error: log } = console
  const known = error instanceof Error ? error : new Error(String(error))
  if (isJson) return log(known)
  let json
  try {
    json = JSON.stringify(known, enumerable)
  } catch {
    json = formatted
  }
  log(what, `\t${json}`)
}

export const warn = (text) => {
  const { warn: log } = console
  log(text)
}
