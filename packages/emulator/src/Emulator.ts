/**
 * A Lambda execution environment on this machine: the Runtime API, the Extensions API, real processes, and a journal of
 * everything that happened.
 *
 * The layer starts init at once and does not wait for it; an invocation waits for its turn, as on Lambda. When the scope
 * of the layer closes, every process is killed. For an orderly end with SHUTDOWN events call `shutdown` first.
 *
 * Time is real, also in a test that runs under `TestClock`.
 *
 * **Example** (An extension and a function, invoked once)
 *
 * ```ts
 * import { Emulator, Journal } from "@effect-lambda/emulator"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function* () {
 *   const emulator = yield* Emulator.Emulator
 *   const result = yield* emulator.invoke('{"name":"Ada"}')
 *   yield* emulator.journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === result.requestId))
 *   yield* emulator.shutdown()
 *   return result.payload
 * })
 *
 * program.pipe(
 *   Effect.provide(
 *     Emulator.layer({ extensions: ["dist/my-extension"], function: { command: ["node", "function.mjs"] } })
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as NodePath from "node:path"
import { EmulatorError } from "./EmulatorError.ts"
import type { Command, Input } from "./internal/environment/EnvironmentState.ts"
import * as EnvironmentState from "./internal/environment/EnvironmentState.ts"
import * as NeededPaths from "./internal/runner/NeededPaths.ts"
import * as PendingInvocations from "./internal/runner/PendingInvocations.ts"
import * as EnvironmentVariables from "./internal/settings/EnvironmentVariables.ts"
import * as ExtensionFiles from "./internal/sandbox/ExtensionFiles.ts"
import * as FaultInjector from "./internal/fault/FaultInjector.ts"
import * as FunctionProcess from "./internal/sandbox/FunctionProcess.ts"
import * as LineFraming from "./internal/process/LineFraming.ts"
import type { InvokeOptions, InvokeResult, Options } from "./internal/settings/Options.ts"
import * as Sandbox from "./internal/sandbox/Sandbox.ts"
import * as Settings from "./internal/settings/Settings.ts"
import * as Telemetry from "./internal/telemetry/Telemetry.ts"
import * as InvokeApiServer from "./internal/server/InvokeApiServer.ts"
import type { ExitStatus, JournalEvent } from "./internal/journal/JournalEvent.ts"
import type { Source } from "./internal/Source.ts"
import * as WireRecord from "./internal/journal/WireRecord.ts"
import type * as Journal from "./Journal.ts"
import * as JournalStore from "./internal/runner/JournalStore.ts"
import * as Programs from "./internal/runner/Programs.ts"
import * as RuntimeApiServer from "./internal/server/RuntimeApiServer.ts"
import type { ShutdownReason } from "./internal/ShutdownReason.ts"
import { maxPayloadBytes } from "./internal/wire/Wire.ts"

export type { ManualExtension, ExtensionsOptions } from "./internal/sandbox/ExtensionFiles.ts"
export type { FunctionOptions } from "./internal/sandbox/FunctionProcess.ts"
export type {
  InitType,
  InvokeListen,
  InvokeOptions,
  InvokeResult,
  Options,
  TracingMode
} from "./internal/settings/Options.ts"
export type { ShutdownReason } from "./internal/ShutdownReason.ts"
export { maxPayloadBytes } from "./internal/wire/Wire.ts"

/**
 * A running environment.
 *
 * @category services
 * @since 0.1.0
 */
export class Emulator extends Context.Service<
  Emulator,
  {
    /** `host:port`, the value of `AWS_LAMBDA_RUNTIME_API`. */
    readonly runtimeApi: string
    /** `http://host:port` of the Invoke API, an `endpoint` for AWS clients; `undefined` without `invokeListen`. */
    readonly invokeEndpoint: string | undefined
    /**
     * A sentence, with the remedy, for each thing that this machine does not permit: the names of the sandbox do not
     * resolve inside the processes, an extension names `/opt` and sees no layer there, or a limit is not in force.
     */
    readonly notes: ReadonlyArray<string>
    /**
     * Invokes the function and succeeds as soon as the runtime answers; extensions may still be busy. Invocations run
     * one after another. A function that fails, crashes or times out is a result with `functionError`, not an error.
     *
     * Under `rie` it succeeds only when the extensions are done too. There it also fails with `InvocationRefused` while
     * another invocation runs, and cuts a payload that is too large. Under `lmi` invocations run at the same time, as
     * many as the runtime polls for.
     */
    readonly invoke: (
      payload: string | Uint8Array,
      options?: InvokeOptions
    ) => Effect.Effect<InvokeResult, EmulatorError>
    /**
     * Ends the environment as Lambda does (SIGTERM to the runtime, SHUTDOWN to the extensions, SIGKILL) and succeeds
     * when every process is gone. A second call succeeds at once.
     */
    readonly shutdown: (reason?: ShutdownReason) => Effect.Effect<void>
    /** Everything that happened in the environment so far, and ways to wait for more. */
    readonly journal: Journal.Journal
    /** The limit of the init phase in milliseconds, as `initTimeout`, `initType` and the profile have it. */
    readonly initTimeoutMs: number
    /** Ends a manual process, as if it had exited (default: code 0). */
    readonly endManualProcess: (source: Source, status?: ExitStatus) => Effect.Effect<void, EmulatorError>
    /**
     * Output of a manual process, as if it had printed the text (default: to stdout). A line counts when it is
     * complete.
     */
    readonly writeManualOutput: (
      source: Source,
      text: string,
      channel?: "stdout" | "stderr"
    ) => Effect.Effect<void, EmulatorError>
  }
>()("@effect-lambda/emulator/Emulator") {}

/** Milliseconds for which the credentials of an environment with SnapStart are valid. */
const credentialsMs = 3_600_000

/**
 * Starts an environment, which lives as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<Emulator["Service"], EmulatorError, Scope.Scope> => {
  // Processes and sockets live in real time whatever clock the caller runs under.
  const clock = Clock.Clock.defaultValue()
  return Effect.provideService(makeWith(options, clock), Clock.Clock, clock)
}

const makeWith = Effect.fnUntraced(function* (
  options: Options,
  clock: Clock.Clock
): Effect.fn.Return<Emulator["Service"], EmulatorError, Scope.Scope> {
  const now = () => clock.currentTimeMillisUnsafe()
  const problem = Settings.problemOf(options)
  if (problem !== undefined) return yield* new EmulatorError({ method: "Emulator.layer", reason: problem })
  const extensions = options.extensions ?? []
  const functionProcess = options.function === undefined ? undefined : yield* FunctionProcess.resolve(options.function)
  // Missing files are reported first: they are a greater mistake than a mount that is not permitted.
  const found = yield* ExtensionFiles.expectedExtensions(extensions, false)
  const startsProcesses = functionProcess !== undefined || found.some(({ file }) => file !== undefined)
  const settings = Settings.resolve(options, functionProcess?.handler)
  const { isOptMounted, namespace, notes } = yield* Sandbox.make({
    address: settings.sandboxAddress,
    extensions,
    functionProcess,
    limits: options.limits ?? {},
    startsProcesses,
    needed: NeededPaths.of(options, found, functionProcess)
  })
  const expected = yield* ExtensionFiles.expectedExtensions(extensions, isOptMounted)
  const { functionArn, identity, profile, timeoutMs } = settings

  const snapStart = settings.variables.initializationType === "snap-start"
  const state = EnvironmentState.make(
    {
      ...settings,
      ...identity,
      snapStart,
      extensions: expected.map(({ name }) => name)
    },
    () => Crypto.randomUUID()
  )

  const journal = JournalStore.make(clock, options.journalSize)
  yield* Effect.addFinalizer(() => journal.end)

  const terminated = yield* Deferred.make<void>()
  const inputs: Array<Input> = []
  let draining = false
  let released = false
  let ended = false

  const { invoke, ...pending } = PendingInvocations.make({
    profile,
    functionArn,
    tracing: settings.tracing,
    now,
    isEnded: () => ended,
    dispatch: (request) => dispatch({ _tag: "Invoke", request })
  })

  const wrote = (source: Source, channel: Journal.Channel, text: string): void => {
    const at = now()
    telemetry.wrote(source, text, at)
    journal.append({ _tag: "Output", source, channel, line: LineFraming.withoutBreak(text) }, at)
  }

  const programs = yield* Programs.make({
    profile,
    functionProcess,
    functionEnvironment: options.function?.environment ?? {},
    extensions: expected,
    namespace,
    variables: () => variables,
    dispatch: (input) => dispatch(input),
    onLine: wrote,
    onExit: (source, process, exit) => {
      // After the release the machine takes no inputs any more, but the journal still shows the end.
      if (released) return journal.append({ _tag: "ProcessExited", source, state: undefined, ...exit }, now())
      dispatch({ _tag: "ProcessExited", process, ...exit })
    }
  })

  const runTimer = yield* FiberMap.makeRuntime<never, string>()

  const handle = (input: Input): void => {
    // The machine and the journal share a time: a deadline is exactly its limit after the entry that sets it.
    const at = now()
    for (const command of state.handle(input, at)) execute(command, at)
  }

  /** Carries out one input after another; an input that a command causes at once waits for its turn. */
  const dispatch = (input: Input): void => {
    if (released) return
    inputs.push(input)
    if (draining) return
    draining = true
    try {
      for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
        faults.enter(next, () => handle(next))
      }
    } finally {
      draining = false
    }
  }

  /**
   * Takes a request or a time limit. Output that was printed before it comes first. Memory is measured if the input may
   * end an invocation: a look takes a millisecond or more.
   */
  const observeAndDispatch = (input: Input): void => {
    programs.drain()
    if (EnvironmentState.mayEndInvocation(input)) {
      dispatch({ _tag: "MemoryMeasured", bytes: programs.measureMemory() })
    }
    dispatch(input)
  }

  const wire = WireRecord.make(options.wire, (event) => journal.append(event, now()))
  const logFormat = options.logFormat ?? "text"
  const instanceId = EnvironmentVariables.logStreamName(identity.functionVersion, now())
  const telemetry = yield* Telemetry.make({
    ...identity,
    profile,
    address: settings.sandboxAddress,
    instanceId,
    memorySize: settings.variables.memorySize,
    initializationType: settings.variables.initializationType,
    timeoutMs,
    logFormat,
    holdsAtOnce: (settings.freezeAfterMs ?? 0) === 0,
    now,
    wire,
    record: (event) => journal.append(event, now()),
    parcelsOf: (source, subscription, batch) => faults.parcelsOf(source, subscription, batch)
  })

  const record = (event: JournalEvent, at: number): void => {
    // Telemetry hears of it before the journal: a reader that waits for the entry may already print the next line.
    telemetry.happened(event, at)
    journal.append(event, at)
    faults.happened(event)
  }

  const execute = (command: Command, at: number): void => {
    switch (command._tag) {
      case "Record":
        return record(command.event, at)
      case "Reply":
        return faults.leave(command.exchange, command.response)
      case "Drop":
        return faults.leave(command.exchange, undefined)
      case "Spawn":
        return programs.spawn(command.process, command.source)
      case "Kill":
        return programs.kill(command.process, command.signal)
      case "Subscribe":
        return telemetry.subscribe(command.source, command.subscription)
      case "Connect": {
        const { exchange, port } = command
        return telemetry.connect(port, (problem) => dispatch({ _tag: "Connected", exchange, problem }))
      }
      case "FlushTelemetry":
        return telemetry.flush(() => dispatch({ _tag: "TelemetryFlushed" }))
      case "Freeze":
        return programs.freeze()
      case "CutConnections":
        return programs.cutConnections(server.address, (connections, problem) =>
          dispatch({ _tag: "SnapshotTaken", connections, problem })
        )
      case "Thaw":
        return programs.thaw()
      case "StartTimer": {
        const { delayMs, generation, timer } = command
        const fire = Effect.sync(() => observeAndDispatch({ _tag: "TimerFired", timer, generation }))
        const report = (cause: Cause.Cause<never>) => Effect.logError(`emulator: timer ${timer} failed`, cause)
        runTimer(timer, Effect.tapCause(Effect.andThen(Effect.sleep(delayMs), fire), report))
        return
      }
      case "StopTimer":
        runTimer(command.timer, Effect.void)
        return
      case "Answer":
        return pending.answer(command.call, command.outcome)
      case "Terminated":
        ended = true
        Deferred.doneUnsafe(terminated, Effect.void)
        return
    }
  }

  const faults = yield* FaultInjector.make({
    profile,
    faults: options.faults ?? [],
    seed: options.seed ?? 1,
    now,
    dispatch: observeAndDispatch,
    record: (event) => record(event, now()),
    server: (): RuntimeApiServer.RuntimeApiServer => server,
    kill: programs.crash,
    pause: programs.pause
  })

  const credentialsToken = Crypto.randomUUID()
  const server = yield* RuntimeApiServer.make({
    host: "127.0.0.1",
    port: options.port ?? 0,
    profile,
    extensionsEnabled: ExtensionFiles.extensionsEnabled(extensions),
    ...(snapStart && {
      snapStart: {
        credentialsToken,
        credentials: () => ({ ...settings.variables.credentials, expiration: now() + credentialsMs })
      }
    }),
    onInput: (input) => {
      if (!released) observeAndDispatch(input)
    },
    wire,
    now,
    onRefused: (event) => journal.append(event, now())
  })

  const variables: EnvironmentVariables.VariablesOptions = {
    ...identity,
    profile,
    runtimeApi: server.address,
    ...settings.variables,
    credentialsToken,
    logFormat,
    taskRoot: functionProcess?.cwd ?? NodePath.resolve("."),
    opt: ExtensionFiles.optDirectory(extensions, isOptMounted),
    instanceId
  }

  const abandonInvocations = Effect.sync(() => {
    released = true
    ended = true
    pending.abandon()
    Deferred.doneUnsafe(terminated, Effect.void)
  })
  yield* Effect.addFinalizer(() => abandonInvocations)

  const invokeEndpoint =
    options.invokeListen === undefined
      ? undefined
      : yield* InvokeApiServer.make({
          profile,
          listen: options.invokeListen,
          functionVersion: identity.functionVersion,
          timeoutSeconds: timeoutMs / 1000,
          maxPayloadBytes: maxPayloadBytes,
          invoke: (payload, { qualifier, ...rest }) => invoke(payload, qualifier === "" ? rest : { ...rest, qualifier })
        })

  // The start comes last: nothing may run if a port is taken.
  dispatch({ _tag: "Start" })

  return Emulator.of({
    runtimeApi: server.address,
    invokeEndpoint,
    notes,
    invoke,
    shutdown: Effect.fnUntraced(function* (reason: ShutdownReason = "spindown") {
      if (!ended) dispatch({ _tag: "Shutdown", reason })
      yield* Deferred.await(terminated)
    }),
    initTimeoutMs: settings.initTimeoutMs,
    journal: { entries: journal.entries, stream: journal.stream, waitFor: journal.waitFor },
    endManualProcess: (source, status = { _tag: "Code", code: 0 }) => programs.endManual(source, status),
    writeManualOutput: (source, text, channel = "stdout") => programs.writeManual(source, text, channel)
  })
})

/**
 * Starts an environment and ends it with the scope of the layer. Each call makes its own environment; two of them do
 * not disturb each other.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Emulator, EmulatorError> =>
  Layer.effect(Emulator, make(options))
