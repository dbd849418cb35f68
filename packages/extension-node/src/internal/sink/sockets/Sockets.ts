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
