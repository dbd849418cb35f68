// Rejections. Superfluous when LLRT tells of rejected promises that nothing handles. An async function makes its promise
// past all of this, so the build makes other functions of them.
import { define, native } from "./native.mjs"
import { uncaught } from "./process.mjs"

const handled = new WeakSet()
let isObserving = false

const observe = (promise) => {
  isObserving = true
  try {
    native.promiseThen.call(promise, undefined, (cause) => {
      if (handled.has(promise)) return
      // As on Node, everything that is under way may still handle it.
      native.setImmediate(() => {
        if (!handled.has(promise)) uncaught(cause, "unhandledRejection")
      })
    })
  } finally {
    isObserving = false
  }
  return promise
}

class Tracked extends native.Promise {
  constructor(executor) {
    super(executor)
    observe(this)
  }
  static get [Symbol.species]() {
    return isObserving ? native.Promise : Tracked
  }
}
// Promises of LLRT itself have the methods too, and are promises by `instanceof`.
Object.defineProperty(Tracked, "name", { value: "Promise" })
define(native.Promise.prototype, "then", function then(onFulfilled, onRejected) {
  handled.add(this)
  return native.promiseThen.call(this, onFulfilled, onRejected)
})
define(native.Promise.prototype, "constructor", Tracked)
Object.defineProperty(Tracked, Symbol.hasInstance, { value: (value) => value instanceof native.Promise })
globalThis.Promise = Tracked
