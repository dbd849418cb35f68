/**
 * The promises of ExtensionsApi and TelemetryApi over any client: the request of a call, and its result for the bytes of
 * Lambda's answer.
 */
import type { ExtensionError } from "@effect-lambda/extension"
import type * as ExtensionsApi from "@effect-lambda/extension/ExtensionsApi"
import * as ExtensionsProtocol from "@effect-lambda/extension/ExtensionsProtocol"
import type * as Registration from "@effect-lambda/extension/Registration"
import type * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import type * as TelemetryApiError from "@effect-lambda/extension/telemetry/TelemetryApiError"
import type * as Effect from "effect/Effect"
import { type Answer, http, reset } from "../support/rawAnswer.ts"
import type { Received } from "../support/RawServer.ts"

export interface Apis {
  readonly api: ExtensionsApi.ExtensionsApi["Service"]
  readonly telemetry: TelemetryApi.TelemetryApi["Service"]
}

type Failure = ExtensionError.ExtensionsApiError | TelemetryApiError.TelemetryApiError

/** The fields of a request that a case names; clients may send other headers. */
type Sent = Partial<Pick<Received, "method" | "url" | "body">> & { readonly headers?: Readonly<Record<string, string>> }

export interface Case {
  readonly name: string
  readonly call: (apis: Apis) => Effect.Effect<object, Failure>
  readonly answer: Answer
  /** The result of the call; or the reason of its failure, and a part of the message. */
  readonly gives:
    | object
    | { readonly fails: Failure["reason"]["_tag"]; readonly says?: string; readonly again: boolean }
  /** The requests that the server gets, in this order. */
  readonly sends?: ReadonlyArray<Sent>
}

const json = { "Content-Type": "application/json" }
const id = "8b9ed9b8-3a1a-4a3e-9d2b-2f0e1d6a0c11"
const registerBody = '{"accountId":"123456789012","functionName":"f","functionVersion":"$LATEST","handler":"h"}\n'
const registered = http("200 OK", registerBody, { ...json, "Lambda-Extension-Identifier": id })
export const ok = http("202 Accepted", '{"status":"OK"}\n', json)
const refusal = (errorType: string, errorMessage: string, status = "403 Forbidden") =>
  http(status, `${JSON.stringify({ errorMessage, errorType })}\n`, json)

const registration: Registration.Registration = {
  functionName: "f",
  functionVersion: "$LATEST",
  handler: "h",
  extensionName: "a",
  extensionIdentifier: id,
  events: ["INVOKE", "SHUTDOWN"]
}
const report = { errorMessage: "m", errorType: "Extension.ConfigInvalid", stackTrace: [] }
const subscription = { types: ["platform"], destination: { protocol: "TCP", port: 4243 } } as const
const identified = { "lambda-extension-identifier": id }

const register = ({ api }: Apis) => api.register({ events: ["INVOKE"] })
const next = ({ api }: Apis) => api.nextEvent(registration)
const initError = ({ api }: Apis) => api.initError(registration, report)
const exitError = ({ api }: Apis) => api.exitError(registration, report)
const subscribe = ({ telemetry }: Apis) => telemetry.subscribe(registration, subscription)

const successes: ReadonlyArray<Case> = [
  {
    name: "cases 1, 2: register",
    call: ({ api }) => api.register({ events: ["INVOKE", "SHUTDOWN"] }),
    answer: registered,
    gives: { ...registration, accountId: "123456789012" },
    sends: [
      {
        method: "POST",
        url: ExtensionsProtocol.registerEndpoint,
        body: '{"events":["INVOKE","SHUTDOWN"]}',
        headers: { "lambda-extension-name": "a", "lambda-extension-accept-feature": "accountId" }
      }
    ]
  },
  {
    name: "case 16: register for no event",
    call: ({ api }) => api.register({ events: [] }),
    answer: registered,
    gives: { ...registration, accountId: "123456789012", events: [] },
    sends: [{ body: '{"events":[]}' }]
  },
  {
    name: "a register answer without accountId and with an empty handler",
    call: ({ api }) => api.register({ events: [] }),
    answer: http("200 OK", '{"functionName":"f","functionVersion":"1","handler":""}\n', {
      "Lambda-Extension-Identifier": id
    }),
    gives: { ...registration, functionVersion: "1", handler: "", events: [] }
  },
  {
    name: "case 28: INVOKE",
    call: next,
    answer: http(
      "200 OK",
      '{"eventType":"INVOKE","deadlineMs":1767225600000,"requestId":"r","invokedFunctionArn":"arn","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}',
      { ...json, "Lambda-Extension-Event-Identifier": id }
    ),
    gives: {
      eventType: "INVOKE",
      deadlineMs: 1_767_225_600_000,
      requestId: "r",
      invokedFunctionArn: "arn",
      tracing: { type: "X-Amzn-Trace-Id", value: "Root=1" }
    },
    sends: [{ method: "GET", url: ExtensionsProtocol.eventEndpoint, headers: identified }]
  },
  {
    name: "case 31: SHUTDOWN is text/plain without an event identifier",
    call: next,
    answer: http("200 OK", '{"eventType":"SHUTDOWN","deadlineMs":1,"shutdownReason":"spindown"}', {
      "Content-Type": "text/plain; charset=utf-8"
    }),
    gives: { eventType: "SHUTDOWN", deadlineMs: 1, shutdownReason: "spindown" }
  },
  {
    name: "a body in many chunks that split multi-byte characters",
    call: next,
    answer: http(
      "200 OK",
      Array.from(
        Buffer.from('{"eventType":"INVOKE","deadlineMs":1,"requestId":"żółw-🐢-日本","invokedFunctionArn":"a"}'),
        (byte) => Uint8Array.of(byte)
      ),
      json
    ),
    gives: { eventType: "INVOKE", deadlineMs: 1, requestId: "żółw-🐢-日本", invokedFunctionArn: "a" }
  },
  {
    name: "case 37: init/error",
    call: initError,
    answer: ok,
    gives: { status: "OK" },
    sends: [
      {
        method: "POST",
        url: ExtensionsProtocol.initErrorEndpoint,
        body: JSON.stringify(report),
        headers: { "lambda-extension-function-error-type": "Extension.ConfigInvalid" }
      }
    ]
  },
  {
    name: "case 37: exit/error",
    call: exitError,
    answer: ok,
    gives: { status: "OK" },
    sends: [{ method: "POST", url: ExtensionsProtocol.exitErrorEndpoint, body: JSON.stringify(report) }]
  },
  {
    name: "case 73: subscribing to telemetry",
    call: subscribe,
    answer: http("200 OK", '"OK"', json),
    gives: { _tag: "Subscribed", schemaVersion: "2025-01-29" },
    sends: [
      {
        method: "PUT",
        url: "/2022-07-01/telemetry",
        body:
          '{"schemaVersion":"2025-01-29","types":["platform"],"buffering":{"maxItems":1000,"maxBytes":1048576,' +
          '"timeoutMs":25},"destination":{"protocol":"TCP","port":4243}}',
        headers: identified
      }
    ]
  },
  {
    name: "case 74: subscribing to telemetry that is not there",
    call: subscribe,
    answer: http(
      "202 Accepted",
      '{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}\n'
    ),
    gives: { _tag: "NotSupported" }
  }
]

const invalidState = (from: string, to: string) =>
  refusal(
    "Extension.InvalidExtensionState",
    `State transition from ${from} to ${to} failed for extension a. Error: State transition is not allowed`
  )

const refusals: ReadonlyArray<Case> = (
  [
    [3, register, refusal("Extension.InvalidExtensionName", "Empty extension name"), "base name of its file"],
    [4, register, refusal("InvalidRequestFormat", "unexpected end of JSON input"), "request body"],
    [8, register, refusal("Extension.InvalidEventType", "invoke: ErrorInvalidEventType"), "in capitals"],
    [
      10,
      register,
      refusal("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"),
      "internal extension"
    ],
    [11, register, invalidState("Registered", "Registered"), "registered already"],
    [
      12,
      register,
      refusal("Extension.InvalidExtensionState", "Extension with this name already registered"),
      "does not fit"
    ],
    [13, register, refusal("Extension.RegistrationClosed", "Extension registration closed already"), "first next"],
    [15, register, refusal("Extension.TooManyExtensions", "Extension limit (10) reached"), "ten extensions"],
    [20, register, refusal("Extension.InvalidEventType", "INVOKE: ErrorInvalidEventType"), "Managed instances"],
    [
      25,
      next,
      refusal("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"),
      "register answer"
    ],
    [
      26,
      next,
      refusal("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"),
      "register answer"
    ],
    [27, next, refusal("Extension.UnknownExtensionIdentifier", `Unknown extension ${id}`), "register again"],
    [33, next, invalidState("Ready", "Ready"), "one next at a time"],
    [35, next, invalidState("InitError", "Ready"), "does not fit"],
    [39, initError, refusal("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"), "errorType"],
    [
      40,
      initError,
      refusal("Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier"),
      "register again"
    ],
    [42, initError, invalidState("Running", "InitError"), "only before the first next"]
  ] as const
).map(([number, call, answer, says]) => ({
  name: `case ${number}: a refusal is Rejected and says what to do`,
  call,
  answer,
  gives: { fails: "Rejected", says, again: false }
}))

const html = { "Content-Type": "text/html" }

const errors: ReadonlyArray<Case> = (
  [
    ["a 500", refusal("InternalServerError", "Internal Server Error", "500 Internal Server Error"), "Rejected", true],
    ["fields in the other order", http("403 Forbidden", '{"errorType":"t","errorMessage":"m"}', json), "Rejected"],
    ["404 text", http("404 Not Found", "404 page not found\n"), "UnexpectedStatus"],
    ["an empty 404 (case 24)", http("404 Not Found", ""), "UnexpectedStatus"],
    ["HTML with 502", http("502 Bad Gateway", "<html>bad gateway</html>", html), "UnexpectedStatus", true],
    ["HTML with 200", http("200 OK", "<html>hello</html>", html), "InvalidResponse"],
    ["an empty body", http("200 OK", ""), "InvalidResponse"],
    ["truncated JSON", http("200 OK", '{"eventType":"INVOKE","deadl', json), "InvalidResponse"],
    ["JSON of another shape", http("200 OK", '{"eventType":"INVOKE"}', json), "InvalidResponse"],
    ["a 202 where 200 is promised", http("202 Accepted", '{"status":"OK"}\n', json), "UnexpectedStatus"],
    ["a reset connection", reset, "Unreachable", true],
    [
      "a body shorter than promised",
      { ...http("200 OK", '{"eventType"', { "Content-Length": "99" }), afterwards: "reset" },
      "Unreachable",
      true
    ]
  ] as const
).map(([name, answer, fails, again = false]) => ({
  name: `${name} is ${fails}`,
  call: next,
  answer,
  gives: { fails, again }
}))

const unsendable: ReadonlyArray<Case> = ["a\nb", "a\u0000", "日本"].flatMap((name) => {
  const gives = { fails: "InvalidRequest", again: false } as const
  return [
    {
      name: `the name ${JSON.stringify(name)} cannot be a header: InvalidRequest, nothing sent`,
      call: ({ api }) => api.register({ name, events: [] }),
      answer: registered,
      gives,
      sends: []
    },
    {
      name: `the error type ${JSON.stringify(name)} cannot be a header: InvalidRequest, nothing sent`,
      call: ({ api }) => api.exitError(registration, { ...report, errorType: name }),
      answer: ok,
      gives,
      sends: []
    }
  ] satisfies ReadonlyArray<Case>
})

export const contractCases: ReadonlyArray<Case> = [
  ...successes,
  ...refusals,
  ...errors,
  ...unsendable,
  {
    name: "a register answer without the identifier header is InvalidResponse",
    call: ({ api }) => api.register({ events: [] }),
    answer: http("200 OK", registerBody, json),
    gives: { fails: "InvalidResponse", says: "Lambda-Extension-Identifier", again: false }
  }
]
