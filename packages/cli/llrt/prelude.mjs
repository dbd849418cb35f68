// The parts of Node that LLRT 0.8.1-beta does not have, or has otherwise, and that an extension or its packages use.
// The build puts this text before the loader of a layer for LLRT, so it runs before any module of the program. Each part
// says which feature of LLRT makes it superfluous.

const native = {
  Promise: globalThis.Promise,
  promiseThen: globalThis.Promise.prototype.then,
  parse: JSON.parse,
  bufferFrom: Buffer.from,
  bufferSubarray: Buffer.prototype.subarray,
  bufferToString: Buffer.prototype.toString,
  clearTimeout: globalThis.clearTimeout,
  console: { ...console },
  exit: process.exit,
  net: { ...require("net").default },
  queueMicrotask: globalThis.queueMicrotask,
  setImmediate: globalThis.setImmediate,
  setInterval: globalThis.setInterval,
  setTimeout: globalThis.setTimeout
}

/** The member is not listed: LLRT cannot load its module `process` if the object lists more than it knows. */
const define = (target, name, value) =>
  Object.defineProperty(target, name, { configurable: true, enumerable: false, value, writable: true })

// --- Stacks. Superfluous when `error.stack` begins with the message, and has the path of a .lrt file.

const [, started] = process.argv
const ownFile = (started.startsWith("/") ? started : `${process.cwd()}/${started}`).replace(/\/[^/]+\/\.\.\//g, "/")
const folder = ownFile.slice(0, ownFile.lastIndexOf("/"))

const placeOf = (site) => {
  const file = site.getFileName()
  if (site.isNative() || file === null) return "native"
  // The name in the bytecode is the one that the build compiled.
  const path = file === "bundle" ? `${folder}/bundle.lrt` : file
  return `${path}:${site.getLineNumber()}:${site.getColumnNumber()}`
}

const prototypes = new Set(
  [Error, EvalError, InternalError, RangeError, ReferenceError, SyntaxError, TypeError].map(
    ({ prototype }) => prototype
  )
)

/** LLRT gives an error of its own its message when it has the stack already. */
const watchMessage = (error, frames) =>
  Object.defineProperty(error, "message", {
    configurable: true,
    get: () => "",
    set(message) {
      define(error, "message", message)
      define(error, "stack", `${error}${frames}`)
      if (frames === "" && error.message.includes("(os error 107)")) sayLost()
    }
  })

Error.prepareStackTrace = (error, sites) => {
  let frames = ""
  for (const site of sites) {
    // The wrappers of this file are no place in the program.
    if (![ownFile, started].includes(site.getFileName()))
      frames += `\n    at ${site.getFunctionName() || "<anonymous>"} (${placeOf(site)})`
  }
  try {
    const stack = `${error}${frames}`
    if (!Object.hasOwn(error, "message") && prototypes.has(Object.getPrototypeOf(error))) watchMessage(error, frames)
    return stack
  } catch {
    // A message whose getter throws.
    return `Error${frames}`
  }
}

// --- A reset connection. Superfluous when `net` keeps a server alive whose client resets a connection before LLRT asks for its
// address. Nothing in JavaScript keeps the process from ending then, so the log at least says why.

const sayLost = () => {
  const message = "the extension ends: a client reset its connection before LLRT had accepted it, which ends LLRT"
  native.console.log(JSON.stringify({ timestamp: new Date(), level: "FATAL", message }))
}

// --- Symbols. Superfluous when LLRT has them: the members of a class would all have the name "undefined".

for (const name of ["dispose", "asyncDispose"]) {
  if (Symbol[name] === undefined) Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) })
}

// --- Events of the process. Superfluous when LLRT has `process.on`, and calls it for errors that nothing caught.

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

class Emitter {
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
function EventEmitter() {}
EventEmitter.prototype = Emitter.prototype
Object.assign(EventEmitter, { EventEmitter, default: EventEmitter, defaultMaxListeners: 10 })
define(Emitter.prototype, "constructor", EventEmitter)

const events = new Emitter()
for (const name of Object.getOwnPropertyNames(Emitter.prototype)) {
  if (name === "constructor") continue
  define(process, name, (...values) => {
    const result = events[name](...values)
    return result === events ? process : result
  })
}

const textOf = (cause) => (cause instanceof Error ? cause.stack : String(cause))

/** Nothing caught it: listeners hear of it, and without one the process ends, as on Node. */
const uncaught = (cause, origin = "uncaughtException") => {
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
const guarded = (callback, values = []) => {
  if (typeof callback !== "function") throw new TypeError("the callback is not a function")
  return (...own) => {
    try {
      callback(...values, ...own)
    } catch (cause) {
      uncaught(cause)
    }
  }
}

// --- Callbacks. Superfluous when an error in a callback or a listener of LLRT does not end the process.

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
const guardFunctions = (target, names) => {
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
const adopt = (emitter) => {
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
let isExiting = false
process.exit = (code = process.exitCode ?? 0) => {
  if (!isExiting) {
    isExiting = true
    try {
      events.emit("exit", code)
    } catch (cause) {
      uncaught(cause)
    }
    flush()
  }
  native.exit(code)
}

// --- Rejections. Superfluous when LLRT tells of rejected promises that nothing handles. An async function makes its promise
// past all of this, so the build makes other functions of them.

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

// --- Timers. Superfluous when they take arguments, are objects with `unref`, and an error in one does not end the process.

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

// --- Output. Superfluous when LLRT has `process.stdout`.

const makeOutput = (print) => {
  let unfinished = ""
  const output = Object.assign(new Emitter(), {
    bytesWritten: 0,
    // The system has taken every line when `print` returns.
    writableLength: 0,
    isTTY: false,
    writable: true,
    /** Prints values as `console` does. LLRT does not say how long a list of values became, so only a text is counted. */
    print(...values) {
      if (values.length === 1 && typeof values[0] === "string") output.bytesWritten += Buffer.byteLength(values[0]) + 1
      print(...values)
    },
    write(chunk, encoding, callback) {
      const text = unfinished + (typeof chunk === "string" ? chunk : Buffer.from(chunk).toString())
      const end = text.lastIndexOf("\n")
      unfinished = text.slice(end + 1)
      if (end !== -1) output.print(text.slice(0, end))
      const written = typeof encoding === "function" ? encoding : callback
      if (written !== undefined) process.nextTick(written)
      return true
    },
    flush() {
      if (unfinished !== "") output.print(unfinished)
      unfinished = ""
    }
  })
  return output
}

const stdout = makeOutput(native.console.log)
const stderr = makeOutput(native.console.error)
for (const name of ["log", "info", "debug", "trace"]) console[name] = stdout.print
for (const name of ["error", "warn"]) console[name] = stderr.print
const flush = () => {
  stdout.flush()
  stderr.flush()
}

// These are there, for programs that print by them. They have no frame and no indentation.
for (const name of ["dir", "group", "groupCollapsed", "table"]) console[name] = stdout.print
Object.assign(console, { groupEnd: () => {} })

/** The pages of this process in memory, which is what Lambda counts. LLRT does not tell of its heap. */
const memoryUsage = () => {
  const [, resident = 0] = require("fs").default.readFileSync("/proc/self/statm", "utf8").split(" ")
  return { arrayBuffers: 0, external: 0, heapTotal: 0, heapUsed: 0, rss: Number(resident) * 4096 }
}
memoryUsage.rss = () => memoryUsage().rss

/** The system counts the time on the processor in hundredths of a second. */
const cpuUsage = (since = { user: 0, system: 0 }) => {
  // The name of the program may hold anything.
  const stat = require("fs").default.readFileSync("/proc/self/stat", "utf8").split(") ").at(-1).split(" ")
  return { user: stat[11] * 10_000 - since.user, system: stat[12] * 10_000 - since.system }
}

const members = {
  cpuUsage,
  emitWarning: (warning) => stderr.print(`Warning: ${warning instanceof Error ? warning.message : String(warning)}`),
  execArgv: [],
  execPath: process.argv[0],
  memoryUsage,
  pid: process.id,
  stderr,
  stdout,
  uptime: () => performance.now() / 1000
}
for (const [name, member] of Object.entries(members)) define(process, name, member)

// --- Buffer. Superfluous when `indexOf` takes a text, `latin1` and `ascii` are not read as UTF-8, there is `base64url`, a part
// may end at `undefined`, `copy` takes a microsecond and not a millisecond for 16 KB, and `equals`, `compare` and the methods for
// 64 bits exist.

const isLatin1 = (encoding) => encoding === "latin1" || encoding === "binary"
const beyondAscii = /[^\0-\x7f]/

const base64url = (base64) => base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")

Buffer.from = (value, ...rest) => {
  // LLRT reads both alphabets as base64.
  if (rest[0] === "base64url") return native.bufferFrom(value, "base64")
  if (typeof value !== "string" || !isLatin1(rest[0]) || !beyondAscii.test(value))
    return native.bufferFrom(value, ...rest)
  const bytes = Buffer.alloc(value.length)
  for (let at = 0; at < value.length; at++) bytes[at] = value.charCodeAt(at)
  return bytes
}

const bytesOf = (value, encoding) => (typeof value === "string" ? Buffer.from(value, encoding) : value)

const search = (bytes, wanted, from) => {
  if (wanted.length === 0) return Math.min(from, bytes.length)
  const indexOf = Uint8Array.prototype.indexOf
  for (let at = indexOf.call(bytes, wanted[0], from); at !== -1; at = indexOf.call(bytes, wanted[0], at + 1)) {
    let same = 1
    while (same < wanted.length && bytes[at + same] === wanted[same]) same++
    if (same === wanted.length) return at
  }
  return -1
}

const compare = (one, other) => {
  const shorter = Math.min(one.length, other.length)
  for (let at = 0; at < shorter; at++) {
    if (one[at] !== other[at]) return one[at] < other[at] ? -1 : 1
  }
  return Math.sign(one.length - other.length)
}

const bufferMethods = {
  copy(target, targetStart = 0, start = 0, end = this.length) {
    const part = this.subarray(start, Math.min(end, start + Math.max(0, target.length - targetStart)))
    target.set(part, targetStart)
    return part.length
  },
  subarray(start = 0, end = this.length) {
    return native.bufferSubarray.call(this, start, end)
  },
  slice(start = 0, end = this.length) {
    return native.bufferSubarray.call(this, start, end)
  },
  toString(encoding, start = 0, end = this.length) {
    if (encoding === "base64url") return base64url(this.toString("base64", start, end))
    const text = native.bufferToString.call(this, encoding ?? "utf8", start, end)
    const mask = encoding === "ascii" ? 0x7f : isLatin1(encoding) ? 0xff : undefined
    if (mask === undefined || !beyondAscii.test(text)) return text
    let exact = ""
    for (const byte of this.subarray(start, end)) exact += String.fromCharCode(byte & mask)
    return exact
  },
  indexOf(value, from = 0, encoding = undefined) {
    if (typeof value === "number") return Uint8Array.prototype.indexOf.call(this, value & 255, from)
    if (typeof from === "string") return this.indexOf(value, 0, from)
    return search(this, bytesOf(value, encoding), from < 0 ? Math.max(0, this.length + from) : from)
  },
  includes(value, from, encoding) {
    return this.indexOf(value, from, encoding) !== -1
  },
  equals(other) {
    return this.length === other.length && compare(this, other) === 0
  },
  compare(other) {
    return compare(this, other)
  },
  toJSON() {
    return { type: "Buffer", data: Array.from(this) }
  }
}
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
for (const [end, isLittle] of Object.entries({ BE: false, LE: true })) {
  for (const [kind, of] of Object.entries({ BigInt64: "BigInt64", BigUInt64: "BigUint64", BigUint64: "BigUint64" })) {
    bufferMethods[`read${kind}${end}`] = function (at = 0) {
      return viewOf(this)[`get${of}`](at, isLittle)
    }
    bufferMethods[`write${kind}${end}`] = function (value, at = 0) {
      viewOf(this)[`set${of}`](at, value, isLittle)
      return at + 8
    }
  }
}
for (const [name, method] of Object.entries(bufferMethods)) define(Buffer.prototype, name, method)
Buffer.compare = compare

// --- JSON. Superfluous when LLRT's own parser keeps half of a surrogate pair, `__proto__`, and numbers beyond all bounds,
// throws SyntaxError, and calls the reviver. -0 is 0, as LLRT reads it.

const escapes = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }
const numberSyntax = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** Reads JSON as the language does. It is slower than LLRT's parser, so it has only the texts that the other reads wrong. */
const parseExactly = (text) => {
  let at = 0
  const fail = () => {
    const what = at < text.length ? `Unexpected token ${JSON.stringify(text[at])}` : "Unexpected end of JSON input"
    throw new SyntaxError(`${what} at position ${at}`)
  }
  const skip = () => {
    while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++
  }
  const word = (expected, value) => {
    if (!text.startsWith(expected, at)) fail()
    at += expected.length
    return value
  }
  const string = () => {
    if (text[at] !== '"') fail()
    let result = ""
    for (let from = ++at; ; at++) {
      if (text[at] === '"') {
        result += text.slice(from, at++)
        return result
      }
      if (text[at] === "\\") {
        result += text.slice(from, at++)
        if (text[at] === "u" && /^[\da-f]{4}$/i.test(text.slice(at + 1, at + 5))) {
          result += String.fromCharCode(Number.parseInt(text.slice(at + 1, at + 5), 16))
          at += 4
        } else if (Object.hasOwn(escapes, text[at])) {
          result += escapes[text[at]]
        } else fail()
        from = at + 1
      } else if (at >= text.length || text[at] < " ") fail()
    }
  }
  const list = (end, item) => {
    at++
    skip()
    if (text[at] === end) return void at++
    for (;;) {
      item()
      skip()
      if (text[at] === end) return void at++
      if (text[at] !== ",") fail()
      at++
    }
  }
  const value = () => {
    skip()
    switch (text[at]) {
      case "{": {
        const object = {}
        list("}", () => {
          skip()
          const key = string()
          skip()
          if (text[at] !== ":") fail()
          at++
          Object.defineProperty(object, key, { configurable: true, enumerable: true, value: value(), writable: true })
        })
        return object
      }
      case "[": {
        const array = []
        list("]", () => array.push(value()))
        return array
      }
      case '"':
        return string()
      case "t":
        return word("true", true)
      case "f":
        return word("false", false)
      case "n":
        return word("null", null)
      default: {
        numberSyntax.lastIndex = at
        const digits = numberSyntax.exec(text)
        if (digits === null) fail()
        at += digits[0].length
        return Number(digits[0])
      }
    }
  }
  const result = value()
  skip()
  if (at < text.length) fail()
  return result
}

const revive = (holder, key, reviver) => {
  const value = holder[key]
  if (typeof value === "object" && value !== null) {
    for (const name of Object.keys(value)) {
      const revived = revive(value, name, reviver)
      if (revived === undefined) delete value[name]
      else Object.defineProperty(value, name, { configurable: true, enumerable: true, value: revived, writable: true })
    }
  }
  return reviver.call(holder, key, value)
}

const halfPair = /\\u[dD][89a-fA-F]/

const parse = (text) => {
  if ((text.includes("\\u") && halfPair.test(text)) || text.includes("__proto__")) return parseExactly(text)
  try {
    return native.parse(text)
  } catch {
    return parseExactly(text)
  }
}

define(JSON, "parse", (text, reviver) => {
  const value = parse(String(text))
  return typeof reviver === "function" ? revive({ "": value }, "", reviver) : value
})

// --- Sockets. Superfluous when those of LLRT have `pause`, `destroySoon`, `readable`, `writableLength`, `setNoDelay`,
// `setKeepAlive`, `ref` and `unref`, close when they fail, have the code of an error, and survive an error in a listener.

const codes = {
  1: "EPERM",
  2: "ENOENT",
  13: "EACCES",
  17: "EEXIST",
  18: "EXDEV",
  20: "ENOTDIR",
  21: "EISDIR",
  22: "EINVAL",
  24: "EMFILE",
  28: "ENOSPC",
  30: "EROFS",
  32: "EPIPE",
  39: "ENOTEMPTY",
  40: "ELOOP",
  97: "EAFNOSUPPORT",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  101: "ENETUNREACH",
  104: "ECONNRESET",
  107: "ENOTCONN",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  113: "EHOSTUNREACH"
}

const systemError = (cause) => {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const code = codes[/\(os error (\d+)\)/.exec(error.message)?.[1]]
  return code === undefined ? error : Object.assign(error, { code })
}

/** An address of IPv6 has brackets, since LLRT puts host and port together. */
const bracketed = (host) => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host)

/**
 * The connection of the stub, which is the standard input: LLRT takes over no descriptor, and opens no socket by a path. So
 * another process reads it. Nothing can be written to the connection.
 */
const openRelay = () => {
  const child = spawn("/bin/cat", [], { env: {}, stdio: ["inherit", "pipe", "ignore"] })
  const { stdout } = child
  return {
    on(name, listener) {
      if (name === "data" || name === "end" || name === "error") stdout.on(name, listener)
      if (name === "error" || name === "close") child.on(name, listener)
    },
    once() {},
    connect() {},
    destroy: () => child.kill(),
    end() {},
    read: () => null,
    write() {}
  }
}

const openNative = (fd) => {
  if (fd === undefined) return new native.net.Socket({ allowHalfOpen: true })
  if (fd !== 0) throw new Error("LLRT takes over no descriptor but the standard input")
  return openRelay()
}

/** LLRT keeps a socket to itself while its stream ends. A call fails in that moment, with a value that is no error. */
const whenFree = (call, attempts = 1000) => {
  try {
    call()
  } catch (cause) {
    if (attempts === 0) uncaught(cause)
    else native.setImmediate(() => whenFree(call, attempts - 1))
  }
}

class Socket extends Emitter {
  #native
  #allowHalfOpen
  /** `undefined`: nobody has asked for data so far. */
  #isPaused
  /** LLRT keeps at most 32 KB for a reader that calls `read`; it gives data to a listener at once. */
  #isPulling = false
  #held = []
  #hasEnded = false
  #isEnding = false
  #hasClosed = false
  /** LLRT begins to write when the listener for the connection is done. */
  #isNew = false
  connecting = false
  destroyed = false
  errored = null
  bytesRead = 0
  bytesWritten = 0
  writableLength = 0
  writableEnded = false
  readableEnded = false

  constructor({ allowHalfOpen = false, fd } = {}, socket = openNative(fd), isNew = false) {
    super()
    this.#native = socket
    this.#isNew = isNew
    if (isNew) native.setImmediate(() => (this.#isNew = false))
    this.#allowHalfOpen = allowHalfOpen
    // A connection that cannot be written to is not kept for another request.
    if (fd !== undefined) this.writableLength = 1
    socket.on(
      "data",
      guarded((chunk) => this.#receive(chunk))
    )
    socket.on(
      "end",
      guarded(() => this.#end())
    )
    socket.on(
      "error",
      guarded((cause) => this.destroy(systemError(cause)))
    )
    socket.on(
      "connect",
      guarded(() => this.#connected())
    )
    socket.on(
      "close",
      guarded(() => this.#ended())
    )
  }
  get readable() {
    return !this.destroyed && !this.readableEnded
  }
  get writable() {
    return !this.destroyed && !this.writableEnded
  }
  get pending() {
    return this.connecting
  }
  get closed() {
    return this.#hasClosed
  }
  get remoteAddress() {
    return this.#native.remoteAddress
  }
  get remotePort() {
    return this.#native.remotePort
  }
  get localAddress() {
    return this.#native.localAddress
  }
  get localPort() {
    return this.#native.localPort
  }
  address() {
    return { address: this.localAddress, family: this.#native.localFamily, port: this.localPort }
  }
  connect(...values) {
    const listener = typeof values.at(-1) === "function" ? values.pop() : undefined
    const [first, host] = values
    const options = typeof first === "object" ? first : { port: Number(first), ...(host !== undefined && { host }) }
    if (listener !== undefined) this.once("connect", listener)
    this.connecting = true
    this.#native.connect(options.host === undefined ? options : { ...options, host: bracketed(options.host) })
    return this
  }
  on(name, listener) {
    super.on(name, listener)
    if (name === "data" && this.#isPaused === undefined) this.resume()
    return this
  }
  pause() {
    this.#pull()
    this.#isPaused = true
    return this
  }
  resume() {
    if (this.#isPaused === false) return this
    this.#isPaused = false
    // A listener that is added now gets the data too.
    if (this.#held.length > 0 || this.#isPulling) native.setImmediate(guarded(() => this.#drain()))
    return this
  }
  isPaused() {
    return this.#isPaused === true
  }
  write(data, encoding, callback) {
    const done = typeof encoding === "function" ? encoding : callback
    const bytes = typeof data === "string" ? Buffer.from(data, typeof encoding === "string" ? encoding : "utf8") : data
    if (!this.writable) {
      const error = Object.assign(new Error("write after end"), { code: "ERR_STREAM_WRITE_AFTER_END" })
      if (done !== undefined) process.nextTick(done, error)
      return false
    }
    this.writableLength += bytes.length
    this.#native.write(
      bytes,
      guarded((cause) => {
        this.writableLength -= bytes.length
        if (cause === undefined || cause === null) this.bytesWritten += bytes.length
        done?.(cause === undefined || cause === null ? undefined : systemError(cause))
        if (this.writableLength === 0) this.emit("drain")
      })
    )
    return this.writableLength < 16_384
  }
  end(data, encoding, callback) {
    if (data !== undefined && typeof data !== "function") this.write(data, encoding)
    const done = [data, encoding, callback].find((value) => typeof value === "function")
    if (done !== undefined) this.once("finish", done)
    if (this.writableEnded) return this
    this.writableEnded = true
    this.#native.once(
      "finish",
      guarded(() => this.emit("finish"))
    )
    // LLRT forgets what was written if the end comes before it has begun to write.
    const end = () => whenFree(() => this.#native.end())
    if (this.connecting) this.once("connect", end)
    else if (this.#isNew) native.setImmediate(end)
    else end()
    return this
  }
  destroySoon() {
    if (this.writableLength === 0) return this.destroy()
    this.once("finish", () => this.destroy())
    return this.end()
  }
  destroy(error) {
    if (this.destroyed) return this
    this.destroyed = true
    this.connecting = false
    this.errored = error ?? null
    this.#held = []
    whenFree(() => this.#native.destroy())
    process.nextTick(() => {
      if (error !== undefined && error !== null) {
        try {
          this.emit("error", error)
        } catch (cause) {
          uncaught(cause)
        }
      }
      this.#close()
    })
    return this
  }
  setNoDelay() {
    return this
  }
  setKeepAlive() {
    return this
  }
  setTimeout() {
    return this
  }
  ref() {
    return this
  }
  unref() {
    return this
  }
  #connected() {
    if (this.destroyed) return
    this.connecting = false
    this.emit("connect")
    this.emit("ready")
  }
  /** From now on data waits in LLRT until it is read. LLRT does not go back from that. */
  #pull() {
    if (this.#isPulling) return
    this.#isPulling = true
    // The bytes are there when this event is over.
    this.#native.on(
      "readable",
      guarded(() => native.setImmediate(guarded(() => this.#drain())))
    )
  }
  #receive(chunk) {
    if (this.destroyed) return
    this.bytesRead += chunk.length
    if (this.#isPaused === false) return void this.emit("data", chunk)
    this.#held.push(chunk)
    this.#pull()
  }
  #drain() {
    while (this.#isPaused === false && !this.destroyed) {
      const held = this.#held.shift()
      const chunk = held ?? this.#native.read()
      if (chunk === null || chunk.length === 0) break
      if (held === undefined) this.bytesRead += chunk.length
      this.emit("data", chunk)
      // The next bytes come into LLRT's buffer when it has room.
      if (held === undefined && !this.#hasEnded) return void native.setImmediate(guarded(() => this.#drain()))
    }
    if (this.#hasEnded && this.#isPaused === false) this.#finishReading()
  }
  #end() {
    this.#hasEnded = true
    if (this.#isPulling) this.#drain()
    else this.#finishReading()
  }
  #finishReading() {
    if (this.readableEnded || this.destroyed) return
    this.readableEnded = true
    this.emit("end")
    if (!this.#allowHalfOpen) this.end()
    if (this.#isEnding) this.#close()
  }
  /** LLRT has closed the socket. Bytes that were not read yet come first. */
  #ended() {
    this.#isEnding = true
    if (!this.#hasEnded || this.readableEnded || this.destroyed) this.#close()
  }
  #close() {
    if (this.#hasClosed) return
    this.#hasClosed = true
    this.destroyed = true
    this.emit("close", this.errored !== null)
  }
}

class Server extends Emitter {
  #native
  #hasEnded = false
  constructor(options, onConnection) {
    super()
    const { allowHalfOpen } = typeof options === "object" ? options : {}
    const listener = typeof options === "function" ? options : onConnection
    if (listener !== undefined) this.on("connection", listener)
    this.#native = native.net.createServer({ allowHalfOpen: true })
    this.#native.on(
      "connection",
      guarded((socket) => {
        // LLRT may have accepted it when the server closed.
        if (this.#hasEnded) socket.destroy()
        else this.emit("connection", new Socket({ allowHalfOpen }, socket, true))
      })
    )
    this.#native.on(
      "error",
      guarded((cause) => this.emit("error", systemError(cause)))
    )
    this.#native.on(
      "close",
      guarded(() => this.emit("close"))
    )
  }
  listen(...values) {
    const listener = typeof values.at(-1) === "function" ? values.pop() : undefined
    const [first, second] = values
    const options = typeof first === "object" ? first : { port: Number(first ?? 0), host: second }
    const { host = "0.0.0.0", path, port = 0 } = options
    if (path === undefined && !(Number.isInteger(port) && port >= 0 && port < 65_536)) {
      const message = `options.port should be >= 0 and < 65536. Received ${String(port)}`
      throw Object.assign(new RangeError(message), { code: "ERR_SOCKET_BAD_PORT" })
    }
    this.#hasEnded = false
    if (listener !== undefined) this.once("listening", listener)
    this.#native.on(
      "listening",
      guarded(() => this.emit("listening"))
    )
    this.#native.listen(path === undefined ? { host: bracketed(host), port } : { path })
    return this
  }
  address() {
    return this.#native.address() ?? null
  }
  close(callback) {
    if (callback !== undefined) this.once("close", callback)
    this.#hasEnded = true
    whenFree(() => this.#native.close())
    return this
  }
  ref() {
    return this
  }
  unref() {
    return this
  }
}

const connect = (...values) => new Socket(values[0]).connect(...values)
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}$/
const isIPv4 = (text) => ipv4.test(text) && !text.endsWith(".")
const isIPv6 = (text) => text.includes(":") && URL.canParse(`http://[${text}]/`)
// The answer to the poll of the stub comes to no more than a page. What is not read waits in memory then.
require("fs").default.fstatSync = (fd) => require("fs").default.statSync(`/proc/self/fd/${fd}`)
Object.assign(require("net").default, {
  connect,
  createConnection: connect,
  createServer: (options, onConnection) => new Server(options, onConnection),
  isIP: (text) => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0),
  isIPv4,
  isIPv6,
  Server,
  Socket
})

// --- Processes. Superfluous when a child gets `process.env` and not the environment of this process.

const processes = require("child_process").default
const { spawn } = processes
processes.spawn = (command, ...rest) => {
  const list = Array.isArray(rest[0]) ? rest[0] : []
  const options = (Array.isArray(rest[0]) ? rest[1] : rest[0]) ?? {}
  const child = adopt(spawn(command, list, { ...options, env: { ...(options.env ?? process.env) } }))
  for (const name of ["stdin", "stdout", "stderr"]) adopt(child[name])
  return child
}

// --- Modules. Superfluous when LLRT has `process.getBuiltinModule`.

// --- Promises of LLRT itself. Superfluous when LLRT tells of rejections, and errors of `fs` and `fetch` have a code and a place.

/** Gives an error of LLRT, which has no place, the one of the call. */
const placed = (cause, call) => {
  const error = systemError(cause)
  if (!error.stack?.includes("\n    at ")) define(error, "stack", `${error}${call.stack.slice(String(call).length)}`)
  return error
}

/** Makes functions say where they were called when they fail, and makes a rejection that nothing handles seen. */
const explainFunctions = (target, names) => {
  for (const name of names) {
    const original = target[name]
    if (typeof original !== "function" || original.prototype !== undefined) continue
    define(target, name, function (...values) {
      const call = new Error()
      try {
        const result = original.apply(this, values)
        if (!(result instanceof native.Promise)) return result
        return result.catch((cause) => {
          throw placed(cause, call)
        })
      } catch (cause) {
        throw placed(cause, call)
      }
    })
  }
}

explainFunctions(globalThis, ["fetch"])
const bodyMethods = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]
for (const { prototype } of [Request, Response]) explainFunctions(prototype, bodyMethods)

// --- Addresses. Superfluous when the base of a `URL`, and the member `url` in the settings of a `Request`, may be a `URL`.

globalThis.URL = new Proxy(URL, {
  construct: (target, [url, base], newTarget) =>
    Reflect.construct(target, base === undefined ? [String(url)] : [String(url), String(base)], newTarget)
})
define(URL.prototype, "constructor", URL)
globalThis.Request = new Proxy(Request, {
  construct(target, [input, init], newTarget) {
    // The language of the web has no such member, and LLRT reads it as a text.
    const settings = typeof init?.url === "object" ? { ...init, url: undefined } : (init ?? {})
    return Reflect.construct(target, [input instanceof URL ? String(input) : input, settings], newTarget)
  }
})

// --- HMAC of the web. Superfluous when `crypto.subtle.importKey` takes a key for it. Requests to AWS are signed by it.

const { subtle } = crypto
const hmacKeys = new WeakMap()
const nativeSubtle = { importKey: subtle.importKey, sign: subtle.sign, verify: subtle.verify }

const hmacOf = (key, data) => {
  const { hash, secret } = hmacKeys.get(key)
  const digest = process.getBuiltinModule("node:crypto").createHmac(hash, secret).update(Buffer.from(data)).digest()
  return digest.buffer.slice(digest.byteOffset, digest.byteOffset + digest.byteLength)
}

/** Takes the same time whatever is different. */
const isSame = (one, other) => {
  let difference = one.length ^ other.length
  for (let at = 0; at < one.length; at++) difference |= one[at] ^ other[at]
  return difference === 0
}

const asyncOf =
  (run) =>
  (...values) =>
    new Promise((resolve) => resolve(run(...values)))

Object.assign(subtle, {
  importKey: asyncOf((format, secret, algorithm, extractable, usages) => {
    if (format !== "raw" || algorithm.name?.toUpperCase() !== "HMAC")
      return nativeSubtle.importKey.call(subtle, format, secret, algorithm, extractable, usages)
    const name = algorithm.hash.name ?? algorithm.hash
    const bytes = Buffer.from(secret)
    const own = { name: "HMAC", hash: { name }, length: bytes.length * 8 }
    const key = { type: "secret", extractable, algorithm: own, usages: [...usages] }
    Object.setPrototypeOf(key, globalThis.CryptoKey?.prototype ?? Object.prototype)
    hmacKeys.set(key, { hash: name.replace("-", "").toLowerCase(), secret: bytes })
    return key
  }),
  sign: asyncOf((algorithm, key, data) =>
    hmacKeys.has(key) ? hmacOf(key, data) : nativeSubtle.sign.call(subtle, algorithm, key, data)
  ),
  verify: asyncOf((algorithm, key, signature, data) =>
    hmacKeys.has(key)
      ? isSame(Buffer.from(hmacOf(key, data)), Buffer.from(signature))
      : nativeSubtle.verify.call(subtle, algorithm, key, signature, data)
  )
})

/** What is mended in a module that few programs use, when it is asked for. */
const mendings = {
  crypto: (crypto) => {
    guardFunctions(crypto, ["randomFill"])
    for (const hash of [crypto.createHash("sha256"), crypto.createHmac("sha256", "")]) {
      const prototype = Object.getPrototypeOf(hash)
      const { digest } = prototype
      define(prototype, "digest", function (...values) {
        return values[0] === "base64url" ? base64url(digest.call(this, "base64")) : digest.apply(this, values)
      })
    }
  },
  dgram: (dgram) => {
    const { createSocket } = dgram
    dgram.createSocket = (...values) => adopt(createSocket(...values))
  },
  dns: (dns) => guardFunctions(dns, ["lookup"]),
  fs: (fs) => {
    explainFunctions(fs, Object.keys(fs))
    explainFunctions(fs.promises, Object.keys(fs.promises))
  },
  "fs/promises": (fs) => explainFunctions(fs, Object.keys(fs)),
  zlib: (zlib) => {
    const names = Object.keys(zlib)
    guardFunctions(
      zlib,
      names.filter((name) => names.includes(`${name}Sync`))
    )
  }
}

define(process, "getBuiltinModule", (id) => {
  const name = id.replace(/^node:/, "")
  if (name === "process") return process
  if (name === "events") return EventEmitter
  try {
    const loaded = require(name)
    const module = loaded.default ?? loaded
    mendings[name]?.(module)
    delete mendings[name]
    return module
  } catch {
    return undefined
  }
})
