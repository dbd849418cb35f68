/** The first line and the headers of a request of HTTP/1.1. */
import { isFieldValue, isToken } from "@effect-lambda/extension/ExtensionsProtocol"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"

/** These headers give the destination and the end of a message. The client sets them, not the caller. */
const ownHeaders = new Set(["host", "connection", "content-length", "transfer-encoding"])

/**
 * The head of a request, with the empty line at its end.
 *
 * @param target the path, or the whole URL
 * @param own the lines of the client, each with its end
 * @throws Error if a header cannot be sent
 */
export const requestHead = (
  { headers, method }: Pick<HttpClientRequest, "headers" | "method">,
  target: string,
  own: string
): Buffer => {
  if (!isToken(method)) throw new Error("the method cannot be sent")
  let head = `${method} ${target} HTTP/1.1\r\n${own}`
  for (const [name, value] of Object.entries(headers)) {
    // The message leaves out the value, which may be a secret.
    if (!isToken(name) || !isFieldValue(value)) throw new Error(`the header ${JSON.stringify(name)} cannot be sent`)
    if (!ownHeaders.has(name.toLowerCase())) head += `${name}: ${value}\r\n`
  }
  return Buffer.from(`${head}\r\n`, "latin1")
}
