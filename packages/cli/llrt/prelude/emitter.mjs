// Emitters as Node has them. Superfluous when those of LLRT survive an error in a listener.
import { define } from "./native.mjs"

const listenersOf = new WeakMap()

/** Beside the object and not in it: some classes inherit from an emitter without a call of its constructor. */
const entriesOf = (emitter) => {
  const known = listenersOf.get(emitter)
  if (known !== undefined) return known
  const entries = new Map()
  listenersOf.set(emitter, entries)
  return entries
}

const addListener = (emitter, name, listener, isFirst, isOnce) => {
  if (typeof listener !== "function") {
    const message = `The "listener" argument must be of type function. Received ${String(listener)}`
    throw Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_TYPE" })
  }
  const known = entriesOf(emitter).get(name) ?? []
  const entry = { listener, isOnce }
  entriesOf(emitter).set(name, isFirst ? [entry, ...known] : [...known, entry])
  return emitter
}

export class Emitter {
  on(name, listener) {
    return addListener(this, name, listener, false, false)
  }
  once(name, listener) {
    return addListener(this, name, listener, false, true)
  }
  prependListener(name, listener) {
    return addListener(this, name, listener, true, false)
  }
  prependOnceListener(name, listener) {
    return addListener(this, name, listener, true, true)
  }
  addListener(name, listener) {
    return this.on(name, listener)
  }
  off(name, listener) {
    const known = entriesOf(this).get(name) ?? []
    const at = known.findLastIndex((entry) => entry.listener === listener)
    if (at !== -1) entriesOf(this).set(name, known.toSpliced(at, 1))
    return this
  }
  removeListener(name, listener) {
    return this.off(name, listener)
  }
  removeAllListeners(name) {
    if (name === undefined) entriesOf(this).clear()
    else entriesOf(this).delete(name)
    return this
  }
  listeners(name) {
    return (entriesOf(this).get(name) ?? []).map(({ listener }) => listener)
  }
  listenerCount(name) {
    return (entriesOf(this).get(name) ?? []).length
  }
  eventNames() {
    return Array.from(entriesOf(this)).flatMap(([name, entries]) => (entries.length === 0 ? [] : [name]))
  }
  setMaxListeners() {
    return this
  }
  emit(name, ...values) {
    const entries = entriesOf(this).get(name)
    if (entries === undefined || entries.length === 0) {
      if (name === "error") throw values[0] instanceof Error ? values[0] : new Error(`Unhandled error. (${values[0]})`)
      return false
    }
    for (const { isOnce, listener } of entries) {
      if (isOnce) this.off(name, listener)
      listener.apply(this, values)
    }
    return true
  }
}

/** The class of `node:events`: a function, since older packages call it without `new`. */
export function EventEmitter() {}
EventEmitter.prototype = Emitter.prototype
Object.assign(EventEmitter, { EventEmitter, default: EventEmitter, defaultMaxListeners: 10 })
define(Emitter.prototype, "constructor", EventEmitter)
