/**
 * When the event loop of a runtime reads its sockets. The import `#sockets` takes one of the modules beside this one by the
 * condition of the runtime in package.json, as `#runtime` does.
 */

/**
 * Calls back when the event loop has read its sockets once: an end, a reset or an answer may wait there, such as after a
 * freeze.
 *
 * @returns takes the wait back
 */
export type AfterReading = (then: () => void) => () => void

/**
 * A connection that was used less than so many milliseconds ago is used again without a look at its socket. The look costs one
 * turn of the event loop, which is long on some runtimes.
 */
export type TrustedMillis = number
