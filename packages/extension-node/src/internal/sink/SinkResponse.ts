/** An answer to a sink or to a call of the user, with every part that an answer of `fetch` has. Its body may be under way. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as UrlParams from "effect/http/UrlParams"
import * as Stream from "effect/Stream"
import { BufferedResponse } from "../http/BufferedResponse.ts"
import type { Failed } from "./Failed.ts"
import type { Incoming } from "./Incoming.ts"

export class SinkResponse extends BufferedResponse {
  readonly #url: URL
  readonly #past: (length: number) => Effect.Effect<Buffer, HttpClientError.HttpClientError>
  readonly #giveUp: Effect.Effect<void>
  readonly #setCookies: ReadonlyArray<string>

  constructor(
    request: HttpClientRequest,
    url: URL,
    incoming: Incoming,
    toError: (failed: Failed) => HttpClientError.HttpClientError
  ) {
    const { headers, status } = incoming.source
    const past = (length: number) => Effect.mapError(incoming.past(length), toError)
    const setCookie = headers.get("set-cookie")
    super(
      request,
      status,
      setCookie === undefined ? headers : [...headers, ["set-cookie", setCookie.replaceAll("\n", ", ")]],
      past(Infinity)
    )
    this.#url = url
    this.#past = past
    this.#giveUp = Effect.sync(incoming.giveUp)
    this.#setCookies = setCookie?.split("\n") ?? []
  }

  override get url(): string {
    return this.#url.href
  }

  override get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(this.#setCookies)
  }

  override get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    return Stream.suspend(() => {
      let at = 0
      const next = Effect.flatMap(
        Effect.suspend(() => this.#past(at)),
        (body) => {
          if (body.length === at) return Cause.done()
          const piece = body.subarray(at)
          at = body.length
          return Effect.succeed([piece] as const)
        }
      )
      return Stream.ensuring(Stream.fromPull(Effect.succeed(next)), this.#giveUp)
    })
  }

  override get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.HttpClientError> {
    return Effect.map(this.text, (text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  override get formData(): Effect.Effect<FormData, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.arrayBuffer, (body) =>
      Effect.tryPromise({
        // The classes of the web are loaded with the first form.
        try: () => new Response(body, { headers: { "content-type": this.headers["content-type"] ?? "" } }).formData(),
        catch: (cause) => this.decodeError(cause)
      })
    )
  }

  override get upgrade(): Effect.Effect<never, HttpClientError.HttpClientError> {
    const description = "this client does not hand over the connection of an upgrade"
    return Effect.fail(
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.StatusCodeError({ request: this.request, response: this, description })
      })
    )
  }
}
