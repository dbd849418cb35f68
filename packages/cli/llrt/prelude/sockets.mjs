// Sockets. Superfluous when those of LLRT have `pause`, `destroySoon`, `readable`, `writableLength`, `setNoDelay`,
// `setKeepAlive`, `ref` and `unref`, close when they fail, have the code of an error, and survive an error in a listener.
import { Emitter } from "./emitter.mjs"
import { native, nativeProcesses } from "./native.mjs"
import { guarded, uncaught } from "./process.mjs"
import { systemError } from "./systemError.mjs"

/** An address of IPv6 has brackets, since LLRT puts host and port together. */
export const bracketed = (host) => (host.includes(":") && !host.startsWith("[") ? `[${host}]` : host)

/**
 * The connection of the stub, which is the standard input: LLRT takes over no descriptor, and opens no socket by a path. So
 * another process reads it. Nothing can be written to the connection.
 */
const openRelay = () => {
  const child = nativeProcesses().spawn("/bin/cat", [], { env: {}, stdio: ["inherit", "pipe", "ignore"] })
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
export const whenFree = (call, attempts = 1000) => {
  try {
    call()
  } catch (cause) {
    if (attempts === 0) uncaught(cause)
    else native.setImmediate(() => whenFree(call, attempts - 1))
  }
}

export class Socket extends Emitter {
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
