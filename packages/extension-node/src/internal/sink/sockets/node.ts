/** The event loop is that of Node. */
import type { AfterReading, TrustedMillis } from "./Sockets.ts"

/** The first immediate may run before the sockets are read, if this is the callback of a socket. */
export const afterReading: AfterReading = (then) => {
  let immediate = setImmediate(() => {
    immediate = setImmediate(then)
  })
  return () => clearImmediate(immediate)
}

/** A look costs microseconds. */
export const trustedMillis: TrustedMillis = 0
