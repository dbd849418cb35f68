import type { HttpClientRequest } from "effect/http/HttpClientRequest"

/** The API takes JSON text or nothing. */
export const requestBody = (request: HttpClientRequest): Uint8Array | undefined | Error => {
  switch (request.body._tag) {
    case "Empty":
      return undefined
    case "Uint8Array":
      return request.body.body
    default:
      return new Error(`a ${request.body._tag} body is not supported`)
  }
}
