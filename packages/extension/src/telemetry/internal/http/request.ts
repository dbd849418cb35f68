/** The request that an HTTP sink makes from its options, without its body, and what a log may say of it. */
import * as Effect from "effect/Effect"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Redacted from "effect/Redacted"
import { isFieldValue, isToken } from "../../../ExtensionsProtocol.ts"
import { decodeUtf8 } from "../record/originalText.ts"
import * as httpEndpoint from "./endpoint.ts"

/** The options that the request depends on. */
interface RequestOptions {
  readonly url: string
  readonly explain?:
    | ((answer: { readonly contentType: string; readonly body: Uint8Array }) => string | undefined)
    | undefined
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted<string>>> | undefined
}

/**
 * The body of a request, not compressed, and what it is: the header `content-type`.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpBody {
  readonly body: string | Uint8Array
  readonly contentType: string
}

// Their values are secret, even if the program does not say so.
const secretHeaders = new Set(["authorization", "cookie", "proxy-authorization", "x-api-key"])

/** `problem`: why no request can be made with the options. */
export const prepare = (options: RequestOptions) => {
  const url = options.url.trim()
  const secretNames: Array<string> = []
  const secrets = [...httpEndpoint.queryValues(url)]
  const headers = Object.entries(options.headers ?? {}).map(([name, value]) => {
    const isSecret = Redacted.isRedacted(value)
    // A value from a file ends with a line break, which only some clients take off.
    const text = (isSecret ? Redacted.value(value) : value).trim()
    if (isSecret || secretHeaders.has(name.toLowerCase())) {
      secretNames.push(name)
      secrets.push(text)
    }
    return [name, text] as const
  })
  const { hide, hideInCut } = httpEndpoint.hiding(secrets)
  // A query may hold a key.
  const shownUrl = hide(url)
    .replaceAll(/\/\/[^\s/@]*@/g, "//<redacted>@")
    .replace(/\?.*$/s, "?…")
  const wrongUrl = httpEndpoint.whyNoUrl(url)
  const wrongHeader = headers.find(([name, value]) => !isToken(name) || !isFieldValue(value))
  const problem =
    wrongUrl !== undefined
      ? `${JSON.stringify(shownUrl)} ${wrongUrl}`
      : wrongHeader !== undefined
        ? `the header ${JSON.stringify(wrongHeader[0])} has a line break in it, or another character that no header has`
        : undefined
  return {
    url,
    problem,
    secretNames,
    request: HttpClientRequest.post(url).pipe(HttpClientRequest.setHeaders(headers)),
    /** A client may quote the URL, as it was given or in another spelling. */
    withoutSecrets: (text: string) => hide(text.replaceAll(url, shownUrl)).replaceAll(/\?[^\s"']+/g, "?…"),
    quoted: (text: string) => httpEndpoint.quoted(hide(text)),
    /** The beginning of an answer, quoted; empty if there is none. */
    said: (response: HttpClientResponse) =>
      Effect.map(httpEndpoint.readBeginning(response), ({ body, isWhole }) => {
        const text =
          options.explain?.({ contentType: response.headers["content-type"] ?? "", body }) ?? decodeUtf8(body)
        const shown = (isWhole ? hide(text) : hideInCut(text)).trim()
        return shown === "" ? "" : httpEndpoint.quoted(shown)
      })
  }
}

/** @throws Error if the body is none, which only a program without types can make. */
export const withBody = (request: HttpClientRequest.HttpClientRequest, { body, contentType }: HttpBody) => {
  const isText = typeof body === "string"
  if (!isText && !(body instanceof Uint8Array)) throw new Error("its body is neither a text nor a Uint8Array")
  if (typeof contentType !== "string" || !isFieldValue(contentType)) {
    throw new Error("its contentType is none that a header can have")
  }
  return isText
    ? HttpClientRequest.bodyText(request, body, contentType)
    : HttpClientRequest.bodyUint8Array(request, body, contentType)
}

/** As `HttpClientRequest.compressBody`: the gzip of a smaller body can be larger than the body. */
const leastBytes = 1024

/** @param gzip `undefined`: the client compresses with the classes of the web */
export const compressed = (
  request: HttpClientRequest.HttpClientRequest,
  gzip: ((body: Uint8Array) => Effect.Effect<Uint8Array>) | undefined
): Effect.Effect<HttpClientRequest.HttpClientRequest> => {
  if (gzip === undefined) return HttpClientRequest.compressBody(request, "gzip", { minSize: leastBytes })
  const { body, headers } = request
  if (body._tag !== "Uint8Array" || body.body.length < leastBytes || headers["content-encoding"] !== undefined) {
    return Effect.succeed(request)
  }
  return Effect.map(gzip(body.body), (bytes) =>
    request.pipe(
      HttpClientRequest.bodyUint8Array(bytes, body.contentType),
      HttpClientRequest.setHeader("content-encoding", "gzip")
    )
  )
}
