/** The output of a process, read from a pipe as it comes. At any moment all that the pipe holds can be read. */
import * as Fs from "node:fs"
import * as Net from "node:net"
import { setImmediate } from "node:timers"
import type { Framing } from "./LineFraming.ts"

export interface Output {
  /** Reads what the pipe holds now, 64 KiB at most. `true` means that it held that much. */
  readonly drain: () => boolean
  /** Reads the rest and closes the pipe. A process that still holds the other end gets EPIPE from its next write. */
  readonly end: () => void
}

/**
 * A pipe of Linux holds this much. All readers share the buffer: each chunk becomes text before the next one is read.
 */
const buffer = Buffer.alloc(65_536)

/**
 * The most a pipe can hold: a process without rights may ask for this size, and memory pages of 64 KiB give this size.
 * The bound ends the reading of the rest while a process writes faster than lines are made.
 */
const maxPipeBytes = 1_048_576

/** The number of bytes that came into `buffer`; 0 means that the pipe is empty. */
const readNow = (readEnd: number): number => {
  try {
    return Fs.readSync(readEnd, buffer)
  } catch {
    // EAGAIN: the pipe is empty.
    return 0
  }
}

/** Calls back for each piece that the framing makes of the bytes. `readEnd` belongs to the reader from now on. */
export const read = <Piece>(readEnd: number, framing: Framing<Piece>, onPiece: (piece: Piece) => void): Output => {
  const take = (bytes: Uint8Array): void => framing.push(bytes).forEach(onPiece)
  const finish = (): void => framing.end().forEach(onPiece)
  // With `onread` there is no queue in between: a chunk is framed as soon as it is read.
  const socket = new Net.Socket({
    fd: readEnd,
    readable: true,
    writable: false,
    onread: {
      buffer,
      callback: (count, chunk) => {
        take(chunk.subarray(0, count))
        if (count < chunk.length) return true
        // The process writes without pause: others have their turn before the next chunk.
        setImmediate(() => socket.resume())
        return false
      }
    }
  })
  socket.on("error", () => {
    // The socket closes, and what came so far is all.
  })
  // A process may close its output long before it ends.
  socket.once("close", finish)

  const drain = (): boolean => {
    // The number of a closed descriptor may belong to another file by now.
    if (socket.destroyed) return false
    const count = readNow(readEnd)
    if (count > 0) take(buffer.subarray(0, count))
    return count === buffer.length
  }

  return {
    drain,
    end: () => {
      for (let bytes = 0; bytes < maxPipeBytes && drain(); bytes += buffer.length);
      socket.destroy()
      finish()
    }
  }
}
