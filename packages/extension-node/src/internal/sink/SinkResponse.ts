/** An answer to a sink or to a call of the user, with every part that an answer of `fetch` has. */
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as UrlParams from "effect/http/UrlParams"
import type { Answer } from "../http/Answer.ts"
import { BufferedResponse } from "../http/BufferedResponse.ts"

export class SinkResponse extends BufferedResponse {
  readonly #url: URL
  readonly #setCookies: ReadonlyArray<string>

  constructor(request: HttpClientRequest, url: URL, { body, headers, status }: Answer) {
    const setCookie = headers.get("set-cookie")
    super(
      request,
      status,
      setCookie === undefined ? headers : [...headers, ["set-cookie", setCookie.replaceAll("\n", ", ")]],
      body
    )
    this.#url = url
    this.#setCookies = setCookie?.split("\n") ?? []
  }

  override get url(): string {
    return this.#url.href
  }

  override get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(this.#setCookies)
  }

  override get urlParamsBody(): Effect.Effect<UrlParams.UrlParams> {
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
