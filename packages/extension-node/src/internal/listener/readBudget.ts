/** The bound of the bytes that all unfinished bodies and lines take together. */

/** The bytes that are kept of a body or a line that is not whole yet. */
export interface Part {
  /** How much is kept now; 0 when it is handed over or given up. */
  readonly hold: (bytes: number) => void
}

interface Unfinished {
  readonly pause: () => void
  readonly resume: () => void
  bytes: number
}

/**
 * The bytes of all unfinished bodies and lines together. Above the limit only the oldest is read on. The others wait in their
 * sockets, and their senders wait with them. So nothing is lost, and the oldest always gets done.
 */
export const makeReadBudget = (limit: number) => {
  /** The oldest first. */
  const unfinished = new Set<Unfinished>()
  let held = 0
  let isTight = false

  const settle = () => {
    const wasTight = isTight
    isTight = held > limit
    if (!isTight && !wasTight) return
    let isOldest = true
    for (const each of unfinished) {
      if (isTight && !isOldest) each.pause()
      else each.resume()
      isOldest = false
    }
  }

  return {
    /** How much more may be kept before the others wait. */
    left: () => Math.max(0, limit - held),
    open: (socket: { readonly pause: () => void; readonly resume: () => void }): Part => {
      const part: Unfinished = { pause: () => socket.pause(), resume: () => socket.resume(), bytes: 0 }
      return {
        hold: (bytes) => {
          if (bytes === part.bytes) return
          held += bytes - part.bytes
          part.bytes = bytes
          if (bytes > 0) unfinished.add(part)
          else {
            unfinished.delete(part)
            part.resume()
          }
          settle()
        }
      }
    }
  }
}
