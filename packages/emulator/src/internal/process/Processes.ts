/**
 * The child processes of an environment: each in its own process group, with exactly the environment variables it is
 * given, without stdin, its output read line by line.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import { performance } from "node:perf_hooks"
import { setImmediate } from "node:timers"
import type { EmulatorError } from "../../EmulatorError.ts"
import * as Connections from "./Connections.ts"
import type { LaunchProblem } from "./LaunchCheck.ts"
import * as LineFraming from "./LineFraming.ts"
import * as LogFraming from "./LogFraming.ts"
import * as ExitAdvice from "./ExitAdvice.ts"
import * as LaunchCheck from "./LaunchCheck.ts"
import * as Memory from "./Memory.ts"
import type { Namespace } from "../sandbox/MountNamespace.ts"
import * as MountNamespace from "../sandbox/MountNamespace.ts"
import * as Output from "./Output.ts"
import * as Pipes from "./Pipes.ts"
import * as ProcessState from "./ProcessState.ts"
import * as Reaper from "./Reaper.ts"
import * as Strays from "./Strays.ts"
import type { Channel, ExitStatus } from "../journal/JournalEvent.ts"

export type { LaunchProblem } from "./LaunchCheck.ts"

/** How a process ended. */
export interface ProcessExit {
  readonly status: ExitStatus
  /**
   * Peak memory of the group in bytes, measured while it ran: the system tells nothing about a process that has ended.
   */
  readonly peakMemoryBytes: number | undefined
  /**
   * The remedy, if the code is 126 or 127: a program or library that the process needs cannot be executed, or is
   * missing.
   */
  readonly advice: string | undefined
}

/** A process to start. Either `onLaunchFailed` is called, or `onLaunched` and later, after the last line, `onExit`. */
export interface LaunchOptions {
  readonly id: number
  /** The file to run and its arguments; a name without a slash is looked up in the `PATH` of `environment`. */
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly cwd: string | undefined
  /** Files that the process sees at other paths than this machine has them; `undefined` means none. */
  readonly namespace: Namespace | undefined
  readonly environment: Readonly<Record<string, string>>
  /**
   * `true` gives the process a descriptor for the frames of Lambda's log protocol, which `_LAMBDA_TELEMETRY_LOG_FD`
   * names.
   */
  readonly logs: boolean
  readonly onLaunched: (pid: number) => void
  /** Called if the file cannot be executed. If the file itself shows that, nothing is spawned. */
  readonly onLaunchFailed: (problem: LaunchProblem) => void
  /**
   * `line` has its line break, unless the output ended or was cut there. A record of the channel `log` is as its writer
   * gave it, which may be several lines or none.
   */
  readonly onLine: (channel: Channel, line: string) => void
  readonly onExit: (exit: ProcessExit) => void
}

/** The processes of one environment. */
export interface Processes {
  readonly launch: (options: LaunchOptions) => void
  /** Signals the whole process group, and measures before; a group that is gone already is no error. */
  readonly kill: (id: number, signal: "SIGTERM" | "SIGKILL") => void
  /** Calls back for every line that is written already, of every process that runs. */
  readonly drain: () => void
  /** Stops every process group that runs, so that not even a timer of it goes on. */
  readonly freeze: () => void
  /** Stops one process group, and gives the way to let it go on; in a freeze it goes on with the thaw. */
  readonly pause: (id: number) => () => void
  /**
   * Resets the TCP connections between every process group and the outside, whichever side connected. Connections to
   * `runtimeApi` (`host:port`) and among the processes stay. To be called between `freeze` and `thaw`. Tells how many
   * were cut, and why others were not.
   */
  readonly cutConnections: (
    runtimeApi: string,
    onCut: (connections: number, problem: string | undefined) => void
  ) => void
  /** Lets every process group go on. */
  readonly thaw: () => void
  /**
   * The sum of the most memory that each running process group has had so far, in bytes. Pages that processes share
   * count once. `undefined`: none runs, or this is not Linux.
   */
  readonly measureMemory: () => number | undefined
}

interface Running {
  readonly child: ChildProcess.ChildProcess
  readonly pid: number
  readonly outputs: ReadonlyArray<Output.Output>
  peakMemoryBytes: number | undefined
  /** The time of its last thaw, in milliseconds of the monotonic clock. */
  thawedAt: number
}

/** Signals the group while its process runs; afterwards the number may belong to another process. */
const signal = ({ child, pid }: Running, name: NodeJS.Signals): void => {
  if (child.exitCode !== null || child.signalCode !== null) return
  Reaper.signalGroup(pid, name)
}

/** After so many milliseconds a thawed process has run again, or is busy. The rest of its 600 ms is for the signal. */
const resumptionMs = 250

const wasThawedJustNow = ({ thawedAt }: Running): boolean => performance.now() - thawedAt < resumptionMs

/**
 * Waits until the first thread of a process that was just thawed has run and waits again. Before that the system gives
 * a signal to any other thread. Python runs handlers in the first thread only, so its handler would miss the signal.
 * Lambda's freeze leaves no such gap.
 */
const awaitResumed = (process: Running): Effect.Effect<void> => {
  let looks = 0
  return Effect.sync(() => {
    looks = ["R", "T"].includes(ProcessState.stateOf(process.pid)) ? 0 : looks + 1
    return looks > 2 || !wasThawedJustNow(process)
  }).pipe(Effect.repeat({ until: (resumed) => resumed, schedule: Schedule.spaced("2 millis") }), Effect.asVoid)
}

/**
 * A process may send a request and end without waiting for the answer. After so many turns of the event loop the
 * request has been read: a turn accepts the connection, a turn reads the request, and a turn lies between.
 */
const turnsAfterExit = 3

const afterTurns = (turns: number, act: () => void): void => {
  setImmediate(() => (turns === 1 ? act() : afterTurns(turns - 1, act)))
}

/**
 * Makes the processes of one environment. When the scope closes, and when this Node process exits, every process group
 * is killed; closing waits until the processes are collected, at most two seconds. Closing also kills the processes that
 * have left their group.
 */
export const make: Effect.Effect<Processes, EmulatorError, Scope.Scope> = Effect.gen(function* () {
  const running = new Map<number, Running>()
  const waiting = new Set<() => void>()
  const runFork = yield* FiberSet.makeRuntime<never>()
  const pipes = yield* Pipes.make
  const meter = Memory.make()
  let mark: Strays.Mark | undefined
  let isFrozen = false

  const measure = () => {
    if (running.size === 0) return
    const sums = meter.measure(Array.from(running.values(), ({ pid }) => pid))
    for (const process of running.values()) {
      const bytes = sums.get(process.pid)
      // A process of the group may have ended since the last look, and its memory with it.
      if (bytes !== undefined) process.peakMemoryBytes = Math.max(bytes, process.peakMemoryBytes ?? 0)
    }
  }

  const signalAll = (name: NodeJS.Signals) => {
    for (const process of running.values()) signal(process, name)
  }

  const killAll = () => {
    measure()
    signalAll("SIGKILL")
  }

  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => {
      killAll()
      const check = () => {
        if (running.size === 0) resume(Effect.void)
      }
      waiting.add(check)
      check()
    }).pipe(
      Effect.timeoutOption("2 seconds"),
      Effect.andThen(Effect.suspend(() => (mark === undefined ? Effect.void : Strays.kill(mark))))
    )
  )

  const launch = (options: LaunchOptions): void => {
    const { cwd, namespace } = options
    const hostPath = MountNamespace.hostPath(namespace?.mounts ?? [])
    const [first, ...args] = options.command
    const checked = LaunchCheck.check(first, options.environment.PATH ?? "", hostPath)
    if (checked._tag === "Problem") {
      const { advice, errorType, message } = checked
      return options.onLaunchFailed({ errorType, message, advice })
    }
    const { file } = checked
    let taken: ReturnType<Pipes.Pipes["take"]>
    try {
      taken = pipes.take()
    } catch (error) {
      return options.onLaunchFailed(LaunchCheck.refusedBySystem(file, "", String(error)))
    }
    const { stderr, stdout } = taken
    const { command, environment } =
      namespace === undefined
        ? { command: [file, ...args] as const, environment: options.environment }
        : MountNamespace.wrap(namespace, [file, ...args], options.environment, cwd)
    const [program, ...rest] = command
    const child = ChildProcess.spawn(program, rest, {
      cwd,
      env: options.logs ? { ...environment, [LogFraming.variable]: "3" } : { ...environment },
      detached: true,
      // The frames go through the pipe of stdout, which keeps the order.
      stdio: ["ignore", stdout.writeEnd, stderr.writeEnd, ...(options.logs ? [stdout.writeEnd] : [])]
    })
    // The process has these ends now, so the pipes end with it.
    Fs.closeSync(stdout.writeEnd)
    Fs.closeSync(stderr.writeEnd)
    const pid = child.pid
    if (pid === undefined) {
      Fs.closeSync(stdout.readEnd)
      Fs.closeSync(stderr.readEnd)
      child.once("error", (error: NodeJS.ErrnoException) =>
        options.onLaunchFailed(LaunchCheck.refusedBySystem(file, error.code ?? "", error.message))
      )
      return
    }
    let lastError = ""
    const outputs = [
      options.logs
        ? Output.read(stdout.readEnd, LogFraming.make(), ({ channel, text }) => options.onLine(channel, text))
        : Output.read(stdout.readEnd, LineFraming.ofBytes(), (line) => options.onLine("stdout", line)),
      Output.read(stderr.readEnd, LineFraming.ofBytes(), (line) => {
        lastError = LineFraming.withoutBreak(line)
        options.onLine("stderr", line)
      })
    ]
    mark = Strays.markOf(options.environment)
    const process: Running = { child, pid, outputs, peakMemoryBytes: undefined, thawedAt: -Infinity }
    running.set(options.id, process)
    Reaper.add(pid)
    child.on("error", () => {
      // A signal could not be sent: the group is gone, and `exit` tells the rest.
    })
    child.once("exit", (code, signal) => {
      // Processes that it left behind in its group are killed too, as when Lambda takes the sandbox away.
      Reaper.signalGroup(pid, "SIGKILL")
      Reaper.remove(pid)
      // The pipes hold all that it wrote. A descendant that left the group may hold them for ever, and is not waited
      // for.
      for (const output of outputs) output.end()
      const status: ExitStatus = signal === null ? { _tag: "Code", code: code ?? 0 } : { _tag: "Signal", signal }
      afterTurns(turnsAfterExit, () => {
        running.delete(options.id)
        for (const check of waiting) check()
        const isOptMounted = namespace?.mounts.some(({ target }) => target === "/opt") ?? false
        const path = options.environment.PATH ?? ""
        const advice = ExitAdvice.adviceFor({ status, file, path, isOptMounted, hostPath, lastError })
        options.onExit({ status, peakMemoryBytes: process.peakMemoryBytes, advice })
      })
    })
    options.onLaunched(pid)
  }

  return {
    launch,
    kill: (id, name) => {
      const process = running.get(id)
      if (process === undefined) return
      measure()
      const send = () => signal(process, name)
      if (name === "SIGKILL" || !wasThawedJustNow(process)) return send()
      runFork(Effect.andThen(awaitResumed(process), Effect.sync(send)))
    },
    drain: () => {
      for (const { outputs } of running.values()) for (const output of outputs) output.drain()
    },
    freeze: () => {
      isFrozen = true
      signalAll("SIGSTOP")
    },
    pause: (id) => {
      const process = running.get(id)
      if (process === undefined) return () => {}
      signal(process, "SIGSTOP")
      return () => {
        if (!isFrozen) signal(process, "SIGCONT")
      }
    },
    cutConnections: (runtimeApi, onCut) => {
      const groups = Array.from(running.values(), ({ pid }) => pid)
      runFork(
        Effect.map(Connections.cut(groups, runtimeApi), ({ connections, problem }) => onCut(connections, problem))
      )
    },
    thaw: () => {
      isFrozen = false
      signalAll("SIGCONT")
      for (const process of running.values()) process.thawedAt = performance.now()
    },
    measureMemory: () => {
      measure()
      let sum: number | undefined
      for (const process of running.values()) {
        if (process.peakMemoryBytes !== undefined) sum = (sum ?? 0) + process.peakMemoryBytes
      }
      return sum
    }
  }
})
