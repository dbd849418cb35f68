/** The runtime has `node:tls`, and an event loop as that of Node. */
import type { Sockets } from "./Sockets.ts"

/** {@link Sockets.makeExchange} */
export const makeExchange: Sockets["makeExchange"] = undefined

/** {@link Sockets.afterReading}: the first immediate may run without that, if this is the callback of a socket. */
export const afterReading: Sockets["afterReading"] = (then) => {
  let immediate = setImmediate(() => {
    immediate = setImmediate(then)
  })
  return () => clearImmediate(immediate)
}
