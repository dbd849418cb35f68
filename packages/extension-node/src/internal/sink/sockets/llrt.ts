/** The event loop is that of LLRT. */
// A timer of the process, as in the callers.
// @effect-diagnostics globalTimers:off
import type { AfterReading, TrustedMillis } from "./Sockets.ts"

/**
 * Immediates run before any socket is read. A timer lets five milliseconds pass. The first may fire in the turn that finds the
 * end of a connection, before the end is told.
 */
export const afterReading: AfterReading = (then) => {
  let timer = setTimeout(() => {
    timer = setTimeout(then, 0)
  }, 0)
  return () => clearTimeout(timer)
}

/** Batches of a flush that follow each other would wait longer than they take: a batch is made in ten milliseconds. */
export const trustedMillis: TrustedMillis = 20
