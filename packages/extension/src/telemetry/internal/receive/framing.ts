/**
 * The framing of a TCP connection: its bytes become lines. Lambda writes one JSON object per
 * line, and a chunk may end anywhere, inside a character too (docs/protocol.md#delivery).
 */

/** Takes the bytes of one connection. */
export interface Framing {
  /** The next bytes; they may be reused afterwards. */
  readonly chunk: (bytes: Uint8Array) => void
  /** How many bytes the unfinished line takes. */
  readonly held: () => number
  /** The connection has ended: what is left is a line, newline or not. */
  readonly end: () => void
}

const newline = 0x0a
const carriageReturn = 0x0d

/**
 * Lines without their newline (`\n` or `\r\n`); empty ones are left out.
 *
 * `onLine` has its bytes for the time of the call. A line of more than
 * `maxBytes` is skipped up to its newline, then its length goes to `onTooLong`.
 * Every byte is copied a bounded number of times, however many chunks a line has.
 */
export const make = (options: {
  readonly maxBytes: number
  readonly onLine: (bytes: Uint8Array) => void
  readonly onTooLong: (bytes: number) => void
}): Framing => {
  const { maxBytes, onLine, onTooLong } = options
  /** The line so far; its length also counts what is skipped. */
  let buffer = new Uint8Array(0)
  let length = 0

  const append = (bytes: Uint8Array) => {
    const needed = length + bytes.length
    if (needed > maxBytes) buffer = new Uint8Array(0)
    else {
      if (needed > buffer.length) {
        const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, 2 * buffer.length)))
        larger.set(buffer.subarray(0, length))
        buffer = larger
      }
      buffer.set(bytes, length)
    }
    length = needed
  }

  const emit = (line: Uint8Array) => {
    const end = line[line.length - 1] === carriageReturn ? line.length - 1 : line.length
    if (end > 0) onLine(line.subarray(0, end))
  }

  const finish = () => {
    const line = buffer.subarray(0, length)
    const bytes = length
    buffer = new Uint8Array(0)
    length = 0
    if (bytes > maxBytes) onTooLong(bytes)
    else emit(line)
  }

  return {
    chunk: (bytes) => {
      let from = 0
      for (let to = bytes.indexOf(newline); to !== -1; to = bytes.indexOf(newline, from)) {
        const line = bytes.subarray(from, to)
        from = to + 1
        if (length === 0 && line.length <= maxBytes) emit(line)
        else {
          append(line)
          finish()
        }
      }
      if (from < bytes.length) append(bytes.subarray(from))
    },
    held: () => buffer.length,
    end: finish
  }
}
