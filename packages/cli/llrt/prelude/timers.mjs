// Timers. Superfluous when they take arguments, are objects with `unref`, and an error in one does not end the process.
import { define, native } from "./native.mjs"
import { guarded } from "./process.mjs"

const timerOf =
  (start) =>
  (callback, millis, ...values) =>
    // More than Node can count is one millisecond there.
    start(guarded(callback, values), millis >= 1 && millis <= 0x7fffffff ? millis : 1)

globalThis.setTimeout = timerOf(native.setTimeout)
globalThis.setInterval = timerOf(native.setInterval)
globalThis.setImmediate = (callback, ...values) => native.setImmediate(guarded(callback, values))
globalThis.clearImmediate = native.clearTimeout
globalThis.queueMicrotask = (callback) => native.queueMicrotask(guarded(callback))
define(process, "nextTick", (callback, ...values) => native.queueMicrotask(guarded(callback, values)))

// A timer is a number. The process does not end while it waits for nothing but such a timer; `runMain` ends it by itself.
for (const name of ["ref", "unref"]) {
  define(Number.prototype, name, function unchanged() {
    "use strict"
    return this.valueOf()
  })
}
