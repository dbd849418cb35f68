/**
 * The programs of an environment: the function and the extensions, each as a process or as a manual process. The
 * machine names a program by its part and its number, and is told how it starts, what it prints and how it ends.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { EmulatorError, NotAManualProcess } from "../../EmulatorError.ts"
import type { Profile } from "../../Profile.ts"
import type { Input } from "../environment/EnvironmentState.ts"
import type { Channel, ExitStatus } from "../journal/JournalEvent.ts"
import * as ManualProcesses from "../process/ManualProcesses.ts"
import * as Processes from "../process/Processes.ts"
import type { ExpectedExtension } from "../sandbox/ExtensionFiles.ts"
import * as FunctionProcess from "../sandbox/FunctionProcess.ts"
import type { Namespace } from "../sandbox/MountNamespace.ts"
import * as EnvironmentVariables from "../settings/EnvironmentVariables.ts"
import type { ProcessId, Source } from "../Source.ts"

export interface ProgramsOptions {
  readonly profile: Profile
  /** `undefined` if a manual process is the function. */
  readonly functionProcess: FunctionProcess.FunctionProcess | undefined
  /** Variables for the function alone. */
  readonly functionEnvironment: Readonly<Record<string, string>>
  readonly extensions: ReadonlyArray<ExpectedExtension>
  readonly namespace: Namespace | undefined
  /** Asked for at each start. */
  readonly variables: () => EnvironmentVariables.VariablesOptions
  readonly dispatch: (input: Input) => void
  readonly onLine: (source: Source, channel: Channel, line: string) => void
  readonly onExit: (source: Source, process: ProcessId, exit: Processes.ProcessExit) => void
}

export interface Programs extends Pick<
  Processes.Processes,
  "cutConnections" | "drain" | "freeze" | "measureMemory" | "thaw"
> {
  readonly spawn: (process: ProcessId, source: Source) => void
  readonly kill: (process: ProcessId, signal: "SIGTERM" | "SIGKILL") => void
  /** Kills the process that runs for the source, as if it had crashed; `false` means that none runs. */
  readonly crash: (source: Source) => boolean
  /** Stops the process that runs for the source, and gives the way to let it go on. A manual process is not stopped. */
  readonly pause: (source: Source) => () => void
  readonly endManual: (source: Source, status: ExitStatus) => Effect.Effect<void, EmulatorError>
  readonly writeManual: (
    source: Source,
    text: string,
    channel: "stdout" | "stderr"
  ) => Effect.Effect<void, EmulatorError>
}

const notManual = (method: string, source: Source) =>
  new EmulatorError({ method, reason: new NotAManualProcess({ source }) })

export const make = Effect.fnUntraced(function* (
  options: ProgramsOptions
): Effect.fn.Return<Programs, EmulatorError, Scope.Scope> {
  const { dispatch, functionEnvironment, functionProcess, namespace, onExit, onLine, profile, variables } = options
  const files = new Map(options.extensions.map(({ file, name }) => [`extension:${name}`, file]))
  const running = new Map<Source, ProcessId>()
  const processes = yield* Processes.make
  const manual = ManualProcesses.make(onLine)

  const startOfFunction = () =>
    functionProcess &&
    FunctionProcess.withWrapper(
      functionProcess,
      EnvironmentVariables.forRuntime(variables(), functionEnvironment, functionProcess.bundled?.language)
    )

  const startOfExtension = (source: Source) => {
    const file = files.get(source)
    return file === undefined
      ? undefined
      : { command: [file] as const, environment: EnvironmentVariables.forExtension(variables()) }
  }

  return {
    cutConnections: processes.cutConnections,
    drain: processes.drain,
    freeze: processes.freeze,
    measureMemory: processes.measureMemory,
    thaw: processes.thaw,
    spawn: (process, source) => {
      const started = source === "runtime" ? startOfFunction() : startOfExtension(source)
      if (started === undefined) {
        manual.start(source, process)
        return dispatch({ _tag: "Launched", process, pid: undefined })
      }
      running.set(source, process)
      processes.launch({
        ...started,
        id: process,
        cwd: source === "runtime" ? functionProcess?.cwd : undefined,
        namespace,
        logs: source === "runtime" && profile.tellsLogFormat,
        onLaunched: (pid) => dispatch({ _tag: "Launched", process, pid }),
        onLaunchFailed: (problem) => dispatch({ _tag: "LaunchFailed", process, ...problem }),
        onLine: (channel, line) => onLine(source, channel, line),
        onExit: (exit) => {
          if (running.get(source) === process) running.delete(source)
          onExit(source, process, exit)
        }
      })
    },
    kill: (process, signal) => {
      const source = manual.sourceOf(process)
      if (source === undefined) return processes.kill(process, signal)
      // A manual process cannot ignore a signal.
      manual.end(source)
      dispatch({ _tag: "ProcessExited", process, status: { _tag: "Signal", signal }, peakMemoryBytes: undefined })
    },
    crash: (source) => {
      const process = running.get(source)
      if (process !== undefined) processes.kill(process, "SIGKILL")
      return process !== undefined
    },
    pause: (source) => {
      const process = running.get(source)
      return process === undefined ? () => {} : processes.pause(process)
    },
    endManual: Effect.fnUntraced(function* (source, status) {
      const process = manual.end(source)
      if (process === undefined) return yield* notManual("Emulator.endManualProcess", source)
      dispatch({ _tag: "ProcessExited", process, status, peakMemoryBytes: undefined })
    }),
    writeManual: Effect.fnUntraced(function* (source, text, channel) {
      if (!manual.write(source, channel, text)) return yield* notManual("Emulator.writeManualOutput", source)
    })
  }
})
