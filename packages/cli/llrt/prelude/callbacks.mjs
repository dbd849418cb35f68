// Callbacks. Superfluous when an error in a callback or a listener of LLRT does not end the process.
import { define } from "./native.mjs"
import { uncaught } from "./process.mjs"
import { systemError } from "./systemError.mjs"

const guards = new WeakMap()

/** The same function each time, by which a listener is found again. */
const guardOf = (listener) => {
  const known = guards.get(listener)
  if (known !== undefined) return known
  const guard = function (...values) {
    try {
      return listener.apply(this, values)
    } catch (cause) {
      uncaught(cause)
    }
  }
  guards.set(listener, guard)
  return guard
}

/** Makes functions of LLRT take guarded functions only. */
export const guardFunctions = (target, names) => {
  for (const name of names) {
    const original = target[name]
    if (typeof original !== "function") continue
    define(target, name, function (...values) {
      return original.apply(
        this,
        values.map((value) => (typeof value === "function" ? guardOf(value) : value))
      )
    })
  }
}

const emitterMethods = "on once off addListener removeListener prependListener prependOnceListener".split(" ")
const targetMethods = ["addEventListener", "removeEventListener"]
const guardedPrototypes = new WeakSet()
const hearsErrors = new WeakSet()

/** Keeps what an emitter of LLRT says from ending the process: an error in a listener, and one that no listener takes. */
export const adopt = (emitter) => {
  if (typeof emitter?.on !== "function") return emitter
  const prototype = Object.getPrototypeOf(emitter)
  if (!guardedPrototypes.has(prototype)) {
    guardedPrototypes.add(prototype)
    guardFunctions(prototype, [...emitterMethods, "bind", "connect", "send", "close", "write"])
    for (const name of ["on", "once", "addListener", "prependListener", "prependOnceListener"]) {
      const add = prototype[name]
      define(prototype, name, function (event, listener) {
        if (event === "error") hearsErrors.add(this)
        return add.call(this, event, listener)
      })
    }
  }
  const isHeard = hearsErrors.has(emitter)
  emitter.on("error", (cause) => {
    // The same error gets its code, so later listeners see it too.
    const error = systemError(cause)
    if (!hearsErrors.has(emitter)) uncaught(error)
  })
  if (!isHeard) hearsErrors.delete(emitter)
  return emitter
}

for (const { prototype } of [EventTarget, AbortSignal]) guardFunctions(prototype, targetMethods)
