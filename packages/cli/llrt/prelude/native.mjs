// What LLRT gave before any part of the prelude changed it.

/** A module of LLRT. The bundler would make something else of a bare `require`. */
export const builtin = (name) => {
  const loaded = globalThis.require(name)
  return loaded.default ?? loaded
}

export const native = {
  Promise: globalThis.Promise,
  promiseThen: globalThis.Promise.prototype.then,
  parse: JSON.parse,
  bufferFrom: Buffer.from,
  bufferSubarray: Buffer.prototype.subarray,
  bufferToString: Buffer.prototype.toString,
  clearTimeout: globalThis.clearTimeout,
  console: { ...console },
  exit: process.exit,
  net: { ...builtin("net") },
  queueMicrotask: globalThis.queueMicrotask,
  setImmediate: globalThis.setImmediate,
  setInterval: globalThis.setInterval,
  setTimeout: globalThis.setTimeout
}

let processes

/** Its `child_process`. Loading a module takes almost a tenth of a millisecond, so one that few programs use waits for them. */
export const nativeProcesses = () => (processes ??= { ...builtin("child_process") })

/** The member is not listed: LLRT cannot load its module `process` if the object lists more than it knows. */
export const define = (target, name, value) =>
  Object.defineProperty(target, name, { configurable: true, enumerable: false, value, writable: true })
