import type * as Net from "node:net"
import { type Answer, parse } from "./Answer.ts"

export interface Call {
  readonly method: string
  readonly onAnswer: (answer: Answer) => void
  /**
   * @param isLost the other side ended or reset the connection before it answered anything: where it was kept, it may have
   *   been dead before the request
   */
  readonly onError: (error: Error, isLost: boolean) => void
}

// Loaded when it is needed: that takes a twentieth of the start, and the first request of a program that inherits its
// connection does not wait for it.
const net = () => process.getBuiltinModule("node:net")
const fs = process.getBuiltinModule("node:fs")

/**
 * One TCP connection, which carries one call after the other. No time limit anywhere: a parked next may wait for hours.
 *
 * It does not keep the process alive while no call is under way.
 */
export class Connection {
  /** `host:port`, as the Host header has it. */
  readonly authority: string
  /** Whether it was open before the call that it carries, and may have died unnoticed. */
  isKept = false
  readonly #onClose: (closed: Connection) => void
  #socket: Net.Socket | undefined
  /** What this process inherited, until there is a socket for it. */
  #descriptor: number | undefined
  #call: Call | undefined
  #received: Buffer = Buffer.alloc(0)
  /** What of the first request did not go to the descriptor. */
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
   * One that the process before this one opened, by its descriptor; `undefined`: that is no socket.
   *
   * A request in this turn of the event loop is written to the descriptor itself; after it there is a socket.
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
      // Never more than fits into the buffer of a new connection: writing to a descriptor of bash blocks.
      this.#rest = request.subarray(fs.writeSync(this.#descriptor, request, 0, Math.min(request.length, 16_384)))
    } catch (cause) {
      this.#fail(cause)
    }
  }

  /** Gives up this call, and the connection with it. Nothing, where the call has ended. */
  abandon(call: Call): void {
    if (this.#call !== call) return
    this.#call = undefined
    this.destroy()
  }

  /** A call under way fails. */
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
        // Somebody else closed it.
      }
      this.#onClose(this)
    }
    call?.onError(new Error("the connection was closed by this process"), false)
  }

  #attachDescriptor(): void {
    // Closed meanwhile.
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
      // No time limit: it finds out that nobody is there, such as after a freeze, and a poll that waits is lost, not forgotten.
      .setKeepAlive(true, 1000)
      .on("data", (chunk: Buffer) => this.#read(chunk))
      .on("end", () => this.#end())
      // Not `once`: an error after the first one must not end the process.
      .on("error", (error) => this.#fail(error))
      .on("close", () => {
        this.#onClose(this)
        this.#end()
      })
  }

  #read(chunk: Buffer): void {
    // Nobody asked.
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
