/**
 * Sinks of telemetry: a sink takes one batch after the other.
 *
 * A sink says only how one batch is sent, and which failures may pass. Batching,
 * retries, time limits, the flush before the freeze and the counting of what is
 * lost are done around it by `Telemetry`.
 *
 * **Example** (Your own sink)
 *
 * ```ts
 * import { TelemetryEvent, TelemetrySink } from "@effect-lambda/extension"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 *
 * export const errorsOnly = TelemetrySink.make({
 *   name: "errors",
 *   export: (batch) =>
 *     Effect.forEach(
 *       batch.events.filter((event) => TelemetryEvent.severity(event) === "ERROR"),
 *       (event) => Console.error(TelemetryEvent.text(event)),
 *       { discard: true }
 *     )
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as httpEndpoint from "./internal/http/endpoint.ts"
import type { HttpBody } from "./internal/http/request.ts"
import * as httpRequest from "./internal/http/request.ts"
import { whole } from "./internal/http/wholeCause.ts"
import { CurrentAttempt } from "./internal/delivery/attempt.ts"
import * as encoding from "./internal/record/encoding.ts"
import type * as TelemetryEvent from "./TelemetryEvent.ts"

/**
 * Records that are sent together.
 *
 * `id` stays the same however often the batch is sent. If the answer to a
 * request was lost in a freeze, the batch is sent again, and a receiver that
 * remembers ids drops the double.
 *
 * @category models
 * @since 0.1.0
 */
export interface TelemetryBatch {
  readonly id: string
  readonly events: ReadonlyArray<TelemetryEvent.TelemetryEvent>
}

/**
 * A sink did not take a batch.
 *
 * @category errors
 * @since 0.1.0
 */
export class TelemetrySinkError extends Schema.TaggedError<TelemetrySinkError>(
  "@effect-lambda/extension/telemetry/TelemetrySinkError"
)("TelemetrySinkError", {
  sink: Schema.String,
  /** The batch is kept and sent again; otherwise it is dropped and counted. */
  isRetryable: Schema.Boolean,
  /** For so long, in milliseconds, the backend wants no other attempt. */
  retryAfterMillis: Schema.optionalKey(Schema.Number),
  /** The batch is sent again in halves, down to the record that is too large; only that one is dropped and counted. */
  isTooLarge: Schema.optionalKey(Schema.Boolean),
  /** No request can be made of the batch: it is taken in halves, down to the record at fault; only that one is dropped and counted. */
  isUnwritable: Schema.optionalKey(Schema.Boolean),
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the sink ${this.sink} did not take a batch: ${withoutHeaderValues(whole(this.cause))}`
  }
}

const refusedValue = '" is an invalid header value'

/** `fetch` quotes a header value that it refuses, such as a key that was read with its line break. */
const withoutHeaderValues = (text: string): string => {
  const parts = text.split(refusedValue)
  const last = parts.pop() ?? ""
  const before = parts.map((part) => `${part.slice(0, part.lastIndexOf('"') + 1)}<redacted>${refusedValue}`)
  return `${before.join("")}${last}`
}

/**
 * A sink, made by {@link make} or by one of the constructors below.
 *
 * @category models
 * @since 0.1.0
 */
export interface TelemetrySink {
  readonly name: string
  /** Whether the sink's lines become `extension` telemetry themselves: it cannot be used together with that type. */
  readonly isOwnLog: boolean
  /** The records that the sink is offered. Default: all. */
  readonly accepts?: ((event: TelemetryEvent.TelemetryEvent) => boolean) | undefined
  /** How many items of the sink an event counts as in the accounting. Default: 1. */
  readonly countOf?: ((event: TelemetryEvent.TelemetryEvent) => number) | undefined
  readonly export: (batch: TelemetryBatch) => Effect.Effect<void, TelemetrySinkError>
}

/**
 * Makes your own sink. The requirements of `export` are taken when the sink is
 * made: in `Extension.run`, for example, from `layer`.
 *
 * `export` is interrupted when its time has passed. The calls never overlap,
 * unless `export` ignores that interruption.
 *
 * @param options.isRetryable which failures may pass. Default: all
 * @param options.retryAfter for how long the backend wants no other attempt, if it says so: the sink rests for that
 *   time, `longestRest` at most
 * @param options.isTooLarge which failures mean the size of the batch: it is sent again in halves, down to the record that is
 *   too large, and only that one is dropped. Default: none
 * @param options.isUnwritable which failures mean that no request can be made of a record in the batch: the batch is taken in
 *   halves, down to that record, and only that one is dropped. Default: none
 * @param options.accepts the records that the sink is offered; the others take no place in its queue and are not counted. It
 *   runs for every record, and must not throw. Default: all
 * @param options.countOf how many items of the sink a record counts as in the accounting, if the sink makes other things of
 *   records: spans, say. It is asked when a record leaves the queue, and must not throw. Default: 1
 * @category constructors
 * @since 0.1.0
 */
export const make = <E, R>(options: {
  readonly name: string
  readonly export: (batch: TelemetryBatch) => Effect.Effect<void, E, R>
  readonly isRetryable?: ((error: E) => boolean) | undefined
  readonly retryAfter?: ((error: E) => Duration.Input | undefined) | undefined
  readonly isTooLarge?: ((error: E) => boolean) | undefined
  readonly isUnwritable?: ((error: E) => boolean) | undefined
  readonly accepts?: ((event: TelemetryEvent.TelemetryEvent) => boolean) | undefined
  readonly countOf?: ((event: TelemetryEvent.TelemetryEvent) => number) | undefined
}): Effect.Effect<TelemetrySink, never, R> =>
  Effect.contextWith((context: Context.Context<R>) => {
    const { isRetryable = () => true, isTooLarge = () => false, isUnwritable = () => false, name, retryAfter } = options
    return Effect.succeed<TelemetrySink>({
      name,
      isOwnLog: false,
      accepts: options.accepts,
      countOf: options.countOf,
      export: (batch) =>
        Effect.suspend(() => options.export(batch)).pipe(
          Effect.mapError((error) => {
            const after = retryAfter?.(error)
            return new TelemetrySinkError({
              sink: name,
              isRetryable: isRetryable(error),
              ...(after !== undefined && { retryAfterMillis: Duration.toMillis(after) }),
              ...(isTooLarge(error) && { isTooLarge: true }),
              ...(isUnwritable(error) && { isUnwritable: true }),
              cause: error
            })
          }),
          Effect.provideContext(context)
        )
    })
  })

/**
 * Says, from inside `export`, that the backend has dropped so many items of a batch that it took otherwise: a partial
 * success. They are counted as dropped by the sink if this attempt succeeds.
 *
 * @category accounting
 * @since 0.1.0
 */
export const rejected = (items: number): Effect.Effect<void> =>
  Effect.map(CurrentAttempt, (attempt) => {
    attempt.rejected += items
  })

/**
 * A batch as one JSON value per line, each line with its newline; each record as {@link TelemetryEvent.toJson} gives it.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toNdjson = (batch: TelemetryBatch): string => encoding.lines(batch.events)

/**
 * A batch as the body of a request, byte by byte what came: lines like {@link toNdjson}, or one JSON array. A text; bytes
 * only if a record came in bytes that are not UTF-8.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toBody = (batch: TelemetryBatch, format: "ndjson" | "json"): string | Uint8Array =>
  encoding.body(batch.events, format)

/**
 * Writes every record to the extension's own log, one JSON line each: for local
 * work. Its output is telemetry of the type `extension`, so `Telemetry` refuses
 * it together with that type.
 *
 * @category constructors
 * @since 0.1.0
 */
export const console: Effect.Effect<TelemetrySink> = /*#__PURE__*/ Effect.map(
  /*#__PURE__*/ make({
    name: "console",
    export: (batch) => Console.log(toNdjson(batch).trimEnd())
  }),
  (sink) => ({ ...sink, isOwnLog: true })
)

export type { HttpBody } from "./internal/http/request.ts"

/**
 * The options of {@link http}.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpOptions {
  /** `http` or `https`, whole, and without credentials: those belong into a header. White space around it is taken off. */
  readonly url: string
  /** In accounting, logs and metrics. Default: `http`. */
  readonly name?: string | undefined
  /** Default: `ndjson`. `json` sends one array. */
  readonly format?: "ndjson" | "json" | undefined
  /**
   * Makes the body of a request from a batch, for a backend that wants another format; it replaces `format`. If it throws, it
   * gets the batch in halves, down to the record for which it throws; only that one is dropped and counted.
   */
  readonly encode?: ((batch: TelemetryBatch) => HttpBody) | undefined
  /** Compresses bodies of 1 KiB and more. Default: false. */
  readonly gzip?: boolean | undefined
  /** Secrets as `Redacted`, from `Config.Redacted` for example: no error, no log and no span shows them. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
}

/**
 * The options of {@link endpoint}: where to send, and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface EndpointOptions extends Pick<HttpOptions, "url" | "name" | "gzip" | "headers"> {
  /** Which refusals may pass. Default: {@link isRetryableStatus}. */
  readonly isRetryable?: ((status: number) => boolean) | undefined
  /** The words in a refusal whose body is no text; `undefined`: the body is one. The first 500 characters are in the error. */
  readonly explain?: ((answer: HttpAnswer) => string | undefined) | undefined
}

/**
 * The endpoint did not take a batch: its status, or why there was no answer. Or
 * no request can be made with the options: then the sink is not made.
 *
 * @category errors
 * @since 0.1.0
 */
export class HttpSinkError extends Schema.TaggedError<HttpSinkError>(
  "@effect-lambda/extension/telemetry/HttpSinkError"
)("HttpSinkError", {
  /** Missing if there was no answer. */
  status: Schema.optionalKey(Schema.Int),
  /** No answer may pass, and so may 408, 425, 429 and 5xx by default; any other refusal is final, as is a request that cannot be made. */
  isRetryable: Schema.Boolean,
  /** The `Retry-After` of the endpoint, in milliseconds from its answer on. */
  retryAfterMillis: Schema.optionalKey(Schema.Number),
  /** `encode` did not make a body of the batch. */
  isUnwritable: Schema.optionalKey(Schema.Boolean),
  message: Schema.String
}) {
  /** The endpoint answered 413: it takes no body of this size, and perhaps one of half of it. */
  get isTooLarge(): boolean {
    return this.status === 413
  }
}

/**
 * The proxy variable that a request to a URL does not obey, if there is one, and
 * what to do about it: a sentence without its full stop. `problem`: why a request
 * to the URL can only fail, since its proxy is asked for and cannot be used.
 *
 * @category models
 * @since 0.1.0
 */
export type UnusedProxy = (
  url: string
) => { readonly variable: string; readonly remedy: string } | { readonly problem: string } | undefined

/**
 * How {@link http} learns of a proxy that the client goes past or cannot use, so
 * that it can say so. `SinkHttpClient` provides it. Default: there is none.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentUnusedProxy: Context.Reference<UnusedProxy> = /*#__PURE__*/ Context.Reference(
  "@effect-lambda/extension/telemetry/TelemetrySink/CurrentUnusedProxy",
  { defaultValue: (): UnusedProxy => () => undefined }
)

/**
 * Makes the gzip of a body.
 *
 * @category models
 * @since 0.1.0
 */
export type Gzip = (body: Uint8Array) => Effect.Effect<Uint8Array>

/**
 * How {@link http} compresses a body. `NodeTelemetry.layer` provides `node:zlib`, which costs a tenth of the default at the
 * first flush. Default: `undefined`, the `CompressionStream` of the runtime.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentGzip: Context.Reference<Gzip | undefined> = /*#__PURE__*/ Context.Reference(
  "@effect-lambda/extension/telemetry/TelemetrySink/CurrentGzip",
  { defaultValue: (): Gzip | undefined => undefined }
)

/**
 * Whether a refusal with this status may pass, so that the batch is kept and
 * sent again: 408, 425, 429 and 5xx.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isRetryableStatus = (status: number): boolean =>
  status >= 500 || status === 408 || status === 425 || status === 429

/**
 * Why no request can go to a URL: an end of a sentence, such as `is not a URL`, without the URL itself. `undefined`: one can.
 *
 * @category predicates
 * @since 0.1.0
 */
export const whyNoUrl = (url: string): string | undefined => httpEndpoint.whyNoUrl(url)

/**
 * The answer of an endpoint that took a request: the beginning of its body, what comes of it within 100 ms and 64 KiB, and its
 * type.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpAnswer {
  readonly contentType: string
  readonly body: Uint8Array
}

/**
 * An HTTP endpoint that takes requests of a sink; {@link endpoint} makes it.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpEndpoint {
  /**
   * Posts a body with the header `idempotency-key`, and gives the answer if its status is 2xx. `makeBody` may throw: the
   * error is `isUnwritable` then. Only a request with the whole batch may have the id of the batch: a 2xx has taken the batch
   * then, even if `export` is interrupted while the body of the answer is read, for 100 ms at most.
   */
  readonly post: (makeBody: () => HttpBody, id: string) => Effect.Effect<HttpAnswer, HttpSinkError>
  /** A text of the backend for a log: its first 500 characters in quotes, without the values of secret headers. */
  readonly quoted: (text: string) => string
}

/**
 * The endpoint of {@link http}, for sinks that send more than one request for a batch, or read the answer. The client, the
 * options and the errors are the same.
 *
 * @category constructors
 * @since 0.1.0
 */
export const endpoint = (
  options: EndpointOptions
): Effect.Effect<HttpEndpoint, HttpSinkError, HttpClient.HttpClient> => {
  const { gzip = false, isRetryable = isRetryableStatus, name = "http" } = options
  const { problem, quoted, request, said, secretNames, url, withoutSecrets } = httpRequest.prepare(options)
  if (problem !== undefined) {
    return Effect.fail(new HttpSinkError({ isRetryable: false, message: `no sink ${name}: ${problem}` }))
  }
  const refused = Effect.fnUntraced(function* (response: HttpClientResponse) {
    const { headers, status } = response
    const after = httpEndpoint.retryAfterMillis(headers["retry-after"]?.trim() ?? "", yield* Clock.currentTimeMillis)
    const text = yield* said(response)
    return yield* new HttpSinkError({
      status,
      isRetryable: isRetryable(status),
      ...(after !== undefined && { retryAfterMillis: after }),
      message:
        `the endpoint answered ${status}` +
        (after === undefined ? "" : `, to be asked again in ${Duration.format(Duration.millis(after))}`) +
        (text === "" ? "" : `: ${text}`)
    })
  })
  // Not the error itself: it holds the request, and that its headers.
  const unreachable = ({ reason }: HttpClientError): Effect.Effect<never, HttpSinkError> => {
    if (reason._tag === "StatusCodeError") return refused(reason.response)
    const isPassing = reason._tag !== "InvalidUrlError" && reason._tag !== "EncodeError"
    const why = withoutSecrets(whole(reason.cause ?? reason.description))
    const message = `${isPassing ? "no answer" : "the request cannot be made"}: ${why}`
    return Effect.fail(new HttpSinkError({ isRetryable: isPassing, message }))
  }
  const post = Effect.fnUntraced(function* (makeBody: () => HttpBody, id: string) {
    const encoded = yield* Effect.try({
      try: () => httpRequest.withBody(request, makeBody()),
      catch: (error) => {
        const message = `encode did not make a body: ${withoutSecrets(whole(error))}`
        return new HttpSinkError({ isRetryable: false, isUnwritable: true, message })
      }
    })
    const identified = HttpClientRequest.setHeader(encoded, "idempotency-key", id)
    const client = yield* HttpClient.HttpClient
    const init = Option.getOrUndefined(yield* Effect.serviceOption(FetchHttpClient.RequestInit))
    const response = yield* (
      gzip ? httpRequest.compressed(identified, yield* CurrentGzip) : Effect.succeed(identified)
    ).pipe(
      Effect.flatMap(client.execute),
      Effect.catch(unreachable),
      Effect.updateService(Headers.CurrentRedactedNames, (names) => [...names, ...secretNames]),
      // `fetch` would follow a redirect with a GET without the records, and its 200 would count.
      Effect.provideService(FetchHttpClient.RequestInit, { ...init, redirect: "manual" })
    )
    if (response.status < 200 || response.status > 299) return yield* refused(response)
    // The status alone decides, even if the attempt is cut while the body is read.
    const attempt = yield* CurrentAttempt
    attempt.taken = id
    const { body } = yield* httpEndpoint.readBeginning(response)
    attempt.taken = undefined
    return { contentType: response.headers["content-type"] ?? "", body }
  })
  const sayUnusedProxy = Effect.gen(function* () {
    const init = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
    // The user's dispatcher may go through a proxy.
    if (Option.isSome(init) && "dispatcher" in init.value) return
    const unused = (yield* CurrentUnusedProxy)(url)
    if (unused === undefined) return
    if ("problem" in unused) {
      return yield* new HttpSinkError({ isRetryable: false, message: `no sink ${name}: ${unused.problem}` })
    }
    const host = httpEndpoint.hostOf(url)
    yield* Effect.logWarning(
      `${unused.variable} is set and not used: the sink ${name} connects to ${host} directly. ${unused.remedy}`
    )
  })
  return Effect.andThen(
    sayUnusedProxy,
    Effect.contextWith((context: Context.Context<HttpClient.HttpClient>) =>
      Effect.succeed<HttpEndpoint>({
        post: (makeBody, id) => Effect.provideContext(post(makeBody, id), context),
        quoted
      })
    )
  )
}

/**
 * Posts every batch to an HTTP endpoint; any 2xx answer takes it, and a
 * redirect is a refusal like any other status. `Retry-After` beside a status
 * that may pass is obeyed. The header `idempotency-key` carries the batch's id.
 * The client is the current `HttpClient`, with whatever proxy or tracing it has.
 * The error of a refusal has the first 500 characters of the answer, without the
 * values of secret headers.
 *
 * The effect fails if no request can be made with the options. The URL must be an
 * http or https URL with a host and without credentials, and no header may have a
 * line break. In `Extension.run` init fails then, as it does if a variable is missing.
 *
 * **Example** (With a token)
 *
 * ```ts
 * import { TelemetrySink } from "@effect-lambda/extension"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 *
 * export const sink = Effect.gen(function* () {
 *   const token = yield* Config.Redacted("LOG_TOKEN")
 *   return yield* TelemetrySink.http({ url: "https://logs.example.com/v1", gzip: true, headers: { "x-token": token } })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const http = (options: HttpOptions): Effect.Effect<TelemetrySink, HttpSinkError, HttpClient.HttpClient> => {
  const { encode = options.format === "json" ? jsonBody : ndjsonBody, name = "http" } = options
  if (options.format !== undefined && options.encode !== undefined) {
    const problem = "the options have a format and an encode, and only one of them can make the body"
    return Effect.fail(new HttpSinkError({ isRetryable: false, message: `no sink ${name}: ${problem}` }))
  }
  return Effect.flatMap(endpoint(options), ({ post }) =>
    make({
      name,
      isRetryable: (error: HttpSinkError) => error.isRetryable,
      retryAfter: (error) => error.retryAfterMillis,
      isTooLarge: (error) => error.isTooLarge,
      isUnwritable: (error) => error.isUnwritable === true,
      export: (batch) => Effect.asVoid(post(() => encode(batch), batch.id))
    })
  )
}

const ndjsonBody = (batch: TelemetryBatch): HttpBody => ({
  body: encoding.bytes(batch.events, "ndjson"),
  contentType: "application/x-ndjson"
})

const jsonBody = (batch: TelemetryBatch): HttpBody => ({
  body: encoding.bytes(batch.events, "json"),
  contentType: "application/json"
})
