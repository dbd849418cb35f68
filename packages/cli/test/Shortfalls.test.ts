/** Work that an extension did not do, as the summary names it and `--strict` counts it. */
import type { JournalEvent, JournalEntry } from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Shortfalls from "../src/emulate/summary/Shortfalls.ts"

const resultOf = (events: ReadonlyArray<JournalEvent>, memorySize?: number) => {
  const shortfalls = Shortfalls.make(memorySize)
  events.forEach((event, index) => {
    const entry: JournalEntry = { ...event, index, at: index }
    shortfalls.add(entry)
  })
  return shortfalls.result()
}

const source = "extension:demo"
const destination = "http://sandbox.localdomain:4243/"
const printed = (line: string): JournalEvent => ({ _tag: "Output", source, channel: "stdout", line })
const logged = (level: string, message: string, cause?: string, annotations?: unknown) =>
  printed(JSON.stringify({ level, message, cause, annotations }))
const idles = (phase: string, cause?: string) =>
  logged("ERROR", "any words", cause, { extension: "demo", "event.name": "lambda_extension.idle", phase })
const counted = (accounting: unknown) =>
  logged("WARN", "any words", undefined, { "event.name": "lambda_extension.telemetry_accounting", accounting })
const allSent = { name: "a", delivered: 4, droppedByQueue: 0, droppedBySink: 0, unsent: 0 }
const registered = (name = "demo"): JournalEvent => ({
  _tag: "Registered",
  source: `extension:${name}`,
  kind: "external",
  identifier: "",
  events: ["INVOKE"]
})
const invoked: JournalEvent = {
  _tag: "EventDelivered",
  source,
  eventType: "INVOKE",
  deadlineMs: 0,
  requestId: "1",
  shutdownReason: undefined,
  lost: false
}
const subscription = (
  state: "Subscribed" | "Already subscribed" | "Validation error" | "Forbidden",
  types: ReadonlyArray<string> = ["platform"]
): JournalEvent => ({
  _tag: "TelemetrySubscription",
  source,
  api: "telemetry",
  state,
  types,
  schemaVersion: undefined,
  destination: undefined,
  body: ""
})
const refused = (errorType: string, message: string, path = "/2022-07-01/telemetry"): JournalEvent => ({
  _tag: "ApiRefused",
  method: "PUT",
  path,
  status: 400,
  errorType,
  message
})
const forbidden = [refused("Telemetry.AccessDenied", "Only 'http' scheme is supported."), subscription("Forbidden")]
const shutdown: JournalEvent = { _tag: "ShutdownStarted", reason: "spindown", deadlineMs: 2000, reset: false }
const goodbye: JournalEvent = { _tag: "Output", source: "extension:other", channel: "stdout", line: "bye" }
const delivered: JournalEvent = {
  _tag: "TelemetryDelivered",
  source,
  destination,
  records: 4,
  bytes: 400,
  status: 200
}
const attempt: JournalEvent = {
  _tag: "TelemetryNotDelivered",
  source,
  destination,
  records: 3,
  bytes: 300,
  problem: "connect ECONNREFUSED 127.0.0.1:4243"
}
const dropped = (records: number): JournalEvent => ({
  _tag: "TelemetryDropped",
  source,
  destination,
  records,
  bytes: 300,
  reason: "the environment ended before it was delivered"
})

describe("an extension that does not do its work", () => {
  it.each<readonly [string, ReadonlyArray<JournalEvent>, ReadonlyArray<string>]>([
    [
      "has idled since its init failed",
      [idles("init", "Error: no key"), invoked, invoked],
      ["demo has idled since its init failed (Error: no key): it missed 2 invocations"]
    ],
    [
      "idles since a defect",
      [invoked, idles("background"), invoked],
      ["demo has idled since its background failed: it missed 1 invocation"]
    ],
    [
      "was refused its telemetry",
      [...forbidden, ...forbidden],
      ["demo was refused its telemetry 2 times: Telemetry.AccessDenied: Only 'http' scheme is supported."]
    ],
    [
      "subscribed when init was over",
      [registered(), refused("Logs.SubscriptionClosed", "Logs API subscription is closed already", "/2020-08-15/logs")],
      ["demo was refused its telemetry once: Logs.SubscriptionClosed: Logs API subscription is closed already"]
    ],
    [
      "is one of two, and the refusal names neither",
      [registered(), registered("other"), refused("ValidationError", "no")],
      ["an extension was refused its telemetry once: ValidationError: no"]
    ],
    [
      "never answers with its listener",
      [subscription("Subscribed"), attempt, attempt, dropped(7)],
      [
        "the telemetry listener of demo took nothing, tried 2 times: connect ECONNREFUSED 127.0.0.1:4243; 7 telemetry records never arrived"
      ]
    ],
    [
      "misses what another one printed before the shutdown",
      [subscription("Subscribed", ["extension"]), delivered, goodbye, shutdown, attempt, dropped(1)],
      ["1 telemetry record never arrived at demo, which took 4: the environment ended before it was delivered"]
    ],
    [
      "closes its listener too early",
      [subscription("Subscribed"), delivered, printed("bye"), attempt, dropped(1), dropped(2)],
      ["3 telemetry records never arrived at demo, which took 4: the environment ended before it was delivered"]
    ],
    [
      "cannot send what it has taken",
      [
        counted({
          undecodable: 1,
          droppedByLambda: { records: 0, bytes: 0 },
          consumers: [
            { ...allSent, droppedByQueue: 3 },
            { ...allSent, droppedByQueue: 4, unsent: 5 }
          ]
        })
      ],
      ["demo lost 13 telemetry records that it had to send: 1 undecodable, 7 dropped by the queue, 5 unsent"]
    ]
  ])("%s", (_, events, shortfalls) => {
    assert.deepStrictEqual(resultOf(events), { shortfalls, notes: [] })
  })
})

describe("an extension that does its work", () => {
  it.each<readonly [string, ReadonlyArray<JournalEvent>, ReadonlyArray<string>]>([
    ["with everything delivered, some of it at the second try", [subscription("Subscribed"), attempt, delivered], []],
    [
      "with everything sent",
      [counted({ undecodable: 0, droppedByLambda: { records: 0, bytes: 0 }, consumers: [allSent] })],
      []
    ],
    [
      "and prints the words of one that does not",
      [
        logged("ERROR", "init failed; the extension idles from now on, and the function goes on without it"),
        logged("WARN", "telemetry: 1 received, 0 decoded, 1 undecodable, 0 dropped by Lambda (0 bytes)"),
        logged("WARN", "x", undefined, { "event.name": "lambda_extension.idle", phase: "lunch" }),
        counted({ undecodable: -1, droppedByLambda: { records: 0 }, consumers: [] }),
        counted("none"),
        invoked
      ],
      []
    ],
    [
      "after an older schema version was taken",
      [refused("Telemetry.ValidationError", "version"), subscription("Validation error"), subscription("Subscribed")],
      ["demo was refused its telemetry once: Telemetry.ValidationError: version; another subscription was taken"]
    ],
    [
      "and says goodbye when its listener is closed",
      [subscription("Subscribed", ["extension"]), delivered, printed("bye"), attempt, dropped(1)],
      [
        "1 telemetry record never arrived at demo, which took 4: the environment ended before it was delivered; extensions printed as many at their end"
      ]
    ],
    [
      "beside an extension that says goodbye later",
      [subscription("Subscribed", ["extension"]), delivered, shutdown, goodbye, attempt, dropped(1)],
      [
        "1 telemetry record never arrived at demo, which took 4: the environment ended before it was delivered; extensions printed as many at their end"
      ]
    ],
    ["and logs errors", [logged("ERROR", "invoke failed"), invoked], []],
    [
      "whose other requests were refused",
      [registered(), refused("Extension.InvalidEventType", "X", "/2020-01-01/extension/register")],
      []
    ]
  ])("%s", (_, events, notes) => {
    assert.deepStrictEqual(resultOf(events), { shortfalls: [], notes })
  })
})

it("connections that outlive the snapshot are a note", () => {
  const problem = "connections to the outside stay open: Operation not permitted"
  assert.deepStrictEqual(
    resultOf([
      { _tag: "SnapshotTaken", connections: 0, problem: undefined },
      { _tag: "SnapshotTaken", connections: 0, problem }
    ]).notes,
    [`${problem}; on Lambda they are dead after the restore`]
  )
})

describe("memory", () => {
  const done = (megabytes: number | undefined): JournalEvent => ({
    _tag: "InvocationDone",
    requestId: "1",
    status: "success",
    errorType: undefined,
    extensionOverheadMs: 0,
    maxMemoryBytes: megabytes === undefined ? undefined : megabytes * 1_048_576
  })

  it("over the memory size is a note with both numbers", () => {
    assert.deepStrictEqual(resultOf([done(100), done(203), done(150)], 128).notes, [
      "the processes had 203 MB together, more than the memory size of 128 MB: Lambda ends them then"
    ])
  })

  it("up to the memory size, or unknown, is none", () => {
    assert.deepStrictEqual(resultOf([done(128), done(undefined)], 128).notes, [])
  })
})

it("refusals without a name that are all different are told up to a hundred, and the others counted", () => {
  const all = Array.from({ length: 150 }, (_, index) => refused("ValidationError", `no ${index}`))
  const { shortfalls } = resultOf(all)
  assert.lengthOf(shortfalls, 101)
  assert.strictEqual(shortfalls[99], "an extension was refused its telemetry once: ValidationError: no 99")
  assert.strictEqual(shortfalls[100], "an extension was refused its telemetry 50 times for other reasons")
  const named = resultOf([...all, subscription("Validation error")])
  assert.include(named.shortfalls, "an extension was refused its telemetry 49 times for other reasons")
  assert.include(named.shortfalls, "demo was refused its telemetry once: ValidationError: no 149")
})
