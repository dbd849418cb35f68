/** The state machine with clients, processes and timers of a test, which checks its invariants at every step. */
import * as EnvironmentState from "../src/internal/environment/EnvironmentState.ts"
import type * as Journal from "@effect-lambda/emulator/Journal"
import type { ProfileName } from "@effect-lambda/emulator/Profile"
import { profiles } from "@effect-lambda/emulator/Profile"
import { assert } from "@effect/vitest"
import { documented } from "./documentedRefusals.ts"

/** An environment, everything that is known about it from outside, and the rules it must keep. */
export class World {
  readonly profile: ProfileName
  readonly met: Set<number>
  readonly machine: EnvironmentState.EnvironmentState
  now = 1_000_000
  numbers = 0
  terminated = false
  readonly standing = new Map<number, string>()
  readonly calls = new Set<number>()
  readonly requestIds: Array<string> = ["nobody"]
  readonly identifiers: Array<string> = []
  readonly alive = new Map<number, Journal.Source>()
  readonly killed = new Set<number>()
  readonly unlaunched: Array<number> = []
  readonly timers = new Map<EnvironmentState.TimerName, number>()
  frozen = false
  freezes = 0
  readonly open = { init: false, invocations: new Set<string>(), shutdown: false }
  /** The data of a single generation. */
  registered = new Map<Journal.Source, ReadonlyArray<string>>()
  polled = new Set<Journal.Source>()
  gotShutdown = new Set<Journal.Source>()
  errorReported = new Set<Journal.Source>()
  /** Connections to TCP listeners that are being tried. */
  readonly connecting = new Set<number>()
  readonly subscribed = new Set<string>()
  runtimeStarted = false
  runtimePolled = false
  fatal: string | undefined
  readonly snapStart: boolean
  /** A snapshot is being taken. */
  cutting = false
  isRestoring = false
  restores = { success: 0, error: 0 }

  constructor(
    profile: ProfileName,
    extensions: ReadonlyArray<string>,
    met: Set<number>,
    freezeAfterMs: number | undefined,
    snapStart: boolean
  ) {
    this.profile = profile
    this.snapStart = snapStart
    this.met = met
    const options = {
      profile: profiles[profile],
      functionName: "function",
      functionVersion: "$LATEST",
      handler: "index.handler",
      accountId: "123456789012",
      timeoutMs: 3000,
      initTimeoutMs: 10_000,
      freezeAfterMs,
      snapStart,
      extensions
    }
    this.machine = EnvironmentState.make(options, () => this.uuid())
    this.send({ _tag: "Start" })
  }

  uuid(): string {
    return `00000000-0000-4000-8000-${String(++this.numbers).padStart(12, "0")}`
  }

  send(input: EnvironmentState.Input): void {
    if (input._tag === "ProcessExited" || input._tag === "LaunchFailed") this.alive.delete(input.process)
    if (input._tag === "TimerFired" && this.timers.get(input.timer) === input.generation)
      this.timers.delete(input.timer)
    if (input._tag === "Invoke") this.calls.add(input.request.call)
    const isRequest = input._tag === "ExtensionRequest" || input._tag === "RuntimeRequest"
    if (isRequest) this.standing.set(input.request.exchange, input.request.route)
    for (const command of this.machine.handle(input, this.now)) this.observe(command)
    if (isRequest && this.standing.has(input.request.exchange) && !this.connecting.has(input.request.exchange)) {
      assert.include(
        ["next", "runtime/next", "runtime/restore/next"],
        input.request.route,
        "only a poll may wait for its answer"
      )
    }
    this.checkBounds()
    this.checkStoredReleases()
  }

  observe(command: EnvironmentState.Command): void {
    switch (command._tag) {
      case "Reply":
        assert.isTrue(this.standing.delete(command.exchange), "one answer per request")
        if (this.profile !== "lmi") assert.notStrictEqual(command.response.status, 500)
        return
      case "Drop":
        assert.isTrue(this.standing.delete(command.exchange), "no drop after an answer")
        return
      case "Spawn":
        assert.isFalse(this.alive.has(command.process))
        this.alive.set(command.process, command.source)
        this.unlaunched.push(command.process)
        if (command.source === "runtime") this.runtimeStarted = true
        return
      case "Kill":
        assert.isTrue(this.alive.has(command.process), "only what lives is killed")
        assert.isFalse(this.frozen, "no signal to a stopped process")
        this.killed.add(command.process)
        return
      case "Connect":
        this.connecting.add(command.exchange)
        return
      case "Subscribe": {
        const { source, subscription } = command
        const key = this.profile === "lmi" ? source : `${source} ${JSON.stringify(subscription)}`
        assert.isTrue(this.open.init, "nobody subscribes after init")
        assert.isFalse(this.subscribed.has(key), "nobody subscribes twice")
        this.subscribed.add(key)
        return
      }
      case "FlushTelemetry":
        assert.isTrue(this.open.shutdown && !this.gotShutdown.size, "telemetry is delivered before SHUTDOWN")
        return
      case "Freeze":
        assert.isFalse(this.frozen || this.open.init || this.open.shutdown || this.open.invocations.size > 0)
        this.frozen = true
        this.freezes++
        return
      case "CutConnections":
        assert.isTrue(this.frozen && this.snapStart, "only what stands still is cut off")
        this.cutting = true
        return
      case "Thaw":
        assert.isTrue(this.frozen)
        this.frozen = false
        return
      case "StartTimer":
        assert.isAtLeast(command.delayMs, 0)
        this.timers.set(command.timer, command.generation)
        return
      case "StopTimer":
        assert.isTrue(this.timers.delete(command.timer), "only a running timer is stopped")
        return
      case "Answer":
        assert.isTrue(this.calls.delete(command.call), "one result per invocation")
        return
      case "Terminated":
        this.terminated = true
        return
      case "Record":
        return this.witness(command.event)
    }
  }

  witness(event: Journal.JournalEvent): void {
    switch (event._tag) {
      case "InitStarted":
        assert.isFalse(this.open.init || this.open.shutdown)
        this.open.init = true
        return
      case "InitEnded":
        assert.isTrue(this.open.init)
        this.open.init = false
        if (event.status === "error") assert.strictEqual(event.errorType, this.fatal, "the first fatal error wins")
        return
      case "SnapshotTaken":
        assert.isTrue(this.frozen)
        return
      case "RestoreStarted":
        assert.isFalse(this.isRestoring || this.open.init || this.open.shutdown)
        this.isRestoring = true
        return
      case "RestoreEnded":
        assert.isTrue(this.isRestoring)
        assert.isFalse(this.frozen)
        this.isRestoring = false
        this.restores[event.status]++
        return
      case "InvocationStarted":
        assert.isFalse(this.isRestoring, "nothing is invoked before the restore is over")
        assert.isFalse(this.open.invocations.has(event.requestId))
        if (this.profile !== "lmi") assert.strictEqual(this.open.invocations.size, 0, "one at a time")
        this.open.invocations.add(event.requestId)
        return
      case "InvocationDone":
        assert.isTrue(this.open.invocations.delete(event.requestId))
        if (event.status === "error") assert.strictEqual(event.errorType, this.fatal, "the first fatal error wins")
        return
      case "ShutdownStarted":
        assert.isFalse(this.open.shutdown)
        this.open.init = false
        this.isRestoring = false
        this.open.shutdown = true
        if (this.profile === "lmi") assert.isFalse(event.reset, "a managed instance is not reset")
        return
      case "ShutdownEnded":
        assert.isTrue(this.open.shutdown)
        this.open.shutdown = false
        this.alive.clear()
        this.registered = new Map()
        this.polled = new Set()
        this.gotShutdown = new Set()
        this.errorReported = new Set()
        this.runtimeStarted = false
        this.runtimePolled = false
        this.fatal = undefined
        return
      case "Registered":
        if (event.kind === "internal") {
          assert.isFalse(this.runtimeStarted && this.runtimePolled, "registration closes at the runtime's first next")
        }
        this.registered.set(event.source, event.events)
        this.identifiers.push(event.identifier)
        assert.isAtMost(this.registered.size, 10)
        return
      case "InvocationDelivered":
        assert.isFalse(this.frozen, "no invocation for a stopped process")
        return
      case "NextCalled":
        if (event.source === "runtime") this.runtimePolled = true
        else this.polled.add(event.source)
        return
      case "EventDelivered": {
        const { eventType, shutdownReason, source } = event
        assert.isFalse(this.frozen, "no event for a stopped process")
        assert.isTrue(this.polled.delete(source), "no event without a poll")
        assert.include(this.registered.get(source) ?? [], eventType, "no event without a subscription")
        if (eventType === "INVOKE") {
          assert.notStrictEqual(this.profile, "lmi")
          return
        }
        assert.isTrue(this.open.shutdown)
        assert.isFalse(this.gotShutdown.has(source), "one SHUTDOWN per extension and generation")
        this.gotShutdown.add(source)
        const reasons = {
          real: ["spindown", "timeout", "failure"],
          rie: ["spindown", "SandboxTerminated", "Timeout", "ReleaseFail"],
          lmi: ["spindown", "failure"]
        }
        assert.include(reasons[this.profile], shutdownReason)
        return
      }
      case "ErrorReported":
        this.errorReported.add(event.source)
        return
      case "Fatal":
        assert.strictEqual(event.first, this.fatal === undefined)
        this.fatal ??= event.errorType
        return
      case "ApiRefused": {
        const { errorType, message, status } = event
        const index = documented.findIndex(
          ([knownStatus, knownType, knownMessage]) =>
            status === knownStatus && errorType === knownType && new RegExp(`^${knownMessage}$`).test(message)
        )
        assert.notStrictEqual(index, -1, `undocumented refusal: ${status} ${errorType} ${message}`)
        this.met.add(index)
        return
      }
      default:
        return
    }
  }

  /** Everything the environment waits for has a time limit. */
  checkBounds(): void {
    const runs = (...names: ReadonlyArray<EnvironmentState.TimerName>) => names.some((name) => this.timers.has(name))
    if (this.open.init) assert.isTrue(runs("init", "function"), "init is bounded")
    assert.strictEqual(runs("restore"), this.isRestoring, "a restore is bounded")
    if (this.open.shutdown) assert.isTrue(runs("shutdown", "collect"), "shutdown is bounded")
    const invocationTimers = [...this.timers.keys()].filter(
      (name) => name === "function" || name.startsWith("invocation:")
    )
    assert.strictEqual(invocationTimers.length, this.open.invocations.size, "every invocation is bounded, nothing else")
    if (this.terminated) {
      const waiting = [...this.standing.keys()].filter((exchange) => !this.connecting.has(exchange))
      assert.deepStrictEqual([...this.timers.keys(), ...this.calls, ...waiting], [])
    }
  }

  /** A release is stored: an extension that may have SHUTDOWN and polls, early or late, has it. */
  checkStoredReleases(): void {
    const living = [...this.alive].flatMap(([process, source]) => (this.killed.has(process) ? [] : [source]))
    if (!this.open.shutdown || [...this.alive.values()].includes("runtime") || !this.timers.has("shutdown")) return
    if (this.timers.has("flush")) return
    for (const source of living) {
      if (!this.registered.get(source)?.includes("SHUTDOWN") || this.errorReported.has(source)) continue
      assert.isTrue(!this.polled.has(source) || this.gotShutdown.has(source), "who waits in a shutdown has SHUTDOWN")
    }
  }

  fire(timer: EnvironmentState.TimerName): void {
    const generation = this.timers.get(timer)
    if (generation !== undefined) this.send({ _tag: "TimerFired", timer, generation })
  }

  connect(exchange: number, problem: string | undefined): void {
    this.connecting.delete(exchange)
    this.send({ _tag: "Connected", exchange, problem })
  }

  exit(process: number, code: number): void {
    this.send({ _tag: "ProcessExited", process, status: { _tag: "Code", code }, peakMemoryBytes: undefined })
  }

  /** The environment ends when it is told to, even if only the clock goes on. */
  end(): void {
    this.send({ _tag: "Shutdown", reason: "spindown" })
    for (let round = 0; round < 5 && !this.terminated; round++) {
      for (const timer of this.timers.keys()) this.fire(timer)
    }
    assert.isTrue(this.terminated, "the environment ends")
    for (const exchange of this.connecting) this.connect(exchange, undefined)
    assert.deepStrictEqual([...this.standing.keys()], [])
    this.send({ _tag: "RuntimeRequest", request: { exchange: ++this.numbers, route: "runtime/next" } })
    this.send({ _tag: "Shutdown", reason: "spindown" })
    assert.deepStrictEqual([...this.open.invocations], [])
  }
}

export const names = ["a", "b", "c", "x", "y", ...Array.from({ length: 10 }, (_, index) => `z${index}`), ""]

export const large = `{"events":[],"x":"${"x".repeat(1_048_576)}"}`
