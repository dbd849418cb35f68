/** Facts about the Extensions API: bodies, register, the identifier, next and its events. */
import { each, type Fact, observed, refusal, some } from "../Fact.ts"
import { headerOf } from "../Recording.ts"
import { answersTo, field, nextsOf, objectIn } from "../Seen.ts"

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const keysOf = (body: string) => Object.keys(objectIn(body)).join(" ")

const bodies: ReadonlyArray<Fact> = [
  {
    id: "path-unknown",
    anchor: "docs/protocol.md#unknown-paths-and-methods",
    mark: "rie",
    says: "A path that does not exist, or one with a slash at its end, is answered with 404 and text",
    judge: (seen) =>
      each(
        [...answersTo(seen, "path-unknown"), ...answersTo(seen, "path-slash")],
        ({ body, status }) => status === 404 && body === "404 page not found\n",
        ({ body, status }) => `${status} ${body}`
      )
  },
  {
    id: "method-other",
    anchor: "docs/protocol.md#unknown-paths-and-methods",
    mark: "rie",
    says: "Another method is answered with 405, the header Allow and no body",
    judge: (seen) =>
      each(
        answersTo(seen, "method-other"),
        (answer) => answer.status === 405 && answer.bytes === 0 && headerOf(answer, "Allow") !== undefined,
        ({ body, headers, status }) => [status, headers, body]
      )
  },
  {
    id: "ping",
    anchor: "docs/protocol.md#unknown-paths-and-methods",
    mark: "code",
    says: "ping is answered with 200 and pong",
    judge: (seen) =>
      each(
        answersTo(seen, "ping"),
        ({ body, status }) => status === 200 && body === "pong",
        ({ body, status }) => `${status} ${body}`
      )
  },
  {
    id: "api-address",
    anchor: "docs/protocol.md#addresses-and-versions",
    mark: "aws",
    says: "AWS_LAMBDA_RUNTIME_API is 169.254.100.1:9001",
    judge: (seen) =>
      each(
        seen.entries.flatMap((entry) => (entry.verify === "start" ? [entry.api] : [])),
        (api) => api === "169.254.100.1:9001"
      )
  }
]

const register: ReadonlyArray<Fact> = [
  {
    id: "register-answer",
    anchor: "docs/protocol.md#register",
    mark: "aws",
    says: "register gives accountId (12 digits), functionName, functionVersion and handler in this order, and a line feed",
    judge: (seen) =>
      each(
        answersTo(seen, "register"),
        ({ body, status }) =>
          status === 200 &&
          keysOf(body) === "accountId functionName functionVersion handler" &&
          /^\d{12}$/.test(String(objectIn(body)["accountId"])) &&
          body.endsWith("}\n"),
        ({ body, status }) => `${status} ${body}`
      ),
    scenarios: ["tracing-off", "tracing-on", "probes", "provisioned", "snapstart"]
  },
  {
    id: "register-identifier",
    anchor: "docs/protocol.md#register",
    mark: "aws",
    says: "The identifier is a UUID in lower case, and the content type is application/json",
    judge: (seen) =>
      each(
        seen.answers.filter(({ call, status }) => call.startsWith("register") && status === 200),
        (answer) =>
          uuid.test(headerOf(answer, "Lambda-Extension-Identifier") ?? "") &&
          headerOf(answer, "Content-Type") === "application/json",
        ({ headers }) => headers
      )
  },
  ...(
    [
      ["register-no-name", "aws", "Extension.InvalidExtensionName", "Empty extension name"],
      ["register-empty-body", "aws", "InvalidRequestFormat", "unexpected end of JSON input"],
      ["register-no-json", "rie", "InvalidRequestFormat", "invalid character 'x' looking for beginning of value"],
      ["register-wrong-type", "rie", "InvalidRequestFormat", /^json: cannot unmarshal string into Go struct field /],
      [
        "register-keys",
        "rie",
        "InvalidRequestFormat",
        "configurationKeys are deprecated; use environment variables instead"
      ],
      ["register-unknown-event", "aws", "Extension.InvalidEventType", "NEW: ErrorInvalidEventType"],
      [
        "register-internal-shutdown",
        "aws",
        "Extension.InvalidEventType",
        "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
      ],
      ["register-late", "rie", "Extension.RegistrationClosed", "Extension registration closed already"],
      [
        "register-twice",
        "rie",
        "Extension.InvalidExtensionState",
        "State transition from Running to Registered failed for extension verify-recorder. Error: State transition is not allowed"
      ]
    ] as const
  ).map(([call, mark, errorType, errorMessage]) =>
    refusal({
      id: call,
      anchor: "docs/protocol.md#refusals-of-register",
      mark,
      call,
      status: 403,
      errorType,
      errorMessage,
      by: "rapid"
    })
  )
]

const unknown = "11111111-2222-4333-8444-555555555555"

const identifier: ReadonlyArray<Fact> = (
  [
    ["next-no-identifier", "MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"],
    ["next-no-uuid", "InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"],
    ["next-unknown", "UnknownExtensionIdentifier", `Unknown extension ${unknown}`],
    ["subscribe-unknown", "UnknownExtensionIdentifier", `Unknown extension ${unknown}`],
    ["init-error-unknown", "UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier"]
  ] as const
).map(([call, type, errorMessage]) =>
  refusal({
    id: call,
    anchor: "docs/protocol.md#the-identifier",
    mark: "aws",
    call,
    status: 403,
    errorType: `Extension.${type}`,
    errorMessage,
    by: "rapid"
  })
)

const next: ReadonlyArray<Fact> = [
  refusal({
    id: "next-twice",
    anchor: "docs/protocol.md#next",
    mark: "rie",
    call: "next-twice",
    status: 403,
    errorType: "Extension.InvalidExtensionState",
    errorMessage:
      /^State transition from Ready to Ready failed for extension [0-9a-f-]{36}\. Error: State transition is not allowed$/,
    by: "rapid"
  }),
  {
    id: "invoke-event",
    anchor: "docs/protocol.md#the-invoke-event",
    mark: "aws",
    says: "INVOKE has eventType, deadlineMs, requestId, invokedFunctionArn and tracing in this order, without a line feed",
    judge: (seen) =>
      each(
        nextsOf(seen, "INVOKE"),
        ({ body }) =>
          keysOf(body) === "eventType deadlineMs requestId invokedFunctionArn tracing" && body.endsWith("}"),
        ({ body }) => body
      )
  },
  {
    id: "invoke-headers",
    anchor: "docs/protocol.md#the-invoke-event",
    mark: "aws",
    says: "INVOKE is application/json with a new UUID in Lambda-Extension-Event-Identifier",
    judge: (seen) => {
      const identifiers = nextsOf(seen, "INVOKE").map((answer) => headerOf(answer, "Lambda-Extension-Event-Identifier"))
      return each(
        nextsOf(seen, "INVOKE"),
        (answer) =>
          headerOf(answer, "Content-Type") === "application/json" &&
          uuid.test(headerOf(answer, "Lambda-Extension-Event-Identifier") ?? "") &&
          new Set(identifiers).size === identifiers.length,
        ({ headers }) => headers
      )
    }
  },
  {
    id: "invoke-tracing",
    anchor: "docs/protocol.md#the-invoke-event",
    mark: "aws",
    says: "tracing of INVOKE is of the type X-Amzn-Trace-Id, and its value has Root and Sampled",
    judge: (seen) =>
      each(
        nextsOf(seen, "INVOKE").map(({ body }) => field(objectIn(body), "tracing")),
        (tracing) =>
          field(tracing, "type") === "X-Amzn-Trace-Id" &&
          /^Root=1-[0-9a-f-]+;.*Sampled=[01]/.test(String(field(tracing, "value")))
      )
  },
  {
    id: "shutdown-event",
    anchor: "docs/protocol.md#the-shutdown-event",
    mark: "aws",
    says: "SHUTDOWN is text/plain without an event identifier, with eventType, deadlineMs and shutdownReason in some order",
    judge: (seen) =>
      each(
        nextsOf(seen, "SHUTDOWN"),
        (answer) =>
          headerOf(answer, "Content-Type") === "text/plain; charset=utf-8" &&
          headerOf(answer, "Lambda-Extension-Event-Identifier") === undefined &&
          keysOf(answer.body).split(" ").toSorted().join(" ") === "deadlineMs eventType shutdownReason" &&
          answer.body.endsWith("}"),
        ({ body, headers }) => [headers, body]
      )
  },
  {
    id: "shutdown-reasons",
    anchor: "docs/protocol.md#reasons-of-shutdown",
    mark: "aws",
    says: "shutdownReason is spindown, timeout or failure",
    judge: (seen) =>
      each(
        nextsOf(seen, "SHUTDOWN").map(({ body }) => objectIn(body)["shutdownReason"]),
        (reason) => reason === "spindown" || reason === "timeout" || reason === "failure"
      )
  },
  {
    id: "shutdown-deadline",
    anchor: "docs/protocol.md#the-shutdown-event",
    mark: "code",
    says: "The deadline of SHUTDOWN is at most 2000 ms after its arrival, and more than 1000 ms (rounded by the clocks)",
    judge: (seen) =>
      each(
        nextsOf(seen, "SHUTDOWN").map(({ at, body }) => Number(objectIn(body)["deadlineMs"]) - at),
        (rest) => rest > 1000 && rest <= 2005
      )
  },
  {
    id: "shutdown-timeout",
    anchor: "docs/protocol.md#reasons-of-shutdown",
    mark: "aws",
    says: "A function that times out causes SHUTDOWN with the reason timeout",
    judge: (seen) =>
      seen.invocations.some(({ step }) => step === "hang")
        ? some(
            nextsOf(seen, "SHUTDOWN").map(({ body }) => objectIn(body)["shutdownReason"]),
            (reason) => reason === "timeout"
          )
        : undefined
  },
  {
    id: "shutdown-sigterm",
    anchor: "docs/protocol.md#the-shutdown-sequence",
    mark: "rie",
    says: "An extension that registered for SHUTDOWN gets no SIGTERM",
    judge: (seen) => {
      const signals = seen.entries.filter(({ verify }) => verify === "signal")
      if (signals.length > 0) return { _tag: "Differs", seen: `${signals.length} times SIGTERM` }
      return each(nextsOf(seen, "SHUTDOWN"), () => true)
    }
  }
]

const reports: ReadonlyArray<Fact> = [
  refusal({
    id: "init-error-no-type",
    anchor: "docs/protocol.md#error-reports",
    mark: "aws",
    call: "init-error-no-type",
    status: 403,
    errorType: "Extension.MissingHeader",
    errorMessage: "Lambda-Extension-Function-Error-Type not found",
    by: "rapid"
  }),
  refusal({
    id: "exit-error-no-type",
    anchor: "docs/protocol.md#error-reports",
    mark: "aws",
    call: "exit-error-no-type",
    status: 403,
    errorType: "Extension.MissingHeader",
    errorMessage: "Lambda-Extension-Function-Error-Type not found",
    by: "rapid"
  }),
  refusal({
    id: "init-error-running",
    anchor: "docs/protocol.md#error-reports",
    mark: "aws",
    call: "init-error-running",
    status: 403,
    errorType: "Extension.InvalidExtensionState",
    errorMessage:
      /^State transition from Running to InitError failed for extension [0-9a-f-]{36}\. Error: State transition is not allowed$/,
    by: "rapid"
  })
]

const place: ReadonlyArray<Fact> = [
  {
    id: "working-directory",
    anchor: "docs/protocol.md#files",
    mark: "open",
    says: "The working directory of an extension",
    judge: (seen) => observed(seen.entries.flatMap((entry) => (entry.verify === "start" ? [entry.cwd] : [])))
  },
  {
    id: "managed-register",
    anchor: "docs/protocol.md#extensions-on-managed-instances",
    mark: "docs",
    says: "A managed instance refuses INVOKE with 403 `Extension.InvalidEventType`, `INVOKE: ErrorInvalidEventType`",
    scenarios: ["managed"],
    judge: (seen) =>
      each(
        answersTo(seen, "register"),
        ({ body, status }) =>
          status === 403 &&
          objectIn(body)["errorType"] === "Extension.InvalidEventType" &&
          objectIn(body)["errorMessage"] === "INVOKE: ErrorInvalidEventType",
        ({ body, status }) => `${status} ${body}`
      )
  }
]

export const extensionFacts: ReadonlyArray<Fact> = [
  ...bodies,
  ...register,
  ...identifier,
  ...next,
  ...reports,
  ...place
]
