/** The event loop is that of LLRT. */
// A timer of the process, as in the callers.
// @effect-diagnostics globalTimers:off
import type { AfterReading } from "./Sockets.ts"

/** Immediates run before any socket is read. A timer lets four milliseconds pass. */
export const afterReading: AfterReading = (then) => {
  const timer = setTimeout(then, 0)
  return () => clearTimeout(timer)
}
