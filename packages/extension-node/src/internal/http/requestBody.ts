/** The body of a request to the Extensions API, as bytes. */
import type { HttpClientRequest } from "effect/http/HttpClientRequest"

/** The body to send; the API accepts JSON text or nothing, at four URLs without parameters. */
export const requestBody = (request: HttpClientRequest): Uint8Array | undefined | Error => {
  if (request.urlParams.params.length > 0) return new Error("parameters beside the URL are not supported")
  switch (request.body._tag) {
    case "Empty":
      return undefined
    case "Uint8Array":
      return request.body.body
    default:
      return new Error(`a ${request.body._tag} body is not supported`)
  }
}
