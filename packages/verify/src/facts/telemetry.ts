/** Facts about telemetry: the answers to a subscription, deliveries, and the events. */
import { createHash } from "node:crypto"
import { each, type Fact, observed, refusal, some } from "../Fact.ts"
import { headerOf } from "../Recording.ts"
import { answersTo, eventsOf, field, type Seen, telemetryOf } from "../Seen.ts"

const subscriptions: ReadonlyArray<Fact> = [
  {
    id: "subscribe",
    anchor: "docs/protocol.md#answers-to-a-subscription",
    mark: "aws",
    says: 'An accepted subscription is answered with 200 and "OK"; after a reset with "AlreadySubscribed"',
    judge: (seen) =>
      each(
        answersTo(seen, "subscribe"),
        ({ body, status }) => status === 200 && (body === '"OK"' || body === '"AlreadySubscribed"'),
        ({ body, status }) => `${status} ${body}`
      ),
    scenarios: ["tracing-off", "tracing-on", "probes", "provisioned", "snapstart"]
  },
  {
    id: "subscribe-again",
    anchor: "docs/protocol.md#answers-to-a-subscription",
    mark: "aws",
    says: 'The same subscription again is answered with 200 and "AlreadySubscribed"',
    judge: (seen) =>
      each(
        answersTo(seen, "subscribe-again"),
        ({ body, status }) => status === 200 && body === '"AlreadySubscribed"',
        ({ body, status }) => `${status} ${body}`
      )
  },
  ...(
    [
      [
        "subscribe-version",
        "aws",
        400,
        "Telemetry.DeserializationError",
        /^unknown variant `2099-01-01`, expected one of `2020-08-15`, `2021-03-18`, `2022-07-01`, `2022-12-13`, `2025-01-29` at line 1 column \d+$/
      ],
      [
        "subscribe-no-version",
        "aws",
        400,
        "Telemetry.ValidationError",
        "TelemetryAPI only supports the SchemaVersion released after 2021-03-18"
      ],
      ["subscribe-timeout", "aws", 400, "Telemetry.ValidationError", "timeoutMs should be between 25 and 30000"],
      ["subscribe-bytes", "aws", 400, "Telemetry.ValidationError", "maxBytes should be between 262144 and 1048576"],
      ["subscribe-items", "aws", 400, "Telemetry.ValidationError", "maxItems should be between 1000 and 10000"],
      ["subscribe-type", "aws", 400, "Telemetry.DeserializationError", /^unknown variant `bogus`, expected one of /],
      ["subscribe-single-event", "aws", 400, "Telemetry.ValidationError", "Unrecognized enum variant"],
      ["subscribe-key", "others", 400, "Telemetry.DeserializationError", /^unknown field `more`, expected one of /],
      [
        "subscribe-method",
        "aws",
        400,
        "Telemetry.DeserializationError",
        /^unknown variant `GET`, expected `POST` or `PUT` at line 1 column \d+$/
      ],
      ["subscribe-host", "aws", 403, "Telemetry.AccessDenied", "Only 'sandbox.localdomain' hostname is supported."],
      ["subscribe-scheme", "aws", 403, "Telemetry.AccessDenied", "Only 'http' scheme is supported."]
    ] as const
  ).map(([call, mark, status, errorType, errorMessage]) =>
    refusal({
      id: call,
      anchor: "docs/protocol.md#answers-to-a-subscription",
      mark,
      call,
      status,
      errorType,
      errorMessage,
      by: "telemetry"
    })
  ),
  refusal({
    id: "subscribe-late",
    anchor: "docs/protocol.md#answers-to-a-subscription",
    mark: "aws",
    call: "subscribe-late",
    status: 403,
    errorType: "Telemetry.SubscriptionClosed",
    errorMessage: "Telemetry API subscription is closed already",
    by: "rapid"
  }),
  ...(["subscribe-no-types", "subscribe-no-port"] as const).map((call): Fact => ({
    id: call,
    anchor: "docs/protocol.md#open-points",
    mark: "open",
    says: `The exact refusal of ${call}`,
    judge: (seen) => observed(answersTo(seen, call).map(({ body, status }) => `${status} ${body}`))
  }))
]

const sha256Of = (text: string) => createHash("sha256").update(text).digest("base64").replaceAll("=", "")

const functionRecordsAlone = (seen: Seen) =>
  seen.deliveries.flatMap((delivery) => {
    const events = eventsOf(delivery)
    const [event] = events
    return events.length === 1 && event?.type === "function" && typeof event.record === "string"
      ? [{ delivery, record: event.record }]
      : []
  })

const deliveries: ReadonlyArray<Fact> = [
  {
    id: "delivery-request",
    anchor: "docs/protocol.md#delivery",
    mark: "aws",
    says: "A delivery is a POST to the path of the URI, and its body an array of events without a line feed",
    judge: (seen) =>
      each(
        seen.deliveries.filter(({ isWhole }) => isWhole),
        (delivery) =>
          delivery.method === "POST" &&
          delivery.url === "/verify" &&
          delivery.body.endsWith("]") &&
          eventsOf(delivery).length > 0,
        ({ body, method, url }) => `${method} ${url} ${body}`
      )
  },
  {
    id: "delivery-headers",
    anchor: "docs/protocol.md#delivery",
    mark: "aws",
    says: "Headers are content-type, sequence-id, host, connection, user-agent and content-length, all in lower case",
    judge: (seen) =>
      each(
        seen.deliveries,
        (delivery) => {
          const names = delivery.headers.filter((_, index) => index % 2 === 0)
          return (
            names.join(" ") === names.join(" ").toLowerCase() &&
            names.toSorted().join(" ") === "connection content-length content-type host sequence-id user-agent" &&
            headerOf(delivery, "content-type") === "application/json" &&
            headerOf(delivery, "user-agent") === "awslambda-worker/1.0"
          )
        },
        ({ headers }) => headers
      )
  },
  {
    id: "delivery-host",
    anchor: "docs/protocol.md#delivery",
    mark: "aws",
    says: "Lambda reaches the listener as 169.254.100.6",
    judge: (seen) =>
      each(
        seen.deliveries.map((delivery) => headerOf(delivery, "host")),
        (host) => /^169\.254\.100\.6:\d+$/.test(host ?? "")
      )
  },
  {
    id: "sequence-id",
    anchor: "docs/protocol.md#delivery",
    mark: "aws",
    says: "sequence-id is a SHA-256 in base64 without padding",
    judge: (seen) =>
      each(
        seen.deliveries.map((delivery) => headerOf(delivery, "sequence-id") ?? ""),
        (id) => /^[A-Za-z0-9+/]{43}$/.test(id)
      )
  },
  {
    id: "sequence-id-single",
    anchor: "docs/protocol.md#delivery",
    mark: "aws",
    says: "For a single function record sequence-id is the hash of its bytes with the line feed",
    judge: (seen) =>
      each(
        functionRecordsAlone(seen),
        ({ delivery, record }) => headerOf(delivery, "sequence-id") === sha256Of(record),
        ({ delivery, record }) => [headerOf(delivery, "sequence-id"), record]
      )
  },
  {
    id: "sequence-id-batch",
    anchor: "docs/protocol.md#open-points",
    mark: "open",
    says: "The input of sequence-id for batches of several events: whether it is the body",
    judge: (seen) =>
      observed(
        seen.deliveries
          .filter((delivery) => eventsOf(delivery).length > 1)
          .map((delivery) =>
            headerOf(delivery, "sequence-id") === delivery.sha256.replaceAll("=", "")
              ? "the hash of the whole body"
              : "another hash than that of the body"
          )
      )
  },
  {
    id: "record-line-feed",
    anchor: "docs/protocol.md#lines-and-records",
    mark: "aws",
    says: "A record of text includes its line feed",
    judge: (seen) =>
      each(
        telemetryOf(seen, "function").flatMap(({ record }) => (typeof record === "string" ? [record] : [])),
        (record) => record.endsWith("\n")
      )
  },
  {
    id: "time",
    anchor: "docs/protocol.md#the-event-envelope",
    mark: "aws",
    says: "time is UTC in ISO 8601 with milliseconds and Z",
    judge: (seen) =>
      each(
        seen.events.map(({ time }) => time),
        (time) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time)
      )
  }
]

/** A record of this type has at least the first fields, and none beyond both lists. */
const fieldsOf = (type: string, required: string, optional: string): Fact => ({
  id: `fields-${type}`,
  anchor: "docs/protocol.md#platform-events",
  mark: "openapi",
  says: `A record of ${type} has ${required || "no field always"}, and may have ${optional || "no other"}`,
  judge: (seen) => {
    const must = required.split(" ").filter((name) => name !== "")
    const all = new Set([...must, ...optional.split(" ")])
    return each(
      telemetryOf(seen, type).map(({ record }) => Object.keys(Object(record))),
      (names) => must.every((name) => names.includes(name)) && names.every((name) => all.has(name))
    )
  }
})

const events: ReadonlyArray<Fact> = [
  fieldsOf(
    "platform.initStart",
    "initializationType phase",
    "runtimeVersion runtimeVersionArn functionName functionVersion instanceId instanceMaxMemory tracing"
  ),
  fieldsOf("platform.initRuntimeDone", "initializationType phase status", "errorType spans tracing"),
  fieldsOf("platform.initReport", "initializationType phase metrics", "status errorType spans tracing"),
  fieldsOf("platform.start", "requestId", "version tracing functionArn tenantId"),
  fieldsOf("platform.runtimeDone", "requestId status", "errorType metrics spans tracing tenantId"),
  fieldsOf("platform.report", "requestId metrics", "status errorType spans tracing tenantId"),
  fieldsOf("platform.extension", "name state events", "errorType"),
  fieldsOf("platform.telemetrySubscription", "name state types", ""),
  fieldsOf(
    "platform.restoreStart",
    "",
    "runtimeVersion runtimeVersionArn functionName functionVersion instanceId instanceMaxMemory"
  ),
  fieldsOf("platform.restoreRuntimeDone", "status", "errorType spans tracing"),
  fieldsOf("platform.restoreReport", "metrics", "status errorType spans tracing"),
  ...(
    [
      ["tracing-off", "on-demand"],
      ["provisioned", "provisioned-concurrency"],
      ["snapstart", "snap-start"],
      ["managed", "lambda-managed-instances"]
    ] as const
  ).map(([scenario, type]): Fact => ({
    id: `initialization-type-${type}`,
    anchor: "docs/protocol.md#platform-events",
    mark: "openapi",
    says: `initializationType is ${type}`,
    scenarios: [scenario],
    judge: (seen) =>
      each(
        telemetryOf(seen, "platform.initStart").map(({ record }) => field(record, "initializationType")),
        (value) => value === type
      )
  })),
  {
    id: "no-end-or-fault",
    anchor: "docs/protocol.md#platform-events",
    mark: "aws",
    says: "There is neither platform.end nor platform.fault",
    judge: (seen) =>
      each(
        seen.events.map(({ type }) => type),
        (type) => type !== "platform.end" && type !== "platform.fault"
      )
  },
  {
    id: "throw-runtime-done",
    anchor: "docs/protocol.md#status-and-error-type",
    mark: "aws",
    says: "A handler that throws has a runtimeDone with the status success",
    judge: (seen) => statusesAfter(seen, "throw", "platform.runtimeDone", (status) => status === "success")
  },
  {
    id: "throw-report",
    anchor: "docs/protocol.md#open-points",
    mark: "open",
    says: "The status in platform.report after an error of the function",
    judge: (seen) =>
      observed(recordsAfter(seen, "throw", "platform.report").map((record) => String(field(record, "status"))))
  },
  {
    id: "timeout-report",
    anchor: "docs/protocol.md#status-and-error-type",
    mark: "aws",
    says: "A function that times out has a report with the status timeout and without an errorType",
    judge: (seen) =>
      each(
        recordsAfter(seen, "hang", "platform.report"),
        (record) => field(record, "status") === "timeout" && field(record, "errorType") === undefined
      )
  },
  {
    id: "runtime-done-spans",
    anchor: "docs/protocol.md#spans-of-a-phase",
    mark: "aws",
    says: "runtimeDone after an answer has the spans responseLatency, responseDuration and runtimeOverhead",
    judge: (seen) =>
      each(
        recordsAfter(seen, "answer", "platform.runtimeDone").map((record) => namesOf(field(record, "spans"))),
        (names) => names.toSorted().join(" ") === "responseDuration responseLatency runtimeOverhead"
      )
  },
  {
    id: "report-overhead",
    anchor: "docs/protocol.md#spans-of-a-phase",
    mark: "aws",
    says: "report has the span extensionOverhead",
    judge: (seen) =>
      each(
        recordsAfter(seen, "answer", "platform.report").map((record) => namesOf(field(record, "spans"))),
        (names) => names.includes("extensionOverhead")
      )
  },
  {
    id: "extension-ready",
    anchor: "docs/protocol.md#states-in-platform-events",
    mark: "aws",
    says: "platform.extension says Ready after a good start",
    judge: (seen) =>
      some(
        telemetryOf(seen, "platform.extension").map(({ record }) => field(record, "state")),
        (state) => state === "Ready"
      )
  }
]

const namesOf = (spans: unknown): ReadonlyArray<string> =>
  Array.isArray(spans) ? spans.map((span) => String(field(span, "name"))) : []

/** The records of a type whose request was to do this. */
const recordsAfter = (seen: Seen, what: string, type: string): ReadonlyArray<unknown> => {
  const requests = new Set(
    seen.entries.flatMap((entry) => (entry.verify === "function" && entry.what === what ? [entry.requestId] : []))
  )
  return telemetryOf(seen, type)
    .map(({ record }) => record)
    .filter((record) => requests.has(String(field(record, "requestId"))))
}

const statusesAfter = (seen: Seen, what: string, type: string, holds: (status: unknown) => boolean) =>
  each(
    recordsAfter(seen, what, type).map((record) => field(record, "status")),
    holds
  )

export const telemetryFacts: ReadonlyArray<Fact> = [...subscriptions, ...deliveries, ...events]
