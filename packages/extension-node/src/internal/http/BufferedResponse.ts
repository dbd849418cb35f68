/** An HTTP answer over our connections, as the answer of an Effect client. */
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as Inspectable from "effect/Inspectable"
import type * as UrlParams from "effect/http/UrlParams"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

type Body = Effect.Effect<Buffer, HttpClientError.HttpClientError>

/**
 * An answer whose body comes whole. `HttpClientResponse.fromWeb` would work too, but the global `Response`
 * loads undici, which costs tens of milliseconds before the first event.
 */
export class BufferedResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest
  readonly status: number
  readonly remoteAddress = Option.none<string>()
  readonly #headers: Headers.Input
  readonly #body: Body

  constructor(request: HttpClientRequest, status: number, headers: Headers.Input, body: Body) {
    super()
    this.request = request
    this.status = status
    this.#headers = headers
    this.#body = body
  }

  get cookies(): Cookies.Cookies {
    return Cookies.empty
  }

  get headers(): Headers.Headers {
    return Headers.fromInput(this.#headers)
  }

  get url(): string {
    return this.request.url
  }

  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    return Effect.map(this.#body, (body) => {
      const text = body.toString("utf8")
      return text.startsWith("\uFEFF") ? text.slice(1) : text
    })
  }

  get json(): Effect.Effect<Schema.Json, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.text, (text) =>
      Effect.try({
        try: () => (text === "" ? null : JSON.parse(text)),
        catch: (cause) => this.decodeError(cause)
      })
    )
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError> {
    return Effect.map(this.#body, (body) => new Uint8Array(body).buffer)
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    return Stream.fromEffect(this.#body)
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.HttpClientError> {
    return this.#unsupported("a form body")
  }

  get formData(): Effect.Effect<FormData, HttpClientError.HttpClientError> {
    return this.#unsupported("a form body")
  }

  get upgrade(): Effect.Effect<never, HttpClientError.HttpClientError> {
    return this.#unsupported("an upgrade of the connection")
  }

  pipe() {
    return pipeArguments(this, arguments)
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  #unsupported(what: string): Effect.Effect<never, HttpClientError.HttpClientError> {
    return Effect.fail(this.decodeError(undefined, `the Extensions API does not have ${what}`))
  }

  protected decodeError(cause: unknown, description?: string) {
    return new HttpClientError.HttpClientError({
      reason: new HttpClientError.DecodeError({ request: this.request, response: this, cause, description })
    })
  }
}
