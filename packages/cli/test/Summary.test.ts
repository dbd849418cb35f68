/** The sentences of the summary about extensions that neither crashed nor overran. */
import * as Fault from "@effect-lambda/emulator/Fault"
import type { ExtensionStateName, JournalEvent, JournalEntry } from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Summary from "../src/emulate/summary/Summary.ts"
import * as SummaryText from "../src/emulate/summary/SummaryText.ts"

const askedFor = (text: string): Summary.AskedFault => ({ text, fault: Result.getOrThrow(Fault.parse(text)) })

const summaryOf = (events: ReadonlyArray<JournalEvent>, faults: ReadonlyArray<Summary.AskedFault> = []) => {
  const summary = Summary.make({ faults })
  events.forEach((event, index) => {
    const entry: JournalEntry = { ...event, index, at: index }
    summary.add(entry)
  })
  return summary.result()
}

const started: JournalEvent = { _tag: "ProcessStarted", source: "extension:demo", pid: 1 }

const logged = (level: string, message: string, cause?: string, source = "demo"): JournalEvent => ({
  _tag: "Output",
  source: `extension:${source}`,
  channel: "stdout",
  line: JSON.stringify({ level, message, cause })
})

it("errors in the log of an extension are counted, and the first is told with its cause", () => {
  const { notes, problems } = summaryOf([
    started,
    logged("INFO", "ready"),
    logged("ERROR", "invoke failed", "Error: no licence\n    at file:///demo.ts:1:1"),
    logged("FATAL", "invoke failed again"),
    logged("ERROR", "sink is away", undefined, "other")
  ])
  assert.deepStrictEqual(notes, [
    "demo logged 2 errors, the first: invoke failed: Error: no licence",
    "other logged an error: sink is away"
  ])
  assert.deepStrictEqual(problems, [])
})

it("warnings are counted too, and are no problem", () => {
  const { notes, problems } = summaryOf([
    started,
    logged("WARN", "telemetry: 3 records were not sent"),
    logged("INFO", "ready"),
    logged("WARN", "a finalizer is abandoned", undefined, "other"),
    logged("WARN", "again", undefined, "other"),
    logged("ERROR", "invoke failed", undefined, "other")
  ])
  assert.deepStrictEqual(notes, [
    "other logged an error: invoke failed",
    "demo logged a warning: telemetry: 3 records were not sent",
    "other logged 2 warnings, the first: a finalizer is abandoned"
  ])
  assert.deepStrictEqual(problems, [])
})

it("an error as long as a book is not told whole", () => {
  const [note = ""] = summaryOf([started, logged("ERROR", "x".repeat(100_000))]).notes
  assert.isBelow(note.length, 600)
})

it("a line that the function logs is no note on an extension", () => {
  const line = JSON.stringify({ level: "ERROR", message: "boom" })
  assert.deepStrictEqual(summaryOf([{ _tag: "Output", source: "runtime", channel: "stdout", line }]).notes, [])
})

it("faults that never struck are told, each of two that are equal by itself", () => {
  const faults = ["slow:next=1ms", "slow:next=1ms", "reset:next@50", "crash:extension:nobody:init"].map(askedFor)
  const [first] = faults
  assert.isDefined(first)
  const struck: JournalEvent = { _tag: "FaultInjected", fault: first.fault, target: "extension:demo", description: "" }
  assert.deepStrictEqual(summaryOf([started, struck], faults).notes, [
    "the fault slow:next=1ms never struck: its moment did not come",
    "the fault reset:next@50 never struck: its moment did not come",
    "the fault crash:extension:nobody:init never struck: no extension named nobody ran"
  ])
})

const shutdown: JournalEvent = { _tag: "ShutdownStarted", reason: "spindown", deadlineMs: 2000, reset: false }
const sigkill: JournalEvent = { _tag: "Killed", source: "extension:demo", signal: "SIGKILL" }
const given = (eventType: "INVOKE" | "SHUTDOWN"): JournalEvent => ({
  _tag: "EventDelivered",
  source: "extension:demo",
  eventType,
  deadlineMs: 2000,
  requestId: undefined,
  shutdownReason: undefined,
  lost: false
})
const exited = (how: number | string, state: ExtensionStateName): JournalEvent => ({
  _tag: "ProcessExited",
  source: "extension:demo",
  status: typeof how === "number" ? { _tag: "Code", code: how } : { _tag: "Signal", signal: how },
  state,
  peakMemoryBytes: undefined
})
const running: ReadonlyArray<JournalEvent> = [
  started,
  {
    _tag: "Registered",
    source: "extension:demo",
    kind: "external",
    identifier: "",
    events: ["INVOKE", "SHUTDOWN"]
  },
  { _tag: "NextCalled", source: "extension:demo" },
  shutdown
]

describe("an extension that ends while the environment is shut down", () => {
  it.each<readonly [string, ReadonlyArray<JournalEvent>, ReadonlyArray<string>]>([
    ["after SHUTDOWN, with 0", [given("SHUTDOWN"), exited(0, "Exited")], []],
    ["before SHUTDOWN, with 0", [exited(0, "Ready")], []],
    ["killed, for it never asked for SHUTDOWN", [sigkill, exited("SIGKILL", "Ready")], []],
    [
      "by a crash before it was given SHUTDOWN",
      [exited("SIGSEGV", "Ready")],
      ["demo ended with signal SIGSEGV while the environment was shut down, before it was given SHUTDOWN"]
    ],
    [
      "with 17, still busy with an invocation",
      [exited(17, "ShutdownFailed")],
      ["demo ended with exit code 17 while the environment was shut down, before it was given SHUTDOWN"]
    ],
    [
      "killed, still busy with an invocation",
      [sigkill, exited("SIGKILL", "ShutdownFailed")],
      ["demo was still busy when the environment was shut down: it never fetched SHUTDOWN and was killed"]
    ],
    [
      "by a crash after SHUTDOWN",
      [given("SHUTDOWN"), exited("SIGABRT", "ShutdownFailed")],
      ["demo crashed with signal SIGABRT 1 ms after SHUTDOWN"]
    ],
    [
      "by a SIGKILL that is not the environment's",
      [given("SHUTDOWN"), exited("SIGKILL", "ShutdownFailed")],
      ["demo crashed with signal SIGKILL 1 ms after SHUTDOWN"]
    ],
    [
      "killed after SHUTDOWN",
      [given("SHUTDOWN"), sigkill, exited("SIGKILL", "ShutdownFailed")],
      ["demo did not exit by itself after SHUTDOWN and was killed after 2 ms"]
    ],
    [
      "with 3 after SHUTDOWN",
      [given("SHUTDOWN"), exited(3, "ShutdownFailed")],
      ["demo ended its shutdown with exit code 3; Lambda expects 0"]
    ]
  ])("%s", (_, events, problems) => {
    assert.deepStrictEqual(summaryOf([...running, ...events]).problems, problems)
  })
})

describe("why an invocation failed", () => {
  const invocation: JournalEvent = {
    _tag: "InvocationStarted",
    requestId: "1",
    deadlineMs: 0,
    invokedFunctionArn: "",
    traceHeader: "",
    lambdaSegmentId: "",
    tenantId: ""
  }
  const responded = (functionError: string | undefined): JournalEvent => ({
    _tag: "RuntimeResponded",
    requestId: "1",
    functionError,
    producedBytes: 0
  })

  it("is what the function posted, once", () => {
    const error: JournalEvent = {
      _tag: "ErrorReported",
      source: "runtime",
      route: "invocation/error",
      errorType: "Oops",
      body: '{"errorMessage":"boom"}'
    }
    const { failedInvocations, functionFailures } = summaryOf([invocation, error, responded("Oops")])
    assert.deepStrictEqual(functionFailures, ["invocation 1 failed: Oops: boom"])
    assert.strictEqual(failedInvocations, 1)
  })

  it("is told once if the process that posted it ends", () => {
    const done: JournalEvent = {
      _tag: "InvocationDone",
      requestId: "1",
      status: "error",
      errorType: "Runtime.ExitError",
      extensionOverheadMs: 0,
      maxMemoryBytes: undefined
    }
    const twice = [invocation, responded("Oops"), done, { ...invocation, requestId: "2" }, { ...done, requestId: "2" }]
    assert.deepStrictEqual(summaryOf(twice).functionFailures, [
      "invocation 1 failed: Oops",
      "invocation 2 failed: Runtime.ExitError"
    ])
  })

  it("is told with the message of a hook that failed", () => {
    const error: JournalEvent = {
      _tag: "ErrorReported",
      source: "runtime",
      route: "restore/error",
      errorType: "Runtime.AfterRestoreError",
      body: '{"errorMessage":"no connection"}'
    }
    assert.deepStrictEqual(summaryOf([error]).functionFailures, [
      "the function could not be restored: Runtime.AfterRestoreError: no connection"
    ])
  })

  it("is what the Runtime API made of the response", () => {
    const { functionFailures } = summaryOf([invocation, responded("Function.ResponseSizeTooLarge")])
    assert.deepStrictEqual(functionFailures, ["invocation 1 failed: Function.ResponseSizeTooLarge"])
  })

  it("is nothing if it did not", () => {
    assert.deepStrictEqual(summaryOf([invocation, responded(undefined)]).functionFailures, [])
  })
})

it("a refused register is told with what the API answered", () => {
  const refused: JournalEvent = {
    _tag: "ApiRefused",
    method: "POST",
    path: "/2020-01-01/extension/register",
    status: 403,
    errorType: "Extension.InvalidEventType",
    message: "INVOKE: invalid event type"
  }
  assert.deepStrictEqual(summaryOf([started, refused, refused]).notes, [
    "a call of register was refused with 403 Extension.InvalidEventType: INVOKE: invalid event type"
  ])
})

it("a run without an extension is not told to be free of crashes", () => {
  assert.match(SummaryText.render(summaryOf([])), /\nno extension ran$/)
  assert.match(SummaryText.render(summaryOf([started])), /\nno extension crashed or overran$/)
})

describe("an extension that held up init", () => {
  const timedOut = (phase: "init" | "invoke"): JournalEvent => ({
    _tag: "InitEnded",
    phase,
    status: "timeout",
    errorType: undefined
  })
  const runtime: JournalEvent = { _tag: "ProcessStarted", source: "runtime", pid: 2 }
  const runtimeNext: JournalEvent = { _tag: "NextCalled", source: "runtime" }
  const registered = running[1] ?? started
  const invocation: ReadonlyArray<JournalEvent> = [
    {
      _tag: "InvocationStarted",
      requestId: "1",
      deadlineMs: 0,
      invokedFunctionArn: "",
      traceHeader: "",
      lambdaSegmentId: "",
      tenantId: ""
    },
    { _tag: "InitStarted", phase: "invoke" }
  ]
  const late: JournalEvent = {
    _tag: "InvocationDone",
    requestId: "1",
    status: "timeout",
    errorType: "Sandbox.Timedout",
    extensionOverheadMs: 0,
    maxMemoryBytes: undefined
  }
  const initError: JournalEvent = {
    _tag: "ErrorReported",
    source: "extension:demo",
    route: "init/error",
    errorType: "Demo.NoKey",
    body: "{}"
  }

  it.each<readonly [string, ReadonlyArray<JournalEvent>, ReadonlyArray<string>, ReadonlyArray<string>]>([
    ["an extension that never registers", [started], ["demo never registered"], []],
    ["an extension that never calls next", [started, registered, runtime, runtimeNext], ["demo never called next"], []],
    [
      "an extension that reports an error and stays",
      [started, registered, initError, runtime, runtimeNext],
      ["demo reported Demo.NoKey to init/error and did not exit"],
      []
    ],
    [
      "the runtime",
      [started, registered, { _tag: "NextCalled", source: "extension:demo" }, runtime],
      [],
      ["the function's runtime never called next"]
    ]
  ])("%s, in the init phase and inside an invocation", (_, events, problems, functionFailures) => {
    const until = (text: string) => `${text} until init ran into its time limit`
    const first = summaryOf([...events, timedOut("init")])
    assert.deepStrictEqual(first.problems, problems.map(until))
    assert.deepStrictEqual(first.functionFailures, functionFailures.map(until))
    const second = summaryOf([...invocation, ...events, timedOut("invoke"), late])
    assert.strictEqual(second.failedInvocations, 1)
    assert.deepStrictEqual(second.problems, problems.map(until))
    // The summary does not blame the function, which was not asked.
    assert.deepStrictEqual(second.functionFailures, functionFailures.map(until))
  })

  it("an invocation that times out after init is the function's", () => {
    const { functionFailures } = summaryOf([
      ...invocation,
      { _tag: "InitEnded", phase: "invoke", status: "success", errorType: undefined },
      late
    ])
    assert.deepStrictEqual(functionFailures, [
      "invocation 1 failed: the function had not responded when its timeout ended"
    ])
  })

  it.each<readonly [string, ReadonlyArray<JournalEvent>, string]>([
    [
      "one that reports an error to init/error and exits",
      [started, registered, { ...initError, body: '{"errorMessage":"no key"}' }, exited(2, "InitError")],
      "demo reported Demo.NoKey to init/error (no key) and ended with exit code 2"
    ],
    [
      "one that reports an error to exit/error and exits",
      [started, registered, { ...initError, route: "exit/error" }, exited(1, "ExitError")],
      "demo reported Demo.NoKey to exit/error and ended with exit code 1"
    ],
    [
      "one that reports an error to exit/error and stays",
      [
        started,
        registered,
        ...invocation,
        { _tag: "RuntimeResponded", requestId: "1", functionError: undefined, producedBytes: 0 },
        { ...initError, route: "exit/error" },
        late
      ],
      "demo reported Demo.NoKey to exit/error and had not exited when the function's timeout ended invocation 1, 2 ms after the function's response"
    ]
  ])("%s did not crash", (_, events, problem) => {
    assert.deepStrictEqual(summaryOf(events).problems, [problem])
  })

  it("a crashed extension gets no second problem for never having registered", () => {
    const { problems } = summaryOf([started, exited(0, "Started"), shutdown])
    assert.deepStrictEqual(problems, [
      "demo crashed with exit code 0: any exit before SHUTDOWN, code 0 included, is Extension.Crash"
    ])
  })
})

it("work that an extension left undone is a note, and a problem with strict", () => {
  const annotations = { "event.name": "lambda_extension.idle", phase: "init" }
  const idles: JournalEvent = {
    _tag: "Output",
    source: "extension:demo",
    channel: "stdout",
    line: JSON.stringify({ level: "ERROR", message: "init failed", annotations })
  }
  const text = SummaryText.render(summaryOf([started, idles]))
  assert.match(text, /\nnote: demo has idled since its init failed: it missed 0 invocations\n/)
  assert.match(text, /\nno extension crashed or overran$/)
  const strict = SummaryText.render(summaryOf([started, idles]), true)
  assert.match(strict, /\nproblem: demo has idled since its init failed: it missed 0 invocations$/)
  assert.notInclude(strict, "note: demo idles")
})

it.each(["extension:demo", "runtime"] as const)("%s ended with 127: the advice of the journal is a note", (source) => {
  const advice = "/a ended with code 127, which says that a program was not found."
  const exited = {
    _tag: "ProcessExited",
    source,
    status: { _tag: "Code", code: 127 },
    state: "Started",
    advice
  } as const
  const { notes } = summaryOf([
    { ...started, source },
    { ...exited, peakMemoryBytes: undefined }
  ])
  assert.deepStrictEqual(notes, [advice])
})
