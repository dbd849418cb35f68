/**
 * OTLP from the function: its SDK sends traces, metrics and logs to
 * `http://localhost:4318`, and is answered as soon as they wait in a bounded queue.
 *
 * A body is read once, in the wire format and without building objects: whether it
 * is a request, how much is in it, and which trace the SDK has for an invocation. The attributes
 * of a span, point or log record are passed over. Then the body is kept as protobuf. Bodies of one signal, one after the other, are one request, so they
 * leave together. No header of a request is read but its content type and encoding.
 *
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 * @since 0.1.0
 */
import { LambdaEnvironment } from "@effect-lambda/extension/LambdaEnvironment"
import * as LoopbackListener from "@effect-lambda/extension-node/LoopbackListener"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { encode, encodeJson } from "./internal/wire/encode.ts"
import type { Piece } from "./internal/wire/pieces.ts"
import { rpcStatus, type Signal } from "./internal/wire/schema.ts"
import { type ServerSpan, serverSpan } from "./internal/wire/serverSpan.ts"
import { walk } from "./internal/wire/walk.ts"

export type { Piece } from "./internal/wire/pieces.ts"
export type { Signal } from "./internal/wire/schema.ts"
export type { ServerSpan } from "./internal/wire/serverSpan.ts"

/**
 * The options of {@link make}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Takes a request that is right, in the callback of a socket. `false`: there is no room for it, and the SDK is asked to come
   * again in a second.
   */
  readonly accept: (piece: Piece) => boolean
  /** The port on `127.0.0.1` and `::1`; 0 for any free one. Default: 4318. */
  readonly port?: number | undefined
  /**
   * The port at which clients of gRPC are closed, with one line of the log that says what to set. Requests over HTTP are taken there too. If
   * another process has the port, nothing is said. 0 for any free one. Default: 4317.
   */
  readonly grpcPort?: number | undefined
  /**
   * Whether the attributes, events, links and exemplars in requests of a signal are read as well, and a fault in them is
   * answered 400. It has to be so if the pieces will be decoded. Such a request takes several times the CPU. Default: they are
   * passed over by their lengths, and what is wrong in them is for the backend to refuse.
   */
  readonly isReadWhole?: ((signal: Signal) => boolean) | undefined
  /** The longest body in bytes, before and after decompression, and as protobuf. Default: 4 MiB. */
  readonly maxBodyBytes?: number | undefined
}

/**
 * The counts of all that came. Accepted requests are counted further by those who took them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  /** Spans, data points and log records in accepted requests. */
  readonly accepted: Readonly<Record<Signal, number>>
  /** Requests that were answered 200, also those with nothing in them. */
  readonly requests: number
  /** Requests by the status of their refusal, such as 400 for half a protobuf. The number of their spans is not known. */
  readonly refusedRequests: Readonly<Record<number, number>>
}

/**
 * The receiver of all that the function sends.
 *
 * @category services
 * @since 0.1.0
 */
export class OtlpReceiver extends Context.Service<
  OtlpReceiver,
  {
    /** The port that is listened on. */
    readonly port: number
    /** The port for clients of gRPC; `undefined` if another process has it. */
    readonly grpcPort: number | undefined
    /** The span of kind SERVER or CONSUMER that the SDK has made for an invocation, the last that came: it names the trace. */
    readonly sdkSpan: (requestId: string) => ServerSpan | undefined
    /** The counts until now. */
    readonly counts: Effect.Effect<Counts>
  }
>()("@effect-lambda/otel/OtlpReceiver") {}

const defaultMaxBodyBytes = 4 * 1024 * 1024

/** So many invocations are remembered; the oldest is forgotten first. */
const maxSdkSpans = 1024

/** Longer ones are no request ids. */
const longestRequestId = 128

const retryAfterSeconds = "1"

const paths: Readonly<Record<string, Signal>> = {
  "/v1/traces": "traces",
  "/v1/metrics": "metrics",
  "/v1/logs": "logs"
}

const protobuf = "application/x-protobuf"
const json = "application/json"
const contentTypes = [protobuf, json]

/** The reason for an SDK, a `google.rpc.Status`. */
const refusalOf = (contentType: string, status: number, why: string): LoopbackListener.Answer => {
  const reason = { message: why }
  const isJson = contentType === json
  return {
    status,
    headers: { "Content-Type": isJson ? json : protobuf, ...(status === 429 && { "Retry-After": retryAfterSeconds }) },
    body: isJson ? new TextEncoder().encode(JSON.stringify(reason)) : encode(rpcStatus, reason)
  }
}

/** An `Export…ServiceResponse` without a field, made once. */
const makeTaken = () => ({
  json: { status: 200, headers: Object.freeze({ "Content-Type": json }), body: new TextEncoder().encode("{}") },
  protobuf: { status: 200, headers: Object.freeze({ "Content-Type": protobuf }), body: new Uint8Array() }
})

/**
 * A class and no literal: V8 notes of literals how long their objects live, and would compile all that reads a request once more
 * when it finds out that pieces live long.
 */
class Taken implements Piece {
  readonly signal: Signal
  readonly bytes: Uint8Array
  readonly count: number

  constructor(signal: Signal, bytes: Uint8Array, count: number) {
    this.signal = signal
    this.bytes = bytes
    this.count = count
  }
}

/** A body may be a part of what the socket has read, or of a buffer with room for more; those would stay in memory as a whole. */
const alone = (bytes: Uint8Array): Uint8Array =>
  bytes.buffer.byteLength - bytes.length > 1024 + bytes.length / 8 ? new Uint8Array(bytes) : bytes

/** At the end: each status was logged once, however often it was answered. */
const sayRefused = (requests: number, refused: Readonly<Record<number, number>>) => {
  const parts = Object.entries(refused).map(([status, count]) => `${count} with ${status}`)
  if (parts.length === 0) return Effect.void
  return Effect.logWarning(
    `OTLP of the function: ${requests} requests were taken, and refused were ${parts.join(", ")}`
  )
}

/**
 * Listens until the scope is closed. In the trial run of a build any port will do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<OtlpReceiver["Service"], LoopbackListener.LoopbackListenerError, LambdaEnvironment | Scope.Scope> {
  const { isTrial } = yield* LambdaEnvironment
  const {
    accept,
    grpcPort = 4317,
    isReadWhole = () => false,
    maxBodyBytes = defaultMaxBodyBytes,
    port = 4318
  } = options
  const sdkSpans = new Map<string, ServerSpan>()
  const accepted: Record<Signal, number> = { traces: 0, metrics: 0, logs: 0 }
  const refusedRequests: Record<number, number> = {}
  let requests = 0

  const taken = makeTaken()
  const context = yield* Effect.context<never>()
  const said = new Set<string>()
  /** A line for each kind of fault: an SDK repeats itself, and each line is telemetry as well. */
  const sayOnce = (kind: string, line: Effect.Effect<void>) => {
    if (said.has(kind)) return
    said.add(kind)
    Effect.runForkWith(context)(line)
  }
  const refuse = (contentType: string, status: number, why: string, what: string) => {
    refusedRequests[status] = (refusedRequests[status] ?? 0) + 1
    sayOnce(
      String(status),
      Effect.logWarning(`OTLP of the function was answered ${status}: ${what}. This is logged once for each status`)
    )
    return refusalOf(contentType, status, why)
  }

  const remember = (found: ServerSpan | undefined) => {
    if (found === undefined || found.requestId.length > longestRequestId) return
    // Of two the later one counts: a second attempt has another trace, and of spans in each other the outer one ends last.
    sdkSpans.set(found.requestId, found)
    if (sdkSpans.size <= maxSdkSpans) return
    const [oldest = ""] = sdkSpans.keys()
    sdkSpans.delete(oldest)
  }
  const take = (signal: Signal, { body, contentType }: LoopbackListener.Request): LoopbackListener.Answer => {
    const malformed = (why: string) => refuse(contentType, 400, why, `the ${signal} cannot be read, ${why}`)
    const bytes = contentType === json ? encodeJson(signal, body) : Result.succeed(body)
    if (Result.isFailure(bytes)) return malformed(bytes.failure)
    if (bytes.success.length > maxBodyBytes) {
      const why = `the body is longer than ${maxBodyBytes} bytes as protobuf`
      return refuse(contentType, 413, why, why)
    }
    const walked = walk(signal, bytes.success, isReadWhole(signal))
    if (Result.isFailure(walked)) return malformed(walked.failure)
    const { count, serverSpans } = walked.success
    if (count > 0 && !accept(new Taken(signal, alone(bytes.success), count))) {
      const why = "too much waits for the backend already"
      return refuse(contentType, 429, why, `${why}. An SDK sends it again`)
    }
    accepted[signal] += count
    requests++
    for (const extent of serverSpans) remember(serverSpan(bytes.success, extent))
    return contentType === json ? taken.json : taken.protobuf
  }

  const listener = yield* LoopbackListener.make({
    routes: Object.fromEntries(
      Object.entries(paths).map(([path, signal]) => [
        path,
        {
          method: "POST",
          contentTypes,
          maxBodyBytes,
          answer: (request: LoopbackListener.Request) => take(signal, request)
        }
      ])
    ),
    refuse: ({ contentType, path, status, why }) =>
      refuse(contentType, status, why, status === 404 ? `${why}: ${JSON.stringify(path.slice(0, 100))}` : why),
    onMalformed: (status) => {
      refuse(
        "",
        status,
        "",
        "it is no HTTP that can be read. The endpoint of the SDK begins with http://, since there is no TLS"
      )
    },
    onHttp2: () =>
      sayOnce(
        "grpc",
        Effect.logWarning(
          "the function sends OTLP over gRPC, which is not taken, and its telemetry is lost: set the variable " +
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf and, if the program names the endpoint, http://localhost:4318"
        )
      )
  })
  const service = OtlpReceiver.of({
    port: yield* listener.bind(isTrial === true ? 0 : port),
    grpcPort: yield* Effect.orElseSucceed(listener.bind(isTrial === true ? 0 : grpcPort), () => undefined),
    sdkSpan: (requestId) => sdkSpans.get(requestId),
    counts: Effect.sync(() => ({ accepted: { ...accepted }, requests, refusedRequests: { ...refusedRequests } }))
  })
  yield* Effect.addFinalizer(() => sayRefused(requests, refusedRequests))
  return service
})

/**
 * The receiver on the ports of OTLP.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<OtlpReceiver, LoopbackListener.LoopbackListenerError, LambdaEnvironment> =>
  Layer.effect(OtlpReceiver, make(options))
