/** The client's side of a connection: it carries one call after the other. */
import type * as Net from "node:net"
import type { Answer, AnswerReader } from "./Answer.ts"

/**
 * How far a call came that has no answer.
 *
 * - `unsent`: the connection took no byte of the request
 * - `unanswered`: the other side ended or reset the connection before it answered anything; a kept connection may have
 *   been dead before the request
 * - `broken`: any other failure
 */
export type Loss = "unsent" | "unanswered" | "broken"

export interface Call {
  readonly reader: AnswerReader
  /** A part of the answer has come, and not all of it. */
  readonly onPart?: () => void
  readonly onAnswer: (answer: Answer) => void
  readonly onError: (error: Error, loss: Loss) => void
}

// Modules are loaded when they are needed. `node:net` takes a twentieth of the start, and the first request of a program that
// inherits its connection does not wait for it. LLRT has loaded none of them.
const net = () => process.getBuiltinModule("node:net")
const fs = () => process.getBuiltinModule("node:fs")

/**
 * A connection, which carries calls one after the other, without a time limit: a parked next may wait for hours.
 *
 * The connection keeps the process alive only while a call is under way.
 */
export class Connection {
  /** `host:port`, as the Host header has it. */
  readonly authority: string
  /** Whether the connection was open before its current call, and may have died unnoticed. */
  isKept = false
  /**
   * The request that the process before this one has sent, such as `GET /path`. Its answer belongs to the first call of
   * that request; until then the connection carries nothing else.
   */
  sent: string | undefined
  readonly #onClose: (closed: Connection) => void
  #socket: Net.Socket | undefined
  /** The inherited descriptor, until there is a socket for it. */
  #descriptor: number | undefined
  #call: Call | undefined
  /** Whether the last part of the request was given to the socket. */
  #isWhole = true
  #isUnsent = false
  /** The part of the first request that was not written to the descriptor. */
  #rest: Uint8Array = Buffer.alloc(0)

  private constructor(authority: string, onClose: (closed: Connection) => void) {
    this.authority = authority
    this.#onClose = onClose
  }

  /**
   * A connection to Lambda.
   *
   * @param onClose it can carry nothing any more
   */
  static open(authority: string, hostname: string, port: number, onClose: (closed: Connection) => void): Connection {
    const connection = new Connection(authority, onClose)
    connection.#attach(net().connect({ host: hostname, port }))
    return connection
  }

  /**
   * A connection over a socket that is connected.
   *
   * @param onClose it can carry nothing any more
   */
  static over(authority: string, socket: Net.Socket, onClose: (closed: Connection) => void): Connection {
    const connection = new Connection(authority, onClose)
    connection.#use(socket)
    return connection
  }

  /**
   * A connection that the process before this one opened, by its descriptor; `undefined`: the descriptor is not a
   * socket.
   *
   * A request in this turn of the event loop is written to the descriptor itself; in the next turn there is a socket.
   *
   * @param sent the request that waits for its answer on the connection already
   * @param onClose it can carry nothing any more
   */
  static inherit(
    authority: string,
    descriptor: number,
    sent: string | undefined,
    onClose: (closed: Connection) => void
  ): Connection | undefined {
    try {
      if (!fs().fstatSync(descriptor).isSocket()) return undefined
    } catch {
      return undefined
    }
    const connection = new Connection(authority, onClose)
    connection.#descriptor = descriptor
    connection.sent = sent
    // The answer to a request that was sent stays in the kernel until a call asks for it.
    if (sent !== undefined) return connection
    connection.isKept = true
    setImmediate(() => connection.#attachDescriptor())
    return connection
  }

  get isIdle(): boolean {
    return (
      this.#call === undefined &&
      this.sent === undefined &&
      (this.#descriptor !== undefined || this.#socket?.readable === true)
    )
  }

  /**
   * @param request head and body: they leave in one packet
   * @param isWhole otherwise {@link write} has the rest
   */
  send(request: Uint8Array, call: Call, isWhole = true): void {
    this.#call = call
    this.#isWhole = isWhole
    if (this.#descriptor === undefined) {
      this.#socket?.ref().write(request)
      // A socket that the other side has reset refuses the first byte at once.
      this.#isUnsent = (this.#socket?.errored ?? null) !== null
      return
    }
    try {
      // At most the size of a new connection's buffer: writing to a descriptor of bash blocks.
      this.#rest = request.subarray(fs().writeSync(this.#descriptor, request, 0, Math.min(request.length, 16_384)))
    } catch (cause) {
      this.#fail(cause)
    }
  }

  /**
   * The next part of the request. Nothing happens if the call has ended.
   *
   * @param onTaken the next part may come
   */
  write(part: Uint8Array, call: Call, isLast: boolean, onTaken: () => void): void {
    if (this.#call !== call) return
    this.#isWhole = isLast
    this.#socket?.write(part, () => onTaken())
  }

  /** Waits for the answer to the request that was sent before this process. */
  receive(call: Call): void {
    this.sent = undefined
    this.#call = call
    this.#attachDescriptor()
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
        fs().closeSync(descriptor)
      } catch {
        // Other code has closed the descriptor.
      }
      this.#onClose(this)
    }
    call?.onError(new Error("the connection was closed by this process"), "broken")
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
    // Not a time limit: keepalive finds out that the other side is gone, such as after a freeze. A waiting poll then
    // fails as lost, instead of waiting for ever.
    this.#use(socket.setKeepAlive(true, 1000))
  }

  #use(socket: Net.Socket): void {
    this.#socket = socket
      .setNoDelay(true)
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
    const call = this.#call
    // No call is under way.
    if (call === undefined) return this.destroy()
    let answer: Answer | undefined
    try {
      answer = call.reader.read(chunk)
    } catch (cause) {
      return this.#fail(cause)
    }
    if (answer === undefined) call.onPart?.()
    else this.#finish(call, answer)
  }

  #end(): void {
    const answer = this.#call?.reader.end()
    if (this.#call !== undefined && answer !== undefined) return this.#finish(this.#call, answer)
    this.#fail(
      Object.assign(new Error("the connection was closed before the answer was complete"), { code: "ECONNRESET" })
    )
  }

  #finish(call: Call, answer: Answer): void {
    this.#call = undefined
    // An answer may come before the request has left.
    if (answer.isReusable && this.#isWhole && this.#socket?.writableLength === 0) {
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
    const isLost = isReset && call?.reader.hasBegun === false
    call?.onError(error, this.#isUnsent ? "unsent" : isLost ? "unanswered" : "broken")
  }
}
