/** The state machine alone: no socket, no process, no clock. */
import * as EnvironmentState from "../src/internal/environment/EnvironmentState.ts"
import type * as Journal from "@effect-lambda/emulator/Journal"
import { profiles } from "@effect-lambda/emulator/Profile"
import { assert, describe, it } from "@effect/vitest"

const start = 1_000_000

/** A machine with its own clock; remembers every command. */
const makeMachine = (extensions: ReadonlyArray<string>, options: Partial<EnvironmentState.EnvironmentOptions> = {}) => {
  let ids = 0
  let now = start
  let exchanges = 0
  const commands: Array<EnvironmentState.Command> = []
  const machine = EnvironmentState.make(
    {
      profile: profiles.real,
      functionName: "function",
      functionVersion: "$LATEST",
      handler: "index.handler",
      accountId: "123456789012",
      timeoutMs: 3000,
      initTimeoutMs: 10_000,
      freezeAfterMs: undefined,
      snapStart: false,
      extensions,
      ...options
    },
    () => `00000000-0000-4000-8000-${String(++ids).padStart(12, "0")}`
  )
  const send = (input: EnvironmentState.Input): ReadonlyArray<EnvironmentState.Command> => {
    const produced = machine.handle(input, now)
    commands.push(...produced)
    return produced
  }
  /** Lets every process start that the machine asks for. */
  const launch = (produced: ReadonlyArray<EnvironmentState.Command>): void => {
    for (const command of produced) {
      if (command._tag === "Spawn") launch(send({ _tag: "Launched", process: command.process, pid: 1 }))
    }
  }
  const replyTo = (exchange: number) => {
    const reply = commands.find((command) => command._tag === "Reply" && command.exchange === exchange)
    return reply?._tag === "Reply" ? reply.response : undefined
  }
  const register = (name: string, events: ReadonlyArray<string>): string => {
    const exchange = ++exchanges
    const body = JSON.stringify({ events })
    const request = { exchange, route: "register", name, acceptFeature: "", body } as const
    launch(send({ _tag: "ExtensionRequest", request }))
    return replyTo(exchange)?.headers["Lambda-Extension-Identifier"] ?? ""
  }
  const next = (identifier: string): number => {
    const exchange = ++exchanges
    launch(send({ _tag: "ExtensionRequest", request: { exchange, route: "next", identifier } }))
    return exchange
  }
  const runtimeNext = (): number => {
    const exchange = ++exchanges
    launch(send({ _tag: "RuntimeRequest", request: { exchange, route: "runtime/next" } }))
    return exchange
  }
  const respond = (requestId: string): void => {
    const exchange = ++exchanges
    const trailing = { trailingErrorType: "", trailingErrorBody: "" }
    const body = { body: "{}", bodyBytes: 2, ...trailing }
    const response = { exchange, route: "runtime/response", requestId, responseMode: "", ...body } as const
    launch(send({ _tag: "RuntimeRequest", request: response }))
  }
  const invoke = (requestId: string): void => {
    const request = {
      call: Number(requestId.slice(1)),
      requestId,
      payload: "{}",
      contentType: "",
      invokedFunctionArn: "arn",
      traceHeader: "",
      lambdaSegmentId: "",
      clientContext: "",
      cognitoIdentity: "",
      tenantId: ""
    }
    launch(send({ _tag: "Invoke", request }))
  }
  /** Fires the last timer of this name, or one that was started before it. */
  const fire = (timer: EnvironmentState.TimerName, position = -1): void => {
    const started = commands.flatMap((command) =>
      command._tag === "StartTimer" && command.timer === timer ? [command.generation] : []
    )
    const generation = started.at(position)
    assert.isDefined(generation)
    launch(send({ _tag: "TimerFired", timer, generation }))
  }
  /** The times that the timers of this name had to run. */
  const delays = (timer: EnvironmentState.TimerName) =>
    commands.flatMap((command) => (command._tag === "StartTimer" && command.timer === timer ? [command.delayMs] : []))
  const processOf = (source: Journal.Source): number => {
    const last = commands.findLast((command) => command._tag === "Spawn" && command.source === source)
    return last?._tag === "Spawn" ? last.process : 0
  }
  const exit = (source: Journal.Source, code = 0): void =>
    launch(
      send({
        _tag: "ProcessExited",
        process: processOf(source),
        status: { _tag: "Code", code },
        peakMemoryBytes: undefined
      })
    )
  const events = () => commands.flatMap((command) => (command._tag === "Record" ? [command.event] : []))
  const happened = (tag: string) => events().filter(({ _tag }) => _tag === tag).length
  const spawned = () => commands.flatMap((command) => (command._tag === "Spawn" ? [command.source] : []))
  const answers = () => commands.flatMap((command) => (command._tag === "Answer" ? [command.outcome] : []))
  launch(send({ _tag: "Start" }))
  return {
    send,
    register,
    next,
    runtimeNext,
    respond,
    invoke,
    fire,
    delays,
    exit,
    replyTo,
    events,
    happened,
    spawned,
    answers,
    wait: (milliseconds: number) => void (now += milliseconds)
  }
}

describe("register", () => {
  it.each([
    ["unexpected end of JSON input", ""],
    ["unexpected end of JSON input", " "],
    ["unexpected end of JSON input", "{"],
    ["unexpected end of JSON input", '{"events"'],
    ["unexpected end of JSON input", '{"events":["INV'],
    ["invalid character 'o' in literal null (expecting 'u')", "not json"],
    ["invalid character ' ' in literal true (expecting 'e')", "tru"],
    ["invalid character 'x' looking for beginning of value", "xyz"],
    ["invalid character '\\'' looking for beginning of value", "'a'"],
    ["invalid character 'Ã' looking for beginning of value", "é"],
    ["invalid character '\\x00' looking for beginning of value", "\u0000"],
    ["invalid character 'a' looking for beginning of object key string", "{a:1}"],
    ["invalid character '}' looking for beginning of object key string", '{"a":1,}'],
    ["invalid character '1' after object key", '{"a" 1}'],
    ["invalid character '2' after object key:value pair", '{"a":1 2}'],
    ["invalid character '2' after array element", "[1 2]"],
    ["invalid character ']' looking for beginning of value", "[1,]"],
    ["invalid character '{' after top-level value", "{} {}"],
    ["invalid character '1' after top-level value", "01"],
    ["invalid character ' ' in numeric literal", "-"],
    ["invalid character 'x' after decimal point in numeric literal", "1.x"],
    ["invalid character ' ' in exponent of numeric literal", "1e+"],
    ["invalid character 'x' in string escape code", '"\\x"'],
    ["invalid character 'g' in \\u hexadecimal character escape", '"\\u12g4"'],
    ["invalid character '\\n' in string literal", '"a\nb"'],
    ["unexpected end of JSON input", "[".repeat(10_000)],
    ["invalid character '[' exceeded max depth", "[".repeat(10_001)]
  ])("case 5: %s, in Go's words", (message, body) => {
    const machine = makeMachine(["a"])
    const request = { exchange: 1, route: "register", name: "a", acceptFeature: "", body } as const
    machine.send({ _tag: "ExtensionRequest", request })
    assert.deepInclude(machine.events(), {
      _tag: "ApiRefused",
      method: "POST",
      path: "/2020-01-01/extension/register",
      status: 403,
      errorType: "InvalidRequestFormat",
      message
    })
  })
})

describe("init", () => {
  it("case 47: the runtime is started by the last registration", () => {
    const machine = makeMachine(["a", "b"])
    machine.register("a", [])
    assert.deepStrictEqual(machine.spawned(), ["extension:a", "extension:b"])
    machine.register("b", [])
    assert.deepStrictEqual(machine.spawned(), ["extension:a", "extension:b", "runtime"])
  })

  it("cases 48 and 49: an invocation waits for the first next of every extension, events or not", () => {
    const machine = makeMachine(["a", "b"])
    const a = machine.register("a", ["INVOKE"])
    const b = machine.register("b", [])
    machine.invoke("r1")
    machine.runtimeNext()
    machine.next(a)
    assert.strictEqual(machine.happened("InvocationStarted"), 0)
    machine.next(b)
    assert.strictEqual(machine.happened("InvocationStarted"), 1)
  })

  it("an internal extension counts for the init gate too", () => {
    const machine = makeMachine([])
    const x = machine.register("x", [])
    machine.runtimeNext()
    assert.strictEqual(machine.happened("InitEnded"), 0)
    machine.next(x)
    assert.strictEqual(machine.happened("InitEnded"), 1)
  })

  it("a mistyped name registers as internal and init goes nowhere", () => {
    const machine = makeMachine(["a.sh"])
    const wrong = machine.register("a", ["INVOKE"])
    machine.next(wrong)
    assert.deepStrictEqual(machine.spawned(), ["extension:a.sh"])
    machine.fire("init")
    assert.deepInclude(machine.events(), {
      _tag: "InitEnded",
      phase: "init",
      status: "timeout",
      errorType: undefined
    })
  })

  it("case 52: the eleventh file is not started and fails init", () => {
    const names = Array.from({ length: 11 }, (_, index) => `e${String(index).padStart(2, "0")}`)
    const machine = makeMachine(names)
    assert.lengthOf(machine.spawned(), 10)
    const failed = machine.events().find(({ _tag }) => _tag === "LaunchFailed")
    assert.deepStrictEqual(failed, {
      _tag: "LaunchFailed",
      source: "extension:e10",
      errorType: "TooManyExtensions",
      message: "Extension limit (10) reached",
      advice: "Lambda starts 10 extensions, internal ones included. Take some away."
    })
    assert.deepInclude(machine.events(), {
      _tag: "InitEnded",
      phase: "init",
      status: "error",
      errorType: "Extension.LaunchError"
    })
  })

  it("a timer that was stopped no longer counts, even if it fires", () => {
    const machine = makeMachine([])
    machine.runtimeNext()
    machine.invoke("r1")
    machine.respond("r1")
    machine.runtimeNext()
    machine.invoke("r2")
    machine.fire("init")
    machine.fire("function", 0)
    assert.strictEqual(machine.happened("ShutdownStarted"), 0)
    machine.fire("function")
    assert.strictEqual(machine.happened("ShutdownStarted"), 1)
  })
})

describe("invoke", () => {
  it("the invocation ends with the last next of runtime and extensions, overhead counted from the runtime's", () => {
    const machine = makeMachine(["a"])
    const a = machine.register("a", ["INVOKE"])
    const event = machine.next(a)
    const runtime = machine.runtimeNext()
    machine.invoke("r1")
    assert.strictEqual(
      machine.replyTo(event)?.body,
      `{"eventType":"INVOKE","deadlineMs":${start + 3000},"requestId":"r1","invokedFunctionArn":"arn"}`
    )
    assert.strictEqual(machine.replyTo(runtime)?.headers["Lambda-Runtime-Deadline-Ms"], String(start + 3000))
    machine.respond("r1")
    assert.deepStrictEqual(machine.answers(), [
      { _tag: "Answered", requestId: "r1", payload: "{}", functionError: undefined, respondedByRuntime: true }
    ])
    machine.runtimeNext()
    machine.wait(40)
    assert.strictEqual(machine.happened("InvocationDone"), 0)
    machine.send({ _tag: "MemoryMeasured", bytes: 1024 })
    machine.next(a)
    assert.deepInclude(machine.events(), {
      _tag: "InvocationDone",
      requestId: "r1",
      status: "success",
      errorType: undefined,
      extensionOverheadMs: 40,
      maxMemoryBytes: 1024
    })
  })

  it("a release is stored: an extension busy when the environment shuts down gets SHUTDOWN at its next poll", () => {
    const machine = makeMachine(["a"])
    const a = machine.register("a", ["INVOKE", "SHUTDOWN"])
    machine.next(a)
    machine.runtimeNext()
    machine.invoke("r1")
    machine.fire("function")
    machine.exit("runtime", 143)
    const late = machine.next(a)
    assert.strictEqual(
      machine.replyTo(late)?.body,
      `{"eventType":"SHUTDOWN","deadlineMs":${start + 2000},"shutdownReason":"timeout"}`
    )
    // Polling again after SHUTDOWN just waits for the kill.
    assert.strictEqual(machine.replyTo(machine.next(a)), undefined)
  })

  it("a process that ends between invocations fails the next invocation, and the one after starts everything again", () => {
    const machine = makeMachine([])
    machine.runtimeNext()
    machine.exit("runtime", 1)
    machine.invoke("r1")
    assert.strictEqual(machine.answers()[0]?._tag, "Answered")
    assert.deepInclude(machine.answers()[0], { functionError: "Runtime.ExitError" })
    machine.invoke("r2")
    assert.deepStrictEqual(machine.spawned(), ["runtime", "runtime"])
  })

  it.each(["real", "rie"] as const)("an invocation that timed out is refused to its runtime, profile %s", (profile) => {
    const machine = makeMachine(["a"], { profile: profiles[profile] })
    if (profile === "rie") machine.invoke("r1")
    machine.next(machine.register("a", ["SHUTDOWN"]))
    machine.runtimeNext()
    if (profile === "real") machine.invoke("r1")
    machine.fire("function")
    const again = machine.runtimeNext()
    assert.isUndefined(machine.replyTo(again))
    machine.respond("r1")
    machine.runtimeNext()
    machine.respond("r1")
    const refused = machine
      .events()
      .flatMap((event) => (event._tag === "ApiRefused" ? [`${event.status} ${event.message}`] : []))
    const from = "State transition from InvocationResponse to"
    assert.deepStrictEqual(refused, [
      "0 the invocation that the runtime has in hand is lost",
      "400 Invalid request ID",
      `403 ${from} Ready failed for runtime. Error: State transition is not allowed`,
      `403 ${from} InvocationResponse failed for runtime. Error: State transition is not allowed`
    ])
    assert.strictEqual(machine.happened("InvocationDelivered"), 1)
  })

  it("a release wakes one of two runtime polls", () => {
    const machine = makeMachine([])
    const first = machine.runtimeNext()
    const second = machine.runtimeNext()
    machine.invoke("r1")
    assert.isDefined(machine.replyTo(first))
    assert.isUndefined(machine.replyTo(second))
  })

  it("the first fatal error wins", () => {
    const machine = makeMachine(["a"])
    const a = machine.register("a", ["INVOKE"])
    const report = { exchange: 99, route: "init/error", identifier: a, errorType: "Mine", body: "" } as const
    machine.send({ _tag: "ExtensionRequest", request: report })
    machine.exit("runtime", 1)
    const ended = machine.events().find(({ _tag }) => _tag === "InitEnded")
    assert.deepInclude(ended, { errorType: "Extension.InitError" })
  })
})

describe("shutdown", () => {
  it("during a reset: the environment ends when the reset does, and waiting invocations are abandoned", () => {
    const machine = makeMachine(["a"])
    const a = machine.register("a", ["SHUTDOWN"])
    machine.next(a)
    machine.runtimeNext()
    machine.exit("runtime", 1)
    machine.invoke("r1")
    machine.invoke("r2")
    machine.send({ _tag: "Shutdown", reason: "spindown" })
    assert.deepStrictEqual(machine.answers().at(-1), { _tag: "Abandoned", requestId: "r2" })
    machine.exit("extension:a")
    assert.deepInclude(machine.events(), { _tag: "ShutdownEnded", reason: "failure", reset: false })
    machine.invoke("r3")
    assert.deepStrictEqual(machine.answers().at(-1), { _tag: "Abandoned", requestId: "r3" })
    assert.deepStrictEqual(machine.spawned(), ["extension:a", "runtime"])
  })

  it("a process that cannot be collected holds the environment two more seconds, not for ever", () => {
    const machine = makeMachine(["a"])
    machine.register("a", ["SHUTDOWN"])
    machine.send({ _tag: "Shutdown", reason: "spindown" })
    machine.fire("shutdown")
    assert.strictEqual(machine.happened("ShutdownEnded"), 0)
    assert.deepStrictEqual(machine.delays("collect"), [2000])
    machine.fire("collect")
    assert.strictEqual(machine.happened("ShutdownEnded"), 1)
  })
})
