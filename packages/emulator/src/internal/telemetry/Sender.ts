/** Takes batches to a listener. The names of the sandbox mean this machine, without a look-up. */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Crypto from "node:crypto"
import * as Net from "node:net"
import NodeProcess from "node:process"
import type { WireRecord } from "../journal/WireRecord.ts"
import type { Source } from "../Source.ts"
import type { Batch } from "./Batcher.ts"
import { bodyOf, bytesOf } from "./Batcher.ts"
import type { Destination } from "./Subscription.ts"
import { describeDestination } from "./Subscription.ts"

/** An import would make Node load the client of `WebSocket` too, for 30 ms. */
const Http = NodeProcess.getBuiltinModule("node:http")

/** There is no listener, or its answer was an error; `problem` is for the journal. */
export class DeliveryFailed extends Data.TaggedError("DeliveryFailed")<{
  readonly problem: string
  /** The error status that the listener answered; `undefined` without an answer. */
  readonly status?: number
}> {}

export interface Sender {
  /** Succeeds with the status of the answer. TCP has no answer: there it succeeds when the bytes have left. */
  readonly send: (batch: Batch) => Effect.Effect<number | void, DeliveryFailed>
  /** Sends half of the batch, resets the connection and fails; over TCP there is no such thing. */
  readonly sendHalf?: (batch: Batch) => Effect.Effect<never, DeliveryFailed>
  /** `true` if a batch gets an answer, so that the wait for it can have a limit. */
  readonly isAnswered: boolean
  readonly close: () => void
}

/** A failure as the system says it. */
const failed = (error: Error): DeliveryFailed => new DeliveryFailed({ problem: error.message })

/** Escapes the characters that the first line of a request cannot hold. */
const escapePath = (path: string): string => path.replace(/[^\x21-\x7e]/g, (character) => encodeURIComponent(character))

/** The same sender, whose deliveries are recorded, each with a number. */
export const recorded = (
  sender: Sender,
  wire: WireRecord,
  options: {
    readonly source: Source
    readonly destination: Destination
    readonly now: () => number
    readonly number: () => number
  }
): Sender => {
  const { destination, now, number, source } = options
  const record = (body: Buffer, requestedAt: number, status: number | undefined, isBroken: boolean): void =>
    wire.record({
      kind: "delivery",
      exchange: number(),
      process: source,
      method: destination.protocol === "TCP" ? "TCP" : destination.method,
      path: describeDestination(destination),
      requestHeaders: {},
      requestBody: wire.textOf(body),
      requestBytes: body.length,
      requestedAt,
      status,
      answerHeaders: {},
      answerBody: "",
      answerBytes: 0,
      closedBy: isBroken ? "platform" : undefined
    })
  const { sendHalf } = sender
  return {
    ...sender,
    send: (batch) =>
      Effect.suspend(() => {
        const requestedAt = now()
        return Effect.onExit(sender.send(batch), (exit) =>
          Effect.sync(() => {
            if (destination.protocol === "TCP") return record(linesOf(batch), requestedAt, undefined, false)
            const failure = Exit.isFailure(exit) ? Cause.findErrorOption(exit.cause) : Option.none()
            const status = Exit.isSuccess(exit) ? exit.value : Option.getOrUndefined(failure)?.status
            record(bodyOf(batch), requestedAt, status ?? 0, false)
          })
        )
      }),
    ...(sendHalf && {
      sendHalf: (batch: Batch) =>
        Effect.suspend(() => {
          const requestedAt = now()
          return Effect.onExit(sendHalf(batch), () =>
            Effect.sync(() => record(halfOf(bodyOf(batch)), requestedAt, 0, true))
          )
        })
    })
  }
}

const halfOf = (body: Buffer): Buffer => body.subarray(0, body.length / 2)

/** What leaves over TCP. */
const linesOf = ({ items }: Batch): Buffer => bytesOf(items, "", "\n", "\n")

export interface HttpSenderOptions {
  /** The address of the sandbox. */
  readonly host: string
  readonly destination: Destination & { readonly protocol: "HTTP" }
  /** All headers, in the order and the case of the wire. */
  readonly headers: (authority: string, batch: Batch, body: Buffer) => Readonly<Record<string, string>>
}

/** Sends over a single connection that is kept alive, one request at a time. */
export const http = ({ destination, headers, host }: HttpSenderOptions): Sender => {
  const { method, port } = destination
  const path = escapePath(destination.path)
  const authority = `${host}:${port}`
  const agent = new Http.Agent({ keepAlive: true, maxSockets: 1 })
  return {
    isAnswered: true,
    close: () => agent.destroy(),
    send: (batch) =>
      Effect.callback<number, DeliveryFailed>((resume) => {
        const body = bodyOf(batch)
        const options = { host, port, method, path, agent, setHost: false, headers: headers(authority, batch, body) }
        const request = Http.request(options, (response) => {
          const status = response.statusCode ?? 0
          response.on("error", (error) => resume(Effect.fail(failed(error))))
          response.on("end", () =>
            resume(
              status >= 200 && status < 300
                ? Effect.succeed(status)
                : Effect.fail(new DeliveryFailed({ problem: `the listener answered ${status}`, status }))
            )
          )
          response.resume()
        })
        request.on("error", (error) => resume(Effect.fail(failed(error))))
        // The header can be left out: HTTP/1.1 keeps the connection without it.
        if (!request.hasHeader("connection")) request.removeHeader("connection")
        request.end(body)
        return Effect.sync(() => request.destroy())
      }),
    sendHalf: (batch) =>
      Effect.callback<never, DeliveryFailed>((resume) => {
        const body = bodyOf(batch)
        const options = {
          host,
          port,
          method,
          path,
          agent: false,
          setHost: false,
          headers: headers(authority, batch, body)
        }
        const request = Http.request(options)
        const problem = "the connection was reset in the middle of the batch"
        request.on("error", () => resume(Effect.fail(new DeliveryFailed({ problem }))))
        request.write(halfOf(body), () => request.socket?.resetAndDestroy())
        return Effect.sync(() => request.destroy())
      })
  }
}

/** A hash in Base64. */
export const sha256 = (bytes: string | Buffer): string => Crypto.createHash("sha256").update(bytes).digest("base64")

/**
 * The headers of the real service, lower case (docs/protocol.md#delivery). `sequence-id` is a SHA-256 without padding.
 * If the batch is one line, the log text is hashed. Otherwise the input of the real service is not known; here the body
 * is hashed.
 */
export const realHeaders: HttpSenderOptions["headers"] = (authority, { line }, body) => ({
  "content-type": "application/json",
  "sequence-id": sha256(line ?? body).replaceAll("=", ""),
  host: authority,
  connection: "keep-alive",
  "user-agent": "awslambda-worker/1.0",
  "content-length": String(body.length)
})

/**
 * Sends over a single connection, which is made when it is needed: each event is a line (docs/protocol.md#delivery).
 */
export const tcp = (host: string, port: number): Sender => {
  let socket: Net.Socket | undefined
  const connect = Effect.callback<Net.Socket, DeliveryFailed>((resume) => {
    if (socket !== undefined) return resume(Effect.succeed(socket))
    const connecting = Net.connect(port, host)
    const forget = () => {
      if (socket === connecting) socket = undefined
    }
    connecting.on("error", (error) => {
      forget()
      resume(Effect.fail(failed(error)))
    })
    connecting.on("close", forget)
    connecting.on("connect", () => {
      socket = connecting
      resume(Effect.succeed(connecting))
    })
    // The platform ignores all bytes that the listener sends.
    connecting.resume()
    return Effect.sync(() => {
      if (socket !== connecting) connecting.destroy()
    })
  })
  return {
    isAnswered: false,
    close: () => socket?.destroy(),
    send: (batch) =>
      Effect.flatMap(connect, (connected) =>
        Effect.callback<void, DeliveryFailed>((resume) => {
          connected.write(linesOf(batch), (error) => resume(error ? Effect.fail(failed(error)) : Effect.void))
        })
      )
  }
}
