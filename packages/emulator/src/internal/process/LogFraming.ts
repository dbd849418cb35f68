/**
 * Separates the lines that a runtime prints from the records that it logs in the frames of Lambda's protocol. A frame
 * has four bytes of type, four of length and eight of time, all big-endian, then the record, which may have several
 * lines. The frames come through the pipe of stdout, so that everything stays in the order in which it was written.
 */
import { StringDecoder } from "node:string_decoder"
import * as LineFraming from "./LineFraming.ts"

/** The variable that names the descriptor for frames to a runtime. */
export const variable = "_LAMBDA_TELEMETRY_LOG_FD"

const headBytes = 16

/** The first bytes of a type; its last byte tells the format and the level. No text has a zero byte. */
const magic = Buffer.from("a55a00", "hex")

export interface Piece {
  /** A line of stdout, or a record that was logged. */
  readonly channel: "stdout" | "log"
  readonly text: string
}

/** The position at which a head begins, whole or cut off by the end; without a head, the end. */
const findHead = (bytes: Buffer): number => {
  const at = bytes.indexOf(magic)
  if (at !== -1) return at
  const cut = [2, 1].find((length) => bytes.subarray(-length).equals(magic.subarray(0, length)))
  return bytes.length - (cut ?? 0)
}

/** Frames a single stream. A record longer than `limit` characters is cut into several, as a line is. */
export const make = (limit = LineFraming.maxLineLength): LineFraming.Framing<Piece> => {
  const lines = LineFraming.ofBytes(limit)
  const decoder = new StringDecoder("utf8")
  /** The beginning of a head that has not come whole. */
  let head = Buffer.alloc(0)
  /** Bytes of the record that are still to come; `undefined` if no record is at work. */
  let missing: number | undefined
  let record = ""

  const asPieces = (found: ReadonlyArray<string>): ReadonlyArray<Piece> =>
    found.map((text) => ({ channel: "stdout", text }))

  /** Takes the bytes of the record at work, and tells how many they were. */
  const takeRecord = (bytes: Buffer, expected: number, pieces: Array<Piece>): number => {
    const part = bytes.subarray(0, expected)
    record += decoder.write(part)
    for (; record.length > limit; record = record.slice(limit)) {
      pieces.push({ channel: "log", text: record.slice(0, limit) })
    }
    missing = expected - part.length
    if (missing > 0) return part.length
    pieces.push({ channel: "log", text: record + decoder.end() })
    record = ""
    missing = undefined
    return part.length
  }

  return {
    push: (chunk) => {
      const pieces: Array<Piece> = []
      let bytes = Buffer.concat([head, chunk])
      head = Buffer.alloc(0)
      while (bytes.length > 0) {
        if (missing === undefined) {
          const at = findHead(bytes)
          pieces.push(...asPieces(lines.push(bytes.subarray(0, at))))
          bytes = bytes.subarray(at)
          if (bytes.length < headBytes) {
            head = bytes
            break
          }
          missing = bytes.readUInt32BE(4)
          bytes = bytes.subarray(headBytes)
        }
        bytes = bytes.subarray(takeRecord(bytes, missing, pieces))
      }
      return pieces
    },
    end: () => {
      const text = record + decoder.end()
      const unfinished = asPieces([...lines.push(head), ...lines.end()])
      head = Buffer.alloc(0)
      record = ""
      return text === "" ? unfinished : [{ channel: "log", text }, ...unfinished]
    }
  }
}
