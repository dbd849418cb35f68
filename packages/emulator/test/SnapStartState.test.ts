/**
 * SnapStart in the state machine alone: the calls that are permitted at each moment, limits, and ends in the middle of
 * it.
 */
import * as EnvironmentState from "../src/internal/environment/EnvironmentState.ts"
import { profiles } from "@effect-lambda/emulator/Profile"
import { assert, describe, it } from "@effect/vitest"

type Route = "runtime/next" | "runtime/restore/next" | "runtime/restore/error" | "runtime/init/error"

/** A machine whose runtime has made the call, by default `restore/next`; its connections have not been cut yet. */
const initialised = (first: Route = "runtime/restore/next") => {
  const commands: Array<EnvironmentState.Command> = []
  let exchange = 0
  const machine = EnvironmentState.make(
    {
      profile: profiles.real,
      functionName: "function",
      functionVersion: "1",
      handler: "index.handler",
      accountId: "123456789012",
      timeoutMs: 3000,
      initTimeoutMs: 130_000,
      freezeAfterMs: undefined,
      snapStart: true,
      extensions: []
    },
    () => "00000000-0000-4000-8000-000000000001"
  )
  const send = (input: EnvironmentState.Input): void => {
    const made = machine.handle(input, 1000)
    commands.push(...made)
    for (const command of made) {
      if (command._tag === "Spawn") send({ _tag: "Launched", process: command.process, pid: 1 })
    }
  }
  const call = (route: Route): number => {
    exchange++
    const error = { exchange, errorType: "Function.Hook", body: "{}" }
    send({
      _tag: "RuntimeRequest",
      request: route === "runtime/next" || route === "runtime/restore/next" ? { exchange, route } : { ...error, route }
    })
    return exchange
  }
  const statusOf = (asked: number): number | undefined => {
    const reply = commands.find((command) => command._tag === "Reply" && command.exchange === asked)
    return reply?._tag === "Reply" ? reply.response.status : undefined
  }
  const invoke = (call: number): void => {
    const empty = {
      contentType: "",
      traceHeader: "",
      lambdaSegmentId: "",
      clientContext: "",
      cognitoIdentity: "",
      tenantId: ""
    }
    const request = { call, requestId: `r${call}`, payload: "{}", invokedFunctionArn: "arn", ...empty }
    send({ _tag: "Invoke", request })
  }
  const taken = (): void => send({ _tag: "SnapshotTaken", connections: 0, problem: undefined })
  const exit = (): void => {
    const spawned = commands.find((command) => command._tag === "Spawn")
    const process = spawned?._tag === "Spawn" ? spawned.process : 0
    send({ _tag: "ProcessExited", process, status: { _tag: "Code", code: 1 }, peakMemoryBytes: undefined })
  }
  const fire = (timer: EnvironmentState.TimerName): number => {
    const started = commands.findLast((command) => command._tag === "StartTimer" && command.timer === timer)
    if (started?._tag !== "StartTimer") return assert.fail(`${timer} does not run`)
    send({ _tag: "TimerFired", timer, generation: started.generation })
    return started.delayMs
  }
  const happened = () => commands.flatMap((command) => (command._tag === "Record" ? [command.event] : []))
  const tags = () => happened().map(({ _tag }) => _tag)
  const errorOf = (call: number) =>
    commands.flatMap((command) =>
      command._tag === "Answer" && command.call === call && command.outcome._tag === "Answered"
        ? [command.outcome.functionError]
        : []
    )
  send({ _tag: "Start" })
  const poll = call(first)
  return { send, call, statusOf, invoke, taken, exit, fire, happened, tags, errorOf, poll }
}

describe("the restore", () => {
  it("waits for the cut of the connections, and for an invocation", () => {
    const { call, invoke, poll, statusOf, tags, taken } = initialised()
    invoke(1)
    assert.notInclude(tags(), "RestoreStarted")
    taken()
    assert.strictEqual(statusOf(poll), 200)
    assert.notInclude(tags(), "InvocationStarted")
    const next = call("runtime/next")
    assert.strictEqual(statusOf(next), 200)
    assert.includeMembers(tags(), ["RestoreEnded", "InvocationStarted", "InvocationDelivered"])
  })

  it("ends after 10 seconds if the hooks take longer; the invocation fails", () => {
    const { errorOf, fire, happened, invoke, taken } = initialised()
    taken()
    invoke(1)
    assert.strictEqual(fire("restore"), 10_000)
    const errorType = "Runtime.RestoreHookUserTimeout"
    assert.deepInclude(happened(), { _tag: "RestoreEnded", status: "error", errorType })
    assert.deepStrictEqual(errorOf(1), [errorType])
  })

  it.each(["runtime/restore/error", "runtime/init/error"] as const)(
    "fails by %s, and the invocation with it",
    (route) => {
      const { call, errorOf, invoke, statusOf, taken } = initialised()
      taken()
      invoke(1)
      assert.strictEqual(statusOf(call(route)), 202)
      assert.deepStrictEqual(errorOf(1), ["Runtime.RestoreHookUserError"])
    }
  )

  it("fails with the runtime", () => {
    const { errorOf, exit, happened, invoke, taken } = initialised()
    taken()
    invoke(1)
    exit()
    assert.deepInclude(happened(), { _tag: "RestoreEnded", status: "error", errorType: "Runtime.ExitError" })
    assert.deepStrictEqual(errorOf(1), ["Runtime.ExitError"])
  })

  it("fails if a process has ended in the snapshot", () => {
    const { errorOf, exit, happened, invoke, taken } = initialised()
    taken()
    exit()
    invoke(1)
    assert.deepInclude(happened(), { _tag: "RestoreEnded", status: "error", errorType: "Runtime.ExitError" })
    assert.deepStrictEqual(errorOf(1), ["Runtime.ExitError"])
  })

  it("is not waited for in a shutdown", () => {
    const { invoke, send, tags, taken } = initialised()
    send({ _tag: "Shutdown", reason: "spindown" })
    taken()
    invoke(1)
    assert.notInclude(tags(), "SnapshotTaken")
    assert.include(tags(), "Thawed")
  })
})

describe("calls that a runtime may not make", () => {
  it("asks for an invocation, or again for the restore, while it waits for the restore", () => {
    const { call, happened, statusOf } = initialised()
    assert.strictEqual(statusOf(call("runtime/next")), 403)
    assert.strictEqual(statusOf(call("runtime/restore/next")), 403)
    assert.strictEqual(statusOf(call("runtime/restore/error")), 403)
    const messages = happened().flatMap((event) => (event._tag === "ApiRefused" ? [event.message] : []))
    const failed = (target: string) =>
      `State transition from RestoreReady to ${target} failed for runtime. Error: State transition is not allowed`
    assert.deepStrictEqual(messages, [failed("Ready"), failed("Ready"), failed("RuntimeRestoreErrorState")])
  })

  it("waits for a restore after it has asked for an invocation", () => {
    const { call, statusOf } = initialised("runtime/next")
    assert.strictEqual(statusOf(call("runtime/restore/next")), 403)
  })
})
