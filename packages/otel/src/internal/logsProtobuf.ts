/**
 * Log records in protobuf, twenty times as fast as by Effect, and with the same bytes. Most of what an extension sends is logs.
 */
import type { LogsData } from "effect/observability/OtlpLogger"
import type { AnyValue, KeyValue, Resource } from "effect/observability/OtlpResource"
import { millisOfText } from "./time.ts"
import { wireFixed32, wireFixed64, wireVarint, Writer } from "./wire/Writer.ts"

type ResourceLogs = LogsData["resourceLogs"][number]
type ScopeLogs = ResourceLogs["scopeLogs"][number]
type LogRecord = NonNullable<ScopeLogs["logRecords"]>[number]

/** A line of text whose log record is that of another line, but for its time and its body. */
export interface Line {
  readonly like: LogRecord
  /** The time, in milliseconds since 1970. */
  readonly millis: number
  readonly text: string
}

/** Log records that may be made one by one, from the last to the first, as each is written: an array, or what makes them. */
export type Records = Pick<ReadonlyArray<LogRecord | Line>, "at" | "length">

/** `LogsData` with such records. */
interface Data {
  readonly resourceLogs: ReadonlyArray<Omit<ResourceLogs, "scopeLogs"> & { readonly scopeLogs: ReadonlyArray<Scope> }>
}

type Scope = Omit<ScopeLogs, "logRecords"> & { readonly logRecords?: Records }

// Batches are about of one length. A buffer that has room from the begin is not copied.
const mostLength = 1024 * 1024
let lastLength = 65_536

/** The same bytes as `OtlpSerialization.layerProtobuf` writes. */
export const encodeLogs = ({ resourceLogs }: Data): Uint8Array => {
  const writer = new Writer(lastLength)
  const common: Common = {
    place: undefined,
    placeBytes: noBytes,
    attribute: undefined,
    attributeBytes: noBytes,
    lines: new Map()
  }
  for (const each of resourceLogs.toReversed()) {
    const before = writer.length
    if (each.schemaUrl) text(writer, 3, each.schemaUrl)
    for (const scope of each.scopeLogs.toReversed()) writeScopeLogs(writer, scope, common)
    if (each.resource !== undefined) writeResource(writer, each.resource)
    writer.end(1, before)
  }
  lastLength = Math.min(Math.ceil(writer.length * 1.1), mostLength)
  return writer.written
}

const text = (writer: Writer, field: number, value: string): void => {
  const before = writer.length
  writer.string(value)
  writer.end(field, before)
}

const writeResource = (writer: Writer, { attributes, droppedAttributesCount }: Resource): void => {
  const before = writer.length
  writeCount(writer, 2, droppedAttributesCount)
  writeAttributes(writer, 1, attributes)
  writer.end(1, before)
}

const noBytes = /*#__PURE__*/ new Uint8Array(0)

/** The parts that the records of an invocation have in common are written once, and then copied. */
interface Common {
  /** The record whose span and time of observation were written last. */
  place: LogRecord | undefined
  placeBytes: Uint8Array
  /** The attribute that was written last of those that begin a record; the mapping gives the same object to many records. */
  attribute: KeyValue | undefined
  attributeBytes: Uint8Array
  /** The fields behind and before the body of lines, by the record that they are like. */
  lines: Map<LogRecord, { readonly rest: Uint8Array; readonly severity: Uint8Array }>
}

const writeScopeLogs = (writer: Writer, { logRecords = [], schemaUrl, scope }: Scope, common: Common): void => {
  const before = writer.length
  if (schemaUrl) text(writer, 3, schemaUrl)
  for (let index = logRecords.length - 1; index >= 0; index--) {
    const record = logRecords.at(index)
    if (record === undefined) continue
    if ("like" in record) writeLine(writer, record, common)
    else writeLogRecord(writer, record, common)
  }
  if (scope !== undefined) {
    const from = writer.length
    writeCount(writer, 4, scope.droppedAttributesCount)
    writeAttributes(writer, 3, scope.attributes ?? [])
    if (scope.version) text(writer, 2, scope.version)
    text(writer, 1, scope.name)
    writer.end(1, from)
  }
  writer.end(2, before)
}

const writeLogRecord = (writer: Writer, record: LogRecord, common: Common): void => {
  const before = writer.length
  writeRest(writer, record, common)
  if (record.body !== undefined) {
    const from = writer.length
    writeValue(writer, record.body)
    writer.end(5, from)
  }
  writeSeverity(writer, record)
  writeTime(writer, 1, record.timeUnixNano)
  writer.end(2, before)
}

const writeLine = (writer: Writer, { like, millis, text: line }: Line, common: Common): void => {
  let bytes = common.lines.get(like)
  if (bytes === undefined) {
    bytes = {
      rest: bytesOf((part) => writeRest(part, like, common)),
      severity: bytesOf((part) => writeSeverity(part, like))
    }
    common.lines.set(like, bytes)
  }
  const before = writer.length
  writer.bytes(bytes.rest)
  const from = writer.length
  text(writer, 1, line)
  writer.end(5, from)
  writer.bytes(bytes.severity)
  writer.millis(millis)
  writer.tag(1, wireFixed64)
  writer.end(2, before)
}

const bytesOf = (write: (part: Writer) => void): Uint8Array => {
  const part = new Writer(256)
  write(part)
  return part.written
}

/** The fields behind the body. */
const writeRest = (writer: Writer, record: LogRecord, common: Common): void => {
  writePlace(writer, record, common)
  writeCount(writer, 7, record.droppedAttributesCount)
  writeAttributes(writer, 6, record.attributes, 1)
  const [first] = record.attributes
  if (first !== undefined) writeFirst(writer, first, common)
}

/** The time of the observation, the span and its flags: the last fields of a record. */
const writePlace = (writer: Writer, record: LogRecord, common: Common): void => {
  const { place } = common
  const isSame =
    place !== undefined &&
    place.observedTimeUnixNano === record.observedTimeUnixNano &&
    place.spanId === record.spanId &&
    place.traceId === record.traceId &&
    place.flags === record.flags
  if (isSame) return writer.bytes(common.placeBytes)
  const before = writer.length
  writeTime(writer, 11, record.observedTimeUnixNano)
  writeId(writer, 10, record.spanId)
  writeId(writer, 9, record.traceId)
  if (record.flags !== undefined) {
    writer.fixed32(record.flags)
    writer.tag(8, wireFixed32)
  }
  common.place = record
  common.placeBytes = writer.since(before)
}

const writeSeverity = (writer: Writer, { severityNumber, severityText }: LogRecord): void => {
  if (severityText) text(writer, 3, severityText)
  writeCount(writer, 2, severityNumber)
}

const writeFirst = (writer: Writer, attribute: KeyValue, common: Common): void => {
  if (attribute === common.attribute) return writer.bytes(common.attributeBytes)
  const before = writer.length
  writeAttribute(writer, 6, attribute)
  common.attribute = attribute
  common.attributeBytes = writer.since(before)
}

const writeTime = (writer: Writer, field: number, time: LogRecord["timeUnixNano"]): void => {
  const millis = typeof time === "string" ? millisOfText(time) : undefined
  if (millis !== undefined) writer.millis(millis)
  else
    writer.fixed64(typeof time === "object" ? (BigInt(time.high >>> 0) << 32n) | BigInt(time.low >>> 0) : BigInt(time))
  writer.tag(field, wireFixed64)
}

const writeId = (writer: Writer, field: number, id: string | Uint8Array | undefined): void => {
  if (id === undefined || id === "") return
  const before = writer.length
  if (id instanceof Uint8Array) writer.bytes(id)
  else writer.hex(id)
  writer.end(field, before)
}

const writeCount = (writer: Writer, field: number, count: number | undefined): void => {
  if (count === undefined || count === 0) return
  writer.varint(count)
  writer.tag(field, wireVarint)
}

/** @param from the first attribute that is written */
const writeAttributes = (writer: Writer, field: number, attributes: ReadonlyArray<KeyValue>, from = 0): void => {
  for (let index = attributes.length - 1; index >= from; index--) {
    const attribute = attributes[index]
    if (attribute !== undefined) writeAttribute(writer, field, attribute)
  }
}

const writeAttribute = (writer: Writer, field: number, { key, value }: KeyValue): void => {
  const before = writer.length
  writeValue(writer, value)
  writer.end(2, before)
  text(writer, 1, key)
  writer.end(field, before)
}

const writeValue = (writer: Writer, value: AnyValue): void => {
  if (typeof value.stringValue === "string") return text(writer, 1, value.stringValue)
  if (typeof value.boolValue === "boolean") {
    writer.varint(value.boolValue ? 1 : 0)
    return writer.tag(2, wireVarint)
  }
  if (value.intValue !== undefined && value.intValue !== null) {
    const { intValue } = value
    if (typeof intValue === "number" && intValue >= 0) writer.varint(intValue)
    else writer.varint64(BigInt(intValue))
    return writer.tag(3, wireVarint)
  }
  if (typeof value.doubleValue === "number") {
    writer.double(value.doubleValue)
    return writer.tag(4, wireFixed64)
  }
  const before = writer.length
  if (value.arrayValue !== undefined) {
    for (const each of value.arrayValue.values.toReversed()) {
      const from = writer.length
      writeValue(writer, each)
      writer.end(1, from)
    }
    return writer.end(5, before)
  }
  if (value.kvlistValue !== undefined) {
    writeAttributes(writer, 1, value.kvlistValue.values)
    return writer.end(6, before)
  }
  if (value.bytesValue !== undefined) {
    writer.bytes(value.bytesValue)
    writer.end(7, before)
  }
}
