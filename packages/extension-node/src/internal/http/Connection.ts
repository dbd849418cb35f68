/** A TCP connection to Lambda: it carries one call after the other. */
import type * as Net from "node:net"
import { type Answer, parse } from "./Answer.ts"

export interface Call {
  readonly method: string
  readonly onAnswer: (answer: Answer) => void
  /**
   * @param isLost the other side ended or reset the connection before it answered anything: a kept connection may have
   *   been dead before the request
   */
  readonly onError: (error: Error, isLost: boolean) => void
}

// `node:net` is loaded when it is needed: loading takes a twentieth of the start, and the first request of a program that
// inherits its connection does not wait for it.
const net = () => process.getBuiltinModule("node:net")
const fs = process.getBuiltinModule("node:fs")

/**
 * A TCP connection, which carries calls one after the other, without a time limit: a parked next may wait for hours.
 *
 * The connection keeps the process alive only while a call is under way.
 */
export class Connection {
  /** `host:port`, as the Host header has it. */
  readonly authority: string
  /** Whether the connection was open before its current call, and may have died unnoticed. */
  isKept = false
  readonly #onClose: (closed: Connection) => void
  #socket: Net.Socket | undefined
  /** The inherited descriptor, until there is a socket for it. */
  #descriptor: number | undefined
  #call: Call | undefined
  #received: Buffer = Buffer.alloc(0)
  /** The part of the first request that was not written to the descriptor. */
  #rest: Uint8Array = Buffer.alloc(0)

  private constructor(authority: string, onClose: (closed: Connection) => void) {
    this.authority = authority
    this.#onClose = onClose
  }

  /** @param onClose it can carry nothing any more */
  static open(authority: string, hostname: string, port: number, onClose: (closed: Connection) => void): Connection {
    const connection = new Connection(authority, onClose)
    connection.#attach(net().connect({ host: hostname, port }))
    return connection
  }

  /**
   * A connection that the process before this one opened, by its descriptor; `undefined`: the descriptor is not a
   * socket.
   *
   * A request in this turn of the event loop is written to the descriptor itself; in the next turn there is a socket.
   *
   * @param onClose it can carry nothing any more
   */
  static inherit(authority: string, descriptor: number, onClose: (closed: Connection) => void): Connection | undefined {
    try {
      if (!fs.fstatSync(descriptor).isSocket()) return undefined
    } catch {
      return undefined
    }
    const connection = new Connection(authority, onClose)
    connection.#descriptor = descriptor
    connection.isKept = true
    setImmediate(() => connection.#attachDescriptor())
    return connection
  }

  get isIdle(): boolean {
    return this.#call === undefined && (this.#descriptor !== undefined || this.#socket?.readable === true)
  }

  /** @param request head and body: they leave in one packet */
  send(request: Uint8Array, call: Call): void {
    this.#call = call
    this.#received = Buffer.alloc(0)
    if (this.#descriptor === undefined) {
      this.#socket?.ref().write(request)
      return
    }
    try {
      // At most the size of a new connection's buffer: writing to a descriptor of bash blocks.
      this.#rest = request.subarray(fs.writeSync(this.#descriptor, request, 0, Math.min(request.length, 16_384)))
    } catch (cause) {
      this.#fail(cause)
    }
  }

  /** Gives up this call, and the connection with it. Does nothing if the call has ended. */
  abandon(call: Call): void {
    if (this.#call !== call) return
    this.#call = undefined
    this.destroy()
  }

  /** Closes the connection. A call under way fails. */
  destroy(): void {
    const call = this.#call
    const descriptor = this.#descriptor
    this.#call = undefined
    this.#descriptor = undefined
    this.#socket?.destroy()
    if (descriptor !== undefined) {
      try {
        fs.closeSync(descriptor)
      } catch {
        // Other code has closed the descriptor.
      }
      this.#onClose(this)
    }
    call?.onError(new Error("the connection was closed by this process"), false)
  }

  #attachDescriptor(): void {
    // The connection was closed before this turn.
    if (this.#descriptor === undefined) return
    try {
      this.#attach(new (net().Socket)({ fd: this.#descriptor }))
    } catch (cause) {
      return this.#fail(cause)
    }
    this.#descriptor = undefined
    if (this.#call === undefined) this.#socket?.unref()
    else if (this.#rest.length > 0) this.#socket?.write(this.#rest)
  }

  #attach(socket: Net.Socket): void {
    this.#socket = socket
      .setNoDelay(true)
      // Not a time limit: keepalive finds out that the other side is gone, such as after a freeze. A waiting poll then
      // fails as lost, instead of waiting for ever.
      .setKeepAlive(true, 1000)
      .on("data", (chunk: Buffer) => this.#read(chunk))
      .on("end", () => this.#end())
      // `on`, not `once`: a second error must not end the process.
      .on("error", (error) => this.#fail(error))
      .on("close", () => {
        this.#onClose(this)
        this.#end()
      })
  }

  #read(chunk: Buffer): void {
    // No call is under way.
    if (this.#call === undefined) return this.destroy()
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    this.#parse(this.#call, false)
  }

  #end(): void {
    if (this.#call !== undefined && this.#received.length > 0) this.#parse(this.#call, true)
    this.#fail(
      Object.assign(new Error("the connection was closed before the answer was complete"), { code: "ECONNRESET" })
    )
  }

  #parse(call: Call, isEnded: boolean): void {
    let answer: Answer | undefined
    try {
      answer = parse(this.#received, call.method, isEnded)
    } catch (cause) {
      return this.#fail(cause)
    }
    if (answer === undefined) return
    this.#call = undefined
    // An answer may come before the request has left.
    if (answer.isReusable && this.#socket?.writableLength === 0) {
      this.isKept = true
      this.#socket.unref()
    } else {
      this.destroy()
    }
    call.onAnswer(answer)
  }

  #fail(cause: unknown): void {
    const call = this.#call
    this.#call = undefined
    this.destroy()
    const error: NodeJS.ErrnoException = cause instanceof Error ? cause : new Error(String(cause))
    const isReset = error.code === "ECONNRESET" || error.code === "EPIPE"
    call?.onError(error, isReset && this.#received.length === 0)
  }
}
