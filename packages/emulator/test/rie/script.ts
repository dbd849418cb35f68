/**
 * The words of the recordings: the requests to AWS's emulator, and its answers.
 *
 * An outcome is a line. `#3 …` is the answer to the third call (they count from 0): status line, headers by name, body.
 * `start a` and `end a` are processes. Identifiers and times are replaced: `U2` is the third identifier that was seen,
 * `id(a)0` the first one and that of extension a, `D` a deadline.
 */

export type Action =
  | {
      readonly _tag: "Call"
      /** To the Invoke API; otherwise to the Runtime API. */
      readonly invoke: boolean
      readonly method: string
      /** `$REQ` is the request id that the runtime got last. */
      readonly path: string
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
      /** The extension that calls. */
      readonly name: string
    }
  | { readonly _tag: "Exit"; readonly name: string; readonly code: number }
  /** Sends nothing: the outcomes that follow come by themselves. */
  | { readonly _tag: "Wait" }
  | { readonly _tag: "Terminate" }

export type Step = readonly [action: Action, ...outcomes: ReadonlyArray<string>]

export interface Recording {
  readonly name: string
  /** The external extensions. */
  readonly extensions: ReadonlyArray<string>
  readonly timeoutSeconds?: number
  /** The row of `docs/emulator.md` that says why the outcomes here are not those of AWS's emulator. */
  readonly differs?: string
  readonly steps: ReadonlyArray<Step>
}

export const call = (
  method: string,
  path: string,
  body = "",
  headers: Readonly<Record<string, string>> = {},
  name = ""
): Action => ({ _tag: "Call", invoke: false, method, path, headers, body, name })

export const invoke = (body: string, headers: Readonly<Record<string, string>> = {}): Action => ({
  _tag: "Call",
  invoke: true,
  method: "POST",
  path: "/2015-03-31/functions/function/invocations",
  headers,
  body,
  name: ""
})

export const register = (name: string, ...events: ReadonlyArray<string>): Action =>
  call("POST", "/2020-01-01/extension/register", JSON.stringify({ events }), { "Lambda-Extension-Name": name }, name)

/** Polls as the extension, under the identifier that it got last. */
export const next = (name: string): Action => call("GET", "/2020-01-01/extension/event/next", "", {}, name)

export const exitError = (name: string, errorType: string): Action =>
  call("POST", "/2020-01-01/extension/exit/error", "", { "Lambda-Extension-Function-Error-Type": errorType }, name)

export const runtimeNext: Action = call("GET", "/2018-06-01/runtime/invocation/next")

export const respond = (body = "{}", headers: Readonly<Record<string, string>> = {}, requestId = "$REQ"): Action =>
  call("POST", `/2018-06-01/runtime/invocation/${requestId}/response`, body, headers)

export const respondError = (body = "{}", requestId = "$REQ"): Action =>
  call("POST", `/2018-06-01/runtime/invocation/${requestId}/error`, body)

export const initError = (body: string, headers: Readonly<Record<string, string>> = {}): Action =>
  call("POST", "/2018-06-01/runtime/init/error", body, headers)

export const exit = (name: string, code: number): Action => ({ _tag: "Exit", name, code })

export const wait: Action = { _tag: "Wait" }

export const terminate: Action = { _tag: "Terminate" }

/** As many bytes as the text had before its identifiers and times were replaced. */
const lengthOf = (text: string): number =>
  Buffer.byteLength(
    text.replace(/"deadlineMs":D/, '"deadlineMs":1234567890123').replace(/\b(?:U|req)\d+\b/g, "-".repeat(36))
  )

const line = (number: number, status: string, headers: ReadonlyArray<string>, body: string): string =>
  `#${number} HTTP/1.1 ${status} | ${headers.toSorted().join(" ; ")} | ${body}`

const json = "Content-Type: application/json"

const counted = (number: number, status: string, headers: ReadonlyArray<string>, body: string): string =>
  line(number, status, [`Content-Length: ${lengthOf(body)}`, ...headers], body)

export const answer = counted

const registration = (number: number, identifier: string, values: readonly [string, string, string]): string => {
  const [functionName, functionVersion, handler] = values
  const body = `${JSON.stringify({ functionName, functionVersion, handler })}\n`
  return counted(number, "200 OK", [json, `Lambda-Extension-Identifier: ${identifier}`], body)
}

export const registered = (number: number, identifier: string): string =>
  registration(number, identifier, ["function", "$LATEST", "index.handler"])

/** Before the first init the function is not known. */
export const registeredEarly = (number: number, identifier: string): string =>
  registration(number, identifier, ["", "", ""])

const arn = "arn:aws:lambda:us-east-1:012345678912:function:function"

export const invokeEvent = (number: number, eventIdentifier: string, requestId: string): string =>
  counted(
    number,
    "200 OK",
    [json, `Lambda-Extension-Event-Identifier: ${eventIdentifier}`],
    `{"eventType":"INVOKE","deadlineMs":D,"requestId":"${requestId}","invokedFunctionArn":"${arn}"}`
  )

export const shutdownEvent = (number: number, reason: string): string =>
  counted(
    number,
    "200 OK",
    ["Content-Type: text/plain; charset=utf-8"],
    `{"eventType":"SHUTDOWN","deadlineMs":D,"shutdownReason":"${reason}"}`
  )

/** The invocation as the runtime gets it; Go sends a body that is longer than its buffer in chunks. */
export const invocation = (number: number, requestId: string, payload: string): string =>
  line(
    number,
    "200 OK",
    [
      payload.length > 2048 ? "Transfer-Encoding: chunked" : `Content-Length: ${payload.length}`,
      json,
      `Lambda-Runtime-Aws-Request-Id: ${requestId}`,
      "Lambda-Runtime-Deadline-Ms: D",
      `Lambda-Runtime-Invoked-Function-Arn: ${arn}`
    ],
    payload
  )

export const accepted = (number: number): string => counted(number, "202 Accepted", [json], '{"status":"OK"}\n')

export const refused = (number: number, status: string, errorType: string, errorMessage: string): string =>
  counted(number, status, [json], `${JSON.stringify({ errorMessage, errorType })}\n`)

export const invalidRequestId = (number: number): string =>
  refused(number, "400 Bad Request", "InvalidRequestID", "Invalid request ID")

/** A transition of the runtime that is not allowed. */
export const notAllowed = (number: number, from: string, to: string): string => {
  const message = `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`
  return refused(number, "403 Forbidden", "InvalidStateTransition", message)
}

/** The answer that the caller of the Invoke API gets. The recordings leave out its content type. */
export const success = (number: number, body: string): string => counted(number, "200 OK", [], body)

export const failure = (number: number, body = ""): string => counted(number, "502 Bad Gateway", [], body)

export const closed = (number: number): string => `#${number} closed without an answer`

/** Processes that start or end in any order. */
export const start = (...names: ReadonlyArray<string>): ReadonlyArray<string> => names.map((name) => `start ${name}`)
export const end = (...names: ReadonlyArray<string>): ReadonlyArray<string> => names.map((name) => `end ${name}`)
