/**
 * The operations of the Lambda Extensions API, version 2020-01-01. Each
 * operation is one method, without retries or policy. `Extension` builds the
 * supervised stream on them.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import {
  bodyExcerpt,
  type ErrorRequest,
  ExtensionsApiError,
  InvalidRequest,
  InvalidResponse,
  reasonFromResponse,
  StatusResponse
} from "./ExtensionError.ts"
import * as ExtensionEvent from "./ExtensionEvent.ts"
import { reasonFromClientError } from "./internal/api/reasonFromClientError.ts"
import * as ExtensionsProtocol from "./ExtensionsProtocol.ts"
import { LambdaEnvironment } from "./LambdaEnvironment.ts"
import { readResponse, type Registration } from "./Registration.ts"

/**
 * The data to register.
 *
 * @category models
 * @since 0.1.0
 */
export interface RegisterOptions {
  /** Default: the name of the environment, the base name of the executed file. */
  readonly name?: string | undefined
  /** May be empty: such an extension calls next once and stays parked. */
  readonly events: ReadonlyArray<ExtensionEvent.EventType>
}

/**
 * The four operations. Every method sends exactly one request, and fails with an
 * {@link ExtensionsApiError} if Lambda refuses it or does not answer.
 *
 * @category services
 * @since 0.1.0
 */
export class ExtensionsApi extends Context.Service<
  ExtensionsApi,
  {
    /**
     * Gives the {@link Registration} that the others need. A 200 with an identifier is a registration, whatever the body
     * holds.
     */
    readonly register: (options: RegisterOptions) => Effect.Effect<Registration, ExtensionsApiError>
    /**
     * The long poll. Calling it tells Lambda that the extension is done with init, or with the event before. The poll has
     * no time limit. An interrupted poll stays open on Lambda's side and takes the next event.
     */
    readonly nextEvent: (registration: Registration) => Effect.Effect<ExtensionEvent.ExtensionEvent, ExtensionsApiError>
    /** Reports a failure between register and the first next. The process must exit afterwards: Lambda does not end it. */
    readonly initError: (
      registration: Registration,
      error: ErrorRequest
    ) => Effect.Effect<StatusResponse, ExtensionsApiError>
    /**
     * Reports a failure at any time after register, unless `initError` was sent. The process must exit afterwards: Lambda
     * does not end it.
     */
    readonly exitError: (
      registration: Registration,
      error: ErrorRequest
    ) => Effect.Effect<StatusResponse, ExtensionsApiError>
  }
>()("@effect-lambda/extension/ExtensionsApi") {}

/**
 * The address of the API, and the name of the extension that calls it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** `host:port`, the value of `AWS_LAMBDA_RUNTIME_API`. */
  readonly runtimeApi: string
  /** Default name of `register`. */
  readonly extensionName: string
}

type Method = ExtensionsApiError["method"]

const decodeStatusResponse = Schema.decodeUnknownEffect(Schema.fromJsonString(StatusResponse))

const invalidResponse = (method: Method, description: string, body: string) =>
  new ExtensionsApiError({ method, reason: new InvalidResponse({ description, body: bodyExcerpt(body) }) })

const checkHeader = (method: Method, what: string, value: string) =>
  ExtensionsProtocol.isFieldValue(value)
    ? Effect.void
    : Effect.fail(
        new ExtensionsApiError({
          method,
          reason: new InvalidRequest({
            description: `${what} ${JSON.stringify(value)} holds characters that HTTP does not allow in a header; change it`,
            cause: undefined
          })
        })
      )

/**
 * The service over the current `HttpClient`. Provide a client without time
 * limits, retries and proxies, such as that of `extension-node`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options) {
  const client = yield* HttpClient.HttpClient
  const registerUrl = ExtensionsProtocol.url(ExtensionsProtocol.registerEndpoint, options.runtimeApi)
  const eventUrl = ExtensionsProtocol.url(ExtensionsProtocol.eventEndpoint, options.runtimeApi)
  const initErrorUrl = ExtensionsProtocol.url(ExtensionsProtocol.initErrorEndpoint, options.runtimeApi)
  const exitErrorUrl = ExtensionsProtocol.url(ExtensionsProtocol.exitErrorEndpoint, options.runtimeApi)

  const send = <A>(
    method: Method,
    expectedStatus: number,
    request: HttpClientRequest.HttpClientRequest,
    decode: (body: string, response: HttpClientResponse) => Effect.Effect<A, ExtensionsApiError>
  ): Effect.Effect<A, ExtensionsApiError> =>
    Effect.flatMap(client.execute(request), (response) =>
      Effect.flatMap(response.text, (body) =>
        response.status === expectedStatus
          ? decode(body, response)
          : Effect.fail(new ExtensionsApiError({ method, reason: reasonFromResponse(response.status, body) }))
      )
    ).pipe(
      Effect.mapError((error) =>
        error._tag === "ExtensionsApiError"
          ? error
          : new ExtensionsApiError({ method, reason: reasonFromClientError(request.url, error) })
      )
    )

  const register = Effect.fnUntraced(function* ({ events, name = options.extensionName }: RegisterOptions) {
    yield* checkHeader("register", "the extension's name", name)
    const request = HttpClientRequest.post(registerUrl, {
      headers: {
        [ExtensionsProtocol.lambdaExtensionNameHeaderKey]: name,
        [ExtensionsProtocol.lambdaExtensionAcceptFeatureHeaderKey]: ExtensionsProtocol.accountIdFeature
      }
    }).pipe(HttpClientRequest.bodyJsonUnsafe({ events }))
    return yield* send("register", 200, request, (body, response) =>
      Effect.gen(function* () {
        const extensionIdentifier =
          response.headers[ExtensionsProtocol.lambdaExtensionIdentifierHeaderKey.toLowerCase()]
        if (extensionIdentifier === undefined || extensionIdentifier === "") {
          const header = ExtensionsProtocol.lambdaExtensionIdentifierHeaderKey
          return yield* invalidResponse("register", `the header ${header} is missing`, body)
        }
        const answer = { functionName: "", functionVersion: "", handler: "", ...readResponse(body) }
        return { ...answer, extensionName: name, extensionIdentifier, events }
      })
    )
  })

  const nextEvent = (registration: Registration) =>
    send(
      "nextEvent",
      200,
      HttpClientRequest.get(eventUrl, {
        headers: { [ExtensionsProtocol.lambdaExtensionIdentifierHeaderKey]: registration.extensionIdentifier }
      }),
      (body) =>
        Effect.mapError(ExtensionEvent.decode(body), (error) => invalidResponse("nextEvent", error.message, body))
    )

  const reportError = Effect.fnUntraced(function* (
    method: "initError" | "exitError",
    url: string,
    registration: Registration,
    error: ErrorRequest
  ) {
    yield* checkHeader(method, "the error type", error.errorType)
    const request = HttpClientRequest.post(url, {
      headers: {
        [ExtensionsProtocol.lambdaExtensionIdentifierHeaderKey]: registration.extensionIdentifier,
        [ExtensionsProtocol.lambdaErrorHeaderKey]: error.errorType
      }
    }).pipe(HttpClientRequest.bodyJsonUnsafe(error))
    return yield* send(method, 202, request, (body) =>
      Effect.mapError(decodeStatusResponse(body), (error) => invalidResponse(method, error.message, body))
    )
  })

  return ExtensionsApi.of({
    register,
    nextEvent,
    initError: (registration, error) => reportError("initError", initErrorUrl, registration, error),
    exitError: (registration, error) => reportError("exitError", exitErrorUrl, registration, error)
  })
})

/**
 * The service for the environment in which the program runs.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<ExtensionsApi, never, HttpClient.HttpClient | LambdaEnvironment> = Layer.effect(
  ExtensionsApi,
  Effect.flatMap(LambdaEnvironment, make)
)

/**
 * The service for an address and a name from `Config`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<ExtensionsApi, Config.ConfigError, HttpClient.HttpClient> =>
  Layer.effect(ExtensionsApi, Effect.flatMap(Config.unwrap(options), make))

/**
 * The bare stream of events: each pull is one next, so a pull tells Lambda that
 * the event before is handled. Nothing is fetched ahead. The stream ends after
 * SHUTDOWN and fails with the first error; `Extension.events` survives errors.
 *
 * Use only operators that pull one element at a time (`runForEach`, `tap`,
 * `mapEffect` without concurrency). `buffer`, `merge`, `interruptWhen` and
 * `timeout` pull ahead, and Lambda would freeze a handler at work.
 *
 * @category streams
 * @since 0.1.0
 */
export const events = (
  registration: Registration
): Stream.Stream<ExtensionEvent.ExtensionEvent, ExtensionsApiError, ExtensionsApi> =>
  Stream.unwrap(
    Effect.map(ExtensionsApi, (api) =>
      Stream.fromEffectRepeat(api.nextEvent(registration)).pipe(
        Stream.takeUntil((event) => event.eventType === "SHUTDOWN")
      )
    )
  )
