// `node:net` over the sockets. Superfluous when those of LLRT are as `sockets.mjs` asks.
import { Emitter } from "./emitter.mjs"
import { builtin, native } from "./native.mjs"
import { guarded } from "./process.mjs"
import { Socket, bracketed, whenFree } from "./sockets.mjs"
import { systemError } from "./systemError.mjs"

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
Object.assign(builtin("net"), {
  connect,
  createConnection: connect,
  createServer: (options, onConnection) => new Server(options, onConnection),
  isIP: (text) => (isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0),
  isIPv4,
  isIPv6,
  Server,
  Socket
})
