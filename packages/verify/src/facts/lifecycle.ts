/** Facts about environments: variables, failures, the lines of CloudWatch, tracing, and our layers. */
import { each, type Fact, observed, some } from "../Fact.ts"
import type { LogLine } from "../Recording.ts"
import { answersTo, field, nextsOf, objectIn, type Seen, telemetryOf } from "../Seen.ts"

const hidden = [
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_XRAY_CONTEXT_MISSING",
  "AWS_XRAY_DAEMON_ADDRESS",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
  "_AWS_XRAY_DAEMON_ADDRESS",
  "_AWS_XRAY_DAEMON_PORT",
  "_HANDLER"
]
const given = [
  "AWS_LAMBDA_RUNTIME_API",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_LAMBDA_METADATA_API",
  "AWS_LAMBDA_METADATA_TOKEN",
  "TZ"
]

const namesSeen = (seen: Seen) => seen.entries.flatMap((entry) => (entry.verify === "start" ? [entry.names] : []))

const variables: ReadonlyArray<Fact> = [
  {
    id: "variables-hidden",
    anchor: "docs/protocol.md#environment-variables",
    mark: "aws",
    says: "An extension sees none of the ten variables of the runtime",
    judge: (seen) =>
      each(
        namesSeen(seen).map((names) => hidden.filter((name) => names.includes(name))),
        (shown) => shown.length === 0
      )
  },
  {
    id: "variables-given",
    anchor: "docs/protocol.md#environment-variables",
    mark: "aws",
    says: "An extension sees the variables of the platform",
    judge: (seen) =>
      each(
        namesSeen(seen).map((names) => given.filter((name) => !names.includes(name))),
        (missing) => missing.length === 0,
        (missing) => `missing: ${missing.join(", ")}`
      )
  },
  {
    id: "credentials",
    anchor: "docs/protocol.md#environment-variables",
    mark: "aws",
    says: "Credentials are in the environment, except under SnapStart",
    judge: (seen) =>
      each(
        namesSeen(seen).map((names) => names.includes("AWS_SECRET_ACCESS_KEY")),
        (isThere) => isThere !== (seen.scenario === "snapstart")
      )
  },
  {
    id: "credentials-snapstart",
    anchor: "docs/protocol.md#snapstart",
    mark: "docs",
    says: "Under SnapStart credentials come from AWS_CONTAINER_CREDENTIALS_FULL_URI",
    scenarios: ["snapstart"],
    judge: (seen) => each(namesSeen(seen), (names) => names.includes("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
  }
]

/** The error that the callers of a step got, as its JSON document. */
const errorsOf = (seen: Seen, step: string) =>
  seen.invocations.filter((invocation) => invocation.step === step).map(({ payload }) => objectIn(payload))

const failures: ReadonlyArray<Fact> = [
  {
    id: "extension-crash",
    anchor: "docs/protocol.md#a-process-ends",
    mark: "aws",
    says: "An extension that exits with 17 while the function runs gives the caller Extension.Crash, exit status 17",
    judge: (seen) =>
      each(
        errorsOf(seen, "crash-extension"),
        ({ errorMessage, errorType }) =>
          errorType === "Extension.Crash" && /^RequestId: \S+ Error: exit status 17$/.test(String(errorMessage))
      )
  },
  {
    id: "runtime-exit",
    anchor: "docs/protocol.md#failures",
    mark: "aws",
    says: "A function that exits with 3 gives the caller Runtime.ExitError, Runtime exited with error: exit status 3",
    judge: (seen) =>
      each(
        errorsOf(seen, "exit"),
        ({ errorMessage, errorType }) =>
          errorType === "Runtime.ExitError" &&
          /^RequestId: \S+ Error: Runtime exited with error: exit status 3$/.test(String(errorMessage))
      )
  },
  {
    id: "function-timeout",
    anchor: "docs/protocol.md#failures",
    mark: "aws",
    says: "The message of a timeout is Task timed out after N.00 seconds",
    judge: (seen) =>
      each(errorsOf(seen, "hang"), ({ errorMessage }) =>
        /Task timed out after \d+\.00 seconds/.test(String(errorMessage))
      )
  },
  {
    id: "timeout-type",
    anchor: "docs/protocol.md#failures",
    mark: "open",
    says: "The error type of a timeout on Lambda",
    judge: (seen) => observed(errorsOf(seen, "hang").map(({ errorType }) => errorType))
  },
  {
    id: "overrun-caller",
    anchor: "docs/protocol.md#an-extension-overruns",
    mark: "aws",
    says: "An extension that does not call next leaves the caller its answer",
    judge: (seen) =>
      each(
        seen.invocations.filter(({ step }) => step === "hold"),
        ({ functionError }) => functionError === undefined
      )
  },
  {
    id: "identifier-after-reset",
    anchor: "docs/protocol.md#reset",
    mark: "aws",
    says: "Each init gives a new identifier",
    judge: (seen) => {
      const identifiers = answersTo(seen, "register").flatMap(({ headers, status }) =>
        status === 200
          ? headers.filter((_, index) => headers[index - 1]?.toLowerCase() === "lambda-extension-identifier")
          : []
      )
      return identifiers.length < 2
        ? undefined
        : each([new Set(identifiers).size], (size) => size === identifiers.length)
    }
  },
  {
    id: "subscription-after-reset",
    anchor: "docs/protocol.md#a-subscription-outlives-a-reset",
    mark: "aws",
    says: 'After a reset the same subscription is "AlreadySubscribed"',
    scenarios: ["tracing-off"],
    judge: (seen) =>
      nextsOf(seen, "SHUTDOWN").some(({ body }) => objectIn(body)["shutdownReason"] === "timeout")
        ? some(
            answersTo(seen, "subscribe").map(({ body }) => body),
            (body) => body === '"AlreadySubscribed"'
          )
        : undefined
  }
]

const lines = (seen: Seen, begin: string) => seen.platform.map(messageOf).filter((message) => message.startsWith(begin))
const messageOf = ({ message }: LogLine) => message.trimEnd()

const cloudWatch: ReadonlyArray<Fact> = [
  {
    id: "line-start",
    anchor: "docs/protocol.md#lines-of-cloudwatch",
    mark: "aws",
    says: "START names the request and the version",
    judge: (seen) => each(lines(seen, "START "), (line) => /^START RequestId: [0-9a-f-]{36} Version: \S+$/.test(line))
  },
  {
    id: "line-report",
    anchor: "docs/protocol.md#lines-of-cloudwatch",
    mark: "aws",
    says: "REPORT has Duration, Billed Duration, Memory Size and Max Memory Used, with tabs between them",
    judge: (seen) =>
      each(lines(seen, "REPORT "), (line) =>
        /^REPORT RequestId: [0-9a-f-]{36}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: \d+ MB\tMax Memory Used: \d+ MB/.test(
          line
        )
      )
  },
  {
    id: "line-extension",
    anchor: "docs/protocol.md#lines-of-cloudwatch",
    mark: "aws",
    says: "EXTENSION names the extension, its state and its events",
    judge: (seen) =>
      each(lines(seen, "EXTENSION"), (line) => /^EXTENSION\tName: \S+\tState: \w+\tEvents: \[[A-Z, ]*\]/.test(line))
  },
  {
    id: "layers-ready",
    anchor: "docs/protocol.md#lines-of-cloudwatch",
    mark: "aws",
    says: "The layers of this repository are Ready after their start",
    judge: (seen) => {
      const ready = lines(seen, "EXTENSION").filter((line) => line.includes("State: Ready"))
      return ready.length === 0
        ? undefined
        : each(seen.layers, (layer) => ready.some((line) => line.includes(`\tName: ${layer}\t`)))
    }
  }
]

/** The parts of a trace header, such as `Parent`. */
const partOf = (header: unknown, name: string) =>
  String(header)
    .split(";")
    .find((part) => part.startsWith(`${name}=`))
    ?.slice(name.length + 1)

/** Start events with the trace header that the function got. */
const traces = (seen: Seen) =>
  seen.entries.flatMap((entry) => {
    if (entry.verify !== "function") return []
    const start = telemetryOf(seen, "platform.start").find(
      ({ record }) => field(record, "requestId") === entry.requestId
    )
    return start === undefined ? [] : [{ tracing: field(start.record, "tracing"), header: entry.trace ?? entry.xray }]
  })

const tracing: ReadonlyArray<Fact> = [
  {
    id: "tracing-active-span",
    anchor: "docs/protocol.md#trace-context",
    mark: "code",
    says: "With active tracing spanId of start is the Parent of the header that the runtime gets",
    scenarios: ["tracing-on"],
    judge: (seen) =>
      each(
        traces(seen).filter(({ header }) => partOf(header, "Sampled") === "1"),
        ({ header, tracing }) => field(tracing, "spanId") === partOf(header, "Parent")
      )
  },
  {
    id: "tracing-unsampled",
    anchor: "docs/protocol.md#trace-context",
    mark: "aws",
    says: "A request that is not sampled has no tracing in its events",
    judge: (seen) =>
      each(
        traces(seen).filter(({ header }) => partOf(header, "Sampled") === "0"),
        ({ tracing }) => tracing === undefined
      )
  },
  {
    id: "tracing-segments",
    anchor: "docs/protocol.md#open-points",
    mark: "open",
    says: "The segments in the trace header and in tracing with active tracing",
    scenarios: ["tracing-on"],
    judge: (seen) => observed(traces(seen).slice(0, 3))
  },
  {
    id: "restore-order",
    anchor: "docs/protocol.md#open-points",
    mark: "open",
    says: "The order of telemetry around a restore",
    scenarios: ["snapstart"],
    judge: (seen) => observed(seen.events.length === 0 ? [] : [seen.events.map(({ type }) => type).join(", ")])
  },
  {
    id: "managed-telemetry",
    anchor: "docs/protocol.md#open-points",
    mark: "open",
    says: "Telemetry of managed instances on Lambda: the answer to a subscription and the headers of a delivery",
    scenarios: ["managed"],
    judge: (seen) =>
      observed([
        ...answersTo(seen, "subscribe").map(({ body, status }) => `${status} ${body}`),
        ...seen.deliveries.slice(0, 1).map(({ headers }) => headers)
      ])
  }
]

export const lifecycleFacts: ReadonlyArray<Fact> = [...variables, ...failures, ...cloudWatch, ...tracing]
