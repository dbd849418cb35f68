/**
 * The bytes the environment answers with: one template per response, written by hand.
 *
 * The templates are deliberately not derived from any schema of an extension client. Field order, HTML escapes, the
 * final newline and the content type are those of the Lambda platform. A client therefore cannot pass here with a
 * mistake that it shares with its own decoder.
 */
import * as DateTime from "effect/DateTime"
import type { ShutdownReasonText } from "../ShutdownReason.ts"

/** A complete HTTP response. */
export interface WireResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Text, or bytes as they came. */
  readonly body: string | Uint8Array
}

/**
 * The largest payload and the largest response that Lambda takes, in bytes: 6 MiB and 100.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxPayloadBytes = 6_291_556

const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029"
}

/** JSON with the escapes of Go's `encoding/json`: `<`, `>`, `&`, U+2028 and U+2029, which only texts can hold. */
export const goEscaped = (json: string): string =>
  json.replace(/[<>&\u2028\u2029]/g, (character) => escapes[character] ?? character)

/** Compact JSON as Go's `encoding/json` writes it: `<`, `>`, `&`, U+2028 and U+2029 are escaped. */
export const goJson = (value: object | string): string => goEscaped(JSON.stringify(value))

const json = (status: number, value: object, headers: Readonly<Record<string, string>> = {}): WireResponse => ({
  status,
  headers: { "Content-Type": "application/json", ...headers },
  body: `${goJson(value)}\n`
})

/** An API error: `errorMessage` first, then `errorType`, a final newline (docs/protocol.md#bodies). */
export const apiError = (status: number, errorType: string, errorMessage: string): WireResponse =>
  json(status, { errorMessage, errorType })

/**
 * Status 200 from the telemetry service, a JSON string without a newline (docs/protocol.md#answers-to-a-subscription).
 */
export const subscribed = (answer: "OK" | "AlreadySubscribed"): WireResponse => ({
  status: 200,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(answer)
})

/**
 * A refusal of the telemetry service: `errorType` first, no newline, no HTML escapes
 * (docs/protocol.md#answers-to-a-subscription).
 */
export const subscriptionError = (status: number, errorType: string, errorMessage: string): WireResponse => ({
  status,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ errorType, errorMessage })
})

/** Status 202, `{"status":"OK"}` with a final newline (docs/protocol.md#bodies). */
export const accepted: WireResponse = json(202, { status: "OK" })

/** Status 200 for `restore/next` after the restore, with an empty body. */
export const restored: WireResponse = { status: 200, headers: {}, body: "" }

/**
 * The credentials of an environment with SnapStart, in the form that AWS SDKs read. `expiration` is in epoch
 * milliseconds.
 */
export const containerCredentials = (credentials: {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration: number
}): WireResponse => ({
  status: 200,
  headers: { "Content-Type": "text/plain; charset=utf-8" },
  body: goJson({
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: DateTime.formatIso(DateTime.makeUnsafe(credentials.expiration))
  })
})

/** Status 404 for a request for the credentials without their token. */
export const credentialsNotFound: WireResponse = {
  status: 404,
  headers: { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" },
  body: "cannot get credentials for the provided token\n"
}

/** Status 404 as Go's router writes it (docs/protocol.md#unknown-paths-and-methods). */
export const notFound: WireResponse = {
  status: 404,
  headers: { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" },
  body: "404 page not found\n"
}

/** Status 403 for a request that a web page made a browser send. AWS has no such answer. */
export const foreign = (sentence: string): WireResponse => ({
  status: 403,
  headers: { "Content-Type": "text/plain; charset=utf-8" },
  body: `${sentence}\n`
})

/**
 * Status 404 with an empty body, while extensions are switched off (docs/protocol.md#the-switch-for-all-extensions).
 */
export const extensionsDisabled: WireResponse = { status: 404, headers: {}, body: "" }

/** Status 405 with an `Allow` header and an empty body (docs/protocol.md#unknown-paths-and-methods). */
export const methodNotAllowed = (allow: string): WireResponse => ({ status: 405, headers: { Allow: allow }, body: "" })

/** The answer `pong` (docs/protocol.md#unknown-paths-and-methods). */
export const pong: WireResponse = {
  status: 200,
  headers: { "Content-Type": "text/plain; charset=utf-8" },
  body: "pong"
}

/**
 * Status 200 for a registration (docs/protocol.md#register). `accountId` comes first and only when it was asked
 * for.
 */
export const registered = (options: {
  readonly identifier: string
  readonly accountId: string | undefined
  readonly functionName: string
  readonly functionVersion: string
  readonly handler: string
}): WireResponse =>
  json(
    200,
    {
      ...(options.accountId !== undefined && options.accountId !== "" ? { accountId: options.accountId } : {}),
      functionName: options.functionName,
      functionVersion: options.functionVersion,
      handler: options.handler
    },
    { "Lambda-Extension-Identifier": options.identifier }
  )

/**
 * The INVOKE event of an extension: no final newline; `tracing` is left out without a trace header
 * (docs/protocol.md#the-invoke-event). `deadlineMs` is in epoch milliseconds.
 */
export const invokeEvent = (options: {
  readonly eventIdentifier: string
  readonly deadlineMs: number
  readonly requestId: string
  readonly invokedFunctionArn: string
  readonly traceHeader: string
}): WireResponse => ({
  status: 200,
  headers: { "Content-Type": "application/json", "Lambda-Extension-Event-Identifier": options.eventIdentifier },
  body: goJson({
    eventType: "INVOKE",
    deadlineMs: options.deadlineMs,
    requestId: options.requestId,
    invokedFunctionArn: options.invokedFunctionArn,
    ...(options.traceHeader === "" ? {} : { tracing: { type: "X-Amzn-Trace-Id", value: options.traceHeader } })
  })
})

/**
 * The SHUTDOWN event of an extension: `text/plain`, no event identifier, no final newline
 * (docs/protocol.md#the-shutdown-event). `deadlineMs` is in epoch milliseconds.
 */
export const shutdownEvent = (deadlineMs: number, shutdownReason: ShutdownReasonText): WireResponse => ({
  status: 200,
  headers: { "Content-Type": "text/plain; charset=utf-8" },
  body: goJson({ eventType: "SHUTDOWN", deadlineMs, shutdownReason })
})

/** The invocation as the runtime gets it; a header is left out when it has no value (docs/protocol.md#runtime-next). */
export const runtimeInvocation = (options: {
  readonly requestId: string
  readonly deadlineMs: number
  readonly invokedFunctionArn: string
  readonly traceHeader: string
  readonly clientContext: string
  readonly cognitoIdentity: string
  readonly tenantId: string
  readonly contentType: string
  readonly payload: string | Uint8Array
}): WireResponse => {
  const headers: Record<string, string> = {
    "Content-Type": options.contentType === "" ? "application/json" : options.contentType,
    "Lambda-Runtime-Aws-Request-Id": options.requestId,
    "Lambda-Runtime-Deadline-Ms": String(options.deadlineMs),
    "Lambda-Runtime-Invoked-Function-Arn": options.invokedFunctionArn
  }
  if (options.traceHeader !== "") headers["Lambda-Runtime-Trace-Id"] = options.traceHeader
  if (options.clientContext !== "") headers["Lambda-Runtime-Client-Context"] = options.clientContext
  if (options.cognitoIdentity !== "") headers["Lambda-Runtime-Cognito-Identity"] = options.cognitoIdentity
  if (options.tenantId !== "") headers["Lambda-Runtime-Aws-Tenant-Id"] = options.tenantId
  return { status: 200, headers, body: options.payload }
}

/**
 * The payload that the invoker gets when the environment, not the function, failed (docs/protocol.md#failures). The
 * request id is part of the message.
 */
export const failurePayload = (requestId: string, errorType: string, message: string): string =>
  goJson({ errorType, errorMessage: `RequestId: ${requestId} Error: ${message}` })

/**
 * The text that the invoker reads after a timeout of the function (docs/protocol.md#failures); `timeoutMs` in
 * milliseconds.
 */
export const timeoutMessage = (timeoutMs: number): string =>
  `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`
