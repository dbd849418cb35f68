/** A failure of the HTTP client, as a reason of a call to Lambda. */
import type { HttpClientError } from "effect/http/HttpClientError"
import { causeText, InvalidRequest, UnexpectedStatus, Unreachable } from "../../ExtensionError.ts"

/** The reason why a request to `url` got no answer, as a reason of a call to Lambda. */
export const reasonFromClientError = (
  url: string,
  { message, reason }: HttpClientError
): Unreachable | InvalidRequest | UnexpectedStatus => {
  switch (reason._tag) {
    case "EncodeError":
    case "InvalidUrlError":
      return new InvalidRequest({ description: `${message}: ${causeText(reason.cause)}`, cause: reason.cause })
    case "StatusCodeError":
      return new UnexpectedStatus({ status: reason.response.status, body: "" })
    default:
      return new Unreachable({ url, cause: reason.cause ?? message })
  }
}
