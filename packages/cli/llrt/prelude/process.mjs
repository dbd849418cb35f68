// Events of the process. Superfluous when LLRT has `process.on`, and calls it for errors that nothing caught.
import { Emitter } from "./emitter.mjs"
import { define, native } from "./native.mjs"

export const events = new Emitter()
for (const name of Object.getOwnPropertyNames(Emitter.prototype)) {
  if (name === "constructor") continue
  define(process, name, (...values) => {
    const result = events[name](...values)
    return result === events ? process : result
  })
}

const textOf = (cause) => (cause instanceof Error ? cause.stack : String(cause))

/** Nothing caught it: listeners hear of it, and without one the process ends, as on Node. */
export const uncaught = (cause, origin = "uncaughtException") => {
  try {
    if (origin === "unhandledRejection" && events.emit(origin, cause)) return
    if (events.emit("uncaughtException", cause, origin)) return
    native.console.error(`Uncaught ${textOf(cause)}`)
  } catch (error) {
    native.console.error(`Uncaught ${textOf(error)}`)
  }
  process.exit(1)
}

/** The same function, whose errors do not end the process. */
export const guarded = (callback, values = []) => {
  if (typeof callback !== "function") throw new TypeError("the callback is not a function")
  return (...own) => {
    try {
      callback(...values, ...own)
    } catch (cause) {
      uncaught(cause)
    }
  }
}
