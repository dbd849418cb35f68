/**
 * Random call sequences against the state machine alone. Clients, processes and timers may do anything in any order:
 * the machine keeps its invariants, refuses only in documented words, and comes to an end when it is told to.
 */
import * as EnvironmentState from "../src/internal/environment/EnvironmentState.ts"
import { maxPayloadBytes } from "@effect-lambda/emulator/Emulator"
import type * as Journal from "@effect-lambda/emulator/Journal"
import type { ProfileName } from "@effect-lambda/emulator/Profile"
import { profiles } from "@effect-lambda/emulator/Profile"
import { assert, describe, it } from "@effect/vitest"

const sequences = 500
const steps = 120

/** Numbers that look random and are the same each time (mulberry32). */
const makeRandom = (seed: number) => {
  let state = seed
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number): number => Math.floor(unit() * limit)
  const pick = <A>(values: ReadonlyArray<A>): A | undefined => values[below(values.length)]
  return { below, pick }
}

type Random = ReturnType<typeof makeRandom>

const extensionState = "(Started|Registered|Ready|Running|InitError|ExitError|ShutdownFailed|Exited|LaunchError)"
const runtimeState =
  "(Started|InitError|RestoreReady|Restoring|RuntimeRestoreErrorState|Ready|Running|InvocationResponse|InvocationErrorResponse|RuntimeResponseSentState)"
const uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

/**
 * Every documented refusal (docs/protocol.md#extensions-api, docs/protocol.md#runtime-api), and the profiles in which
 * these sequences must have met it.
 */
const documented: ReadonlyArray<readonly [status: number, errorType: string, message: string, profiles: string]> = [
  [403, "Extension.InvalidExtensionName", "Empty extension name", "real rie lmi"],
  [403, "InvalidRequestFormat", "unexpected end of JSON input", "real rie lmi"],
  [403, "InvalidRequestFormat", "json: cannot unmarshal .*", "real rie lmi"],
  [403, "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead", "real rie lmi"],
  [403, "InvalidRequestFormat", "http: request body too large", "lmi"],
  [403, "Extension.InvalidEventType", "(invoke|INVOKE): ErrorInvalidEventType", "real rie lmi"],
  [403, "Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension", "real rie"],
  [403, "Extension.InvalidEventType", "No events allowed for internal extensions", "lmi"],
  [403, "Extension.RegistrationClosed", "Extension registration closed already", "real rie lmi"],
  [403, "Extension.TooManyExtensions", "Extension limit \\(10\\) reached", "real rie lmi"],
  [403, "Extension.InvalidExtensionState", "Extension with this name already registered", "real rie lmi"],
  [
    403,
    "Extension.InvalidExtensionState",
    `State transition from ${extensionState} to Registered failed for extension [a-z0-9]+\\. Error: [Ss]tate transition is not allowed`,
    "real rie lmi"
  ],
  [
    403,
    "Extension.InvalidExtensionState",
    `State transition from ${extensionState} to (Ready|InitError|Exited) failed for extension ${uuid}\\. Error: [Ss]tate transition is not allowed`,
    "real rie lmi"
  ],
  [403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header", "real rie lmi"],
  [403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier", "real rie lmi"],
  [403, "Extension.UnknownExtensionIdentifier", `Unknown extension ${uuid}`, "real rie lmi"],
  [403, "Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier", "real rie lmi"],
  [403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found", "real rie lmi"],
  [
    403,
    "InvalidStateTransition",
    `State transition from ${runtimeState} to (Ready|InvocationResponse|InvocationErrorResponse|InitError|RuntimeRestoreErrorState) failed for runtime\\. Error: [Ss]tate transition is not allowed`,
    "real rie lmi"
  ],
  [400, "InvalidRequestID", "Invalid request ID", "real rie lmi"],
  [400, "InvalidFunctionResponseMode", "Invalid function response mode", "real rie lmi"],
  [0, "", "the environment has not started a runtime", "real rie"],
  [0, "", "the invocation that the runtime has in hand is lost", "real rie"],
  [0, "", "the error has 6291557 bytes; Lambda takes 6291556", "real rie"],
  [410, "InvokeTimeout", "Invoke timeout", "lmi"],
  [413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size \\(6291556 bytes\\)\\.", "real rie lmi"],
  [403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already", "real"],
  [403, "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed", "lmi"],
  [403, "Logs.SubscriptionClosed", "Logs API subscription is closed already", "real"],
  [400, "Telemetry.DeserializationError", "expected value at line 1 column \\d+", "real"],
  [400, "Logs.DeserializationError", "expected value at line 1 column \\d+", "real"],
  [
    400,
    "Telemetry.AccessDenied",
    "The extension [a-z0-9]+ is already subscribed to the LogsAPI\\. You must either subscribe to the LogsAPI or the TelemetryAPI",
    "real"
  ],
  [
    400,
    "Logs.AccessDenied",
    "The extension [a-z0-9]+ is already subscribed to the TelemetryAPI\\. You must either subscribe to the LogsAPI or the TelemetryAPI",
    "real"
  ],
  [400, "Telemetry.ValidationError", "TelemetryAPI only supports the SchemaVersion released after 2021-03-18", "real"],
  [400, "Logs.ValidationError", "LogsAPI only supports the following SchemaVersion: 2020-08-15, 2021-03-18", "real"],
  [400, "ValidationError", "failed to parse JSON: invalid character .*", "lmi"],
  [400, "ValidationError", "schema validation error: [^]*", "lmi"],
  [400, "ValidationError", "Invalid destination: could not TCP dial provided address nobody", "lmi"],
  [500, "InternalServerError", "Internal Server Error", "lmi"]
]

/** Subscriptions of an HTTP and of a TCP listener, to the Telemetry and to the Logs API. */
const subscriptions = [
  "not json",
  '{"schemaVersion":"2025-01-29","types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:1"}}',
  '{"schemaVersion":"2025-01-29","types":["platform"],"destination":{"protocol":"TCP","port":1}}',
  '{"schemaVersion":"2020-08-15","types":["platform"],"destination":{"protocol":"TCP","port":1}}'
]

/** An environment, everything that is known about it from outside, and the rules it must keep. */
class World {
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

const names = ["a", "b", "c", "x", "y", ...Array.from({ length: 10 }, (_, index) => `z${index}`), ""]
const bodies = [
  '{"events":["INVOKE","SHUTDOWN"]}',
  '{"events":["SHUTDOWN"]}',
  '{"events":["INVOKE"]}',
  "{}",
  "{}",
  "null",
  "",
  "[]",
  '{"events":["invoke"]}',
  '{"configurationKeys":["k"]}'
]
const large = `{"events":[],"x":"${"x".repeat(1_048_576)}"}`

/** A step that only SnapStart has; `false` means no step this time. */
const snapStartStep = (world: World, { below }: Random): boolean => {
  if (!world.snapStart || below(3) !== 0) return false
  if (world.cutting && below(2) === 0) {
    world.cutting = false
    world.send({ _tag: "SnapshotTaken", connections: 0, problem: undefined })
    return true
  }
  const exchange = ++world.numbers
  const request =
    below(4) > 0
      ? ({ exchange, route: "runtime/restore/next" } as const)
      : ({ exchange, route: "runtime/restore/error", errorType: "Runtime.Hook", body: "" } as const)
  world.send({ _tag: "RuntimeRequest", request })
  return true
}

/** A step that any client, process or clock could make. */
const step = (world: World, random: Random): void => {
  const { below, pick } = random
  const exchange = ++world.numbers
  const identifier = () =>
    below(12) === 0
      ? (pick(["", "nonsense", "ffffffff-0000-4000-8000-000000000000"]) ?? "")
      : (world.identifiers.at(-1 - below(4)) ?? "")
  const requestId = () => (below(6) === 0 ? (pick(world.requestIds) ?? "") : (world.requestIds.at(-1) ?? ""))
  const [connecting] = world.connecting
  if (connecting !== undefined && below(2) === 0) {
    return world.connect(connecting, below(2) === 0 ? "nobody" : undefined)
  }
  switch (below(16)) {
    case 0:
    case 1: {
      const process = world.unlaunched.shift()
      if (process === undefined) return
      return below(20) === 0
        ? world.send({ _tag: "LaunchFailed", process, errorType: "UnknownError", message: "fork/exec: no", advice: "" })
        : world.send({ _tag: "Launched", process, pid: below(3) === 0 ? undefined : process })
    }
    case 2:
    case 3: {
      const name = pick(names) ?? ""
      const body = below(200) === 0 ? large : (pick(bodies) ?? "")
      return world.send({
        _tag: "ExtensionRequest",
        request: { exchange, route: "register", name, acceptFeature: "", body }
      })
    }
    case 4:
    case 5:
    case 6:
      return world.send({ _tag: "ExtensionRequest", request: { exchange, route: "next", identifier: identifier() } })
    case 7: {
      const route = below(2) === 0 ? "init/error" : "exit/error"
      const errorType = below(4) === 0 ? "" : "Extension.Mine"
      if (below(3) === 0) {
        return world.send({
          _tag: "ExtensionRequest",
          request: { exchange, route, identifier: identifier(), errorType, body: "" }
        })
      }
      // AWS's emulator has neither service in its usual mode, a managed instance has no Logs API.
      if (world.profile === "rie") return
      const api = world.profile === "lmi" || below(2) === 0 ? "telemetry" : "logs"
      // Mostly the same extension subscribes, so that the two services meet.
      const subscriber = below(2) === 0 ? (world.identifiers[0] ?? "") : identifier()
      return world.send({
        _tag: "ExtensionRequest",
        request: { exchange, route: api, identifier: subscriber, body: pick(subscriptions) ?? "" }
      })
    }
    case 8:
    case 9:
      return world.send({ _tag: "RuntimeRequest", request: { exchange, route: "runtime/next" } })
    case 10: {
      const responseMode = below(10) === 0 ? "foo" : ""
      const bodyBytes = below(10) === 0 ? maxPayloadBytes + 1 : 2
      const trailing = { trailingErrorType: "", trailingErrorBody: "" }
      return world.send({
        _tag: "RuntimeRequest",
        request: {
          exchange,
          route: "runtime/response",
          requestId: requestId(),
          responseMode,
          ...trailing,
          body: "{}",
          bodyBytes
        }
      })
    }
    case 11: {
      if (below(8) === 0) {
        return world.send({
          _tag: "RuntimeRequest",
          request: { exchange, route: "runtime/init/error", errorType: "x", body: "{}" }
        })
      }
      if (below(8) === 0) return world.send({ _tag: "ResponseTruncated", requestId: requestId() })
      const body = below(50) === 0 ? large : "{}"
      const bodyBytes = below(4) === 0 ? maxPayloadBytes + 1 : body.length
      const errorType = "Function.Bad"
      return world.send({
        _tag: "RuntimeRequest",
        request: {
          exchange,
          route: "runtime/error",
          requestId: requestId(),
          errorType,
          contentType: "",
          body,
          bodyBytes
        }
      })
    }
    case 12: {
      const call = ++world.numbers
      const id = below(10) === 0 ? requestId() : `r${call}`
      if (world.open.invocations.has(id) && world.profile !== "lmi") return
      world.requestIds.push(id)
      const empty = { contentType: "", traceHeader: "", clientContext: "", cognitoIdentity: "", tenantId: "" }
      const request = { call, requestId: id, payload: "{}", invokedFunctionArn: "arn", ...empty }
      return world.send({ _tag: "Invoke", request })
    }
    case 13: {
      const process = pick([...world.alive.keys()])
      if (process === undefined || below(3) !== 0) return
      return world.exit(process, below(2))
    }
    case 14: {
      if (world.timers.has("flush") && below(2) === 0) return world.send({ _tag: "TelemetryFlushed" })
      const timer = pick([...world.timers.keys()])
      if (timer === undefined || below(3) !== 0) return
      // Sometimes the timer was stopped while it fired.
      if (below(4) === 0) return world.send({ _tag: "TimerFired", timer, generation: -1 })
      return world.fire(timer)
    }
    default: {
      world.now += below(500)
      const poll = pick([...world.standing.keys()])
      if (poll !== undefined && below(4) === 0) return world.send({ _tag: "PollAborted", exchange: poll })
      if (below(60) === 0) world.send({ _tag: "Shutdown", reason: "spindown" })
    }
  }
}

describe.each(["real", "rie", "lmi"] as const)("profile %s", (profile) => {
  // The test takes a second or two of processor time, of which others may leave little.
  it(
    `${sequences} random sequences of ${steps} steps keep every invariant and meet every refusal`,
    { timeout: 120_000 },
    () => {
      const met = new Set<number>()
      let freezes = 0
      const restores = { success: 0, error: 0 }
      const timesEnded = { early: 0 }
      for (let seed = 1; seed <= sequences; seed++) {
        const random = makeRandom(seed)
        const many = Array.from({ length: 11 }, (_, index) => `z${index}`)
        const extensions =
          random.below(15) === 0 ? many.slice(0, 10 + random.below(2)) : ["a", "b", "c"].slice(0, random.below(4))
        let at = 0
        try {
          const freezeAfterMs = profile === "lmi" ? undefined : [undefined, 0, 10][seed % 3]
          const world = new World(profile, extensions, met, freezeAfterMs, profile === "real" && seed % 4 === 0)
          for (; at < steps && !world.terminated; at++) if (!snapStartStep(world, random)) step(world, random)
          if (world.terminated) timesEnded.early++
          world.end()
          freezes += world.freezes
          restores.success += world.restores.success
          restores.error += world.restores.error
        } catch (error) {
          throw new Error(`seed ${seed}, step ${at}: ${String(error)}`, { cause: error })
        }
      }
      const expected = documented.filter(([, , , profiles]) => profiles.includes(profile))
      const missing = expected.filter((entry) => !met.has(documented.indexOf(entry)))
      assert.deepStrictEqual(missing, [])
      assert.strictEqual(freezes > 0, profile !== "lmi")
      assert.strictEqual(Math.min(restores.success, restores.error) > 0, profile === "real")
      assert.isAbove(timesEnded.early, 0)
      assert.isBelow(timesEnded.early, sequences)
    }
  )
})
