/**
 * Splits the output of a process into lines. A line is held until its line break has come, and keeps that. The rest at
 * the end of the stream is a line without a line break (docs/protocol.md#lines-and-records).
 */
import { StringDecoder } from "node:string_decoder"

/** A line longer than this many characters is cut into several, so that output without line breaks stays bounded. */
export const maxLineLength = 1_048_576

export interface LineFraming {
  /** Takes text as it comes and gives the lines that are complete by it. */
  readonly push: (text: string) => ReadonlyArray<string>
  /** The stream has ended: the line that never was finished, if there is one. */
  readonly end: () => ReadonlyArray<string>
}

/** Frames a single stream; stdout and stderr are two streams. */
export const make = (limit = maxLineLength): LineFraming => {
  let rest = ""
  return {
    push: (text) => {
      const lines: Array<string> = []
      let from = 0
      for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", from)) {
        lines.push(rest + text.slice(from, at + 1))
        rest = ""
        from = at + 1
      }
      rest += text.slice(from)
      while (rest.length > limit) {
        lines.push(rest.slice(0, limit))
        rest = rest.slice(limit)
      }
      return lines
    },
    end: () => {
      const last = rest
      rest = ""
      return last === "" ? [] : [last]
    }
  }
}

/** Makes pieces of the bytes of a stream. */
export interface Framing<Piece> {
  /** Takes bytes as they come and gives the pieces that they complete. */
  readonly push: (bytes: Uint8Array) => ReadonlyArray<Piece>
  /** The stream has ended: gives the unfinished rest. A second call gives nothing. */
  readonly end: () => ReadonlyArray<Piece>
}

/** Lines of bytes: characters stay whole, however the bytes are cut. */
export const ofBytes = (limit?: number): Framing<string> => {
  const decoder = new StringDecoder("utf8")
  const lines = make(limit)
  return {
    push: (bytes) => lines.push(decoder.write(bytes)),
    end: () => [...lines.push(decoder.end()), ...lines.end()]
  }
}

/** A line without its line break, `\r\n` or `\n`. */
export const withoutBreak = (line: string): string => line.replace(/\r?\n$/, "")
