/**
 * The child processes of an environment: each in its own process group, with exactly the environment variables it is
 * given, without stdin, its output read line by line.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import NodeProcess from "node:process"
import type { Readable } from "node:stream"
import type { ExitStatus } from "./Journal.ts"

/**
 * A process to start. Either `onLaunchFailed` is called, or `onLaunched` and later, after the last line, `onExit`.
 *
 * @category models
 * @since 0.1.0
 */
export interface LaunchOptions {
  readonly id: number
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly cwd: string | undefined
  readonly environment: Readonly<Record<string, string>>
  readonly onLaunched: (pid: number) => void
  readonly onLaunchFailed: (errorType: "PermissionDenied" | "UnknownError", message: string) => void
  readonly onLine: (channel: "stdout" | "stderr", line: string) => void
  readonly onExit: (status: ExitStatus) => void
}

/**
 * The processes of one environment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Processes {
  readonly launch: (options: LaunchOptions) => void
  /** Signals the whole process group; a group that is gone already is no error. */
  readonly kill: (id: number, signal: "SIGTERM" | "SIGKILL") => void
}

/** A line longer than this many characters is cut into several, so that output without line breaks stays bounded. */
const maxLineLength = 1_048_576

/** Process groups of this Node process that run; all of them are killed when it exits without closing scopes. */
const livingGroups = new Set<number>()

const killLivingGroups = (): void => {
  for (const pid of livingGroups) signalGroup(pid, "SIGKILL")
}

const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    NodeProcess.kill(-pid, signal)
  } catch {
    // The group is gone.
  }
}

/** Calls back for each line; the decoder of the stream keeps characters whole across chunks. */
const readLines = (stream: Readable, onLine: (line: string) => void): void => {
  let rest = ""
  stream.setEncoding("utf8")
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) onLine(line.endsWith("\r") ? line.slice(0, -1) : line)
    while (rest.length > maxLineLength) {
      onLine(rest.slice(0, maxLineLength))
      rest = rest.slice(maxLineLength)
    }
  })
  stream.on("close", () => {
    if (rest !== "") onLine(rest)
    rest = ""
  })
}

/** `#!`, ELF and the two Mach-O formats. */
const executableMagic = new Set(["2321", "7f45", "cffa", "cafe"])

/** Node would hand a text file without `#!` to a shell; Lambda's exec refuses it, so it is refused here too. */
const launchProblem = (file: string): { readonly permission: boolean; readonly text: string } | undefined => {
  try {
    Fs.accessSync(file, Fs.constants.X_OK)
    const descriptor = Fs.openSync(file, "r")
    const start = Buffer.alloc(2)
    Fs.readSync(descriptor, start, 0, 2, 0)
    Fs.closeSync(descriptor)
    if (!executableMagic.has(start.toString("hex"))) return { permission: false, text: "exec format error" }
    return undefined
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "ENOENT") return { permission: false, text: "no such file or directory" }
    return { permission: true, text: "permission denied" }
  }
}

/**
 * Makes the processes of one environment. When the scope closes, and when this Node process exits, every process group
 * is killed; closing waits until the processes are collected, at most two seconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: Effect.Effect<Processes, never, Scope.Scope> = Effect.gen(function* () {
  const running = new Map<number, ChildProcess.ChildProcess>()
  const waiting = new Set<() => void>()
  const runFork = yield* FiberSet.makeRuntime<never>()

  const killAll = () => {
    for (const child of running.values()) if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL")
  }

  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => {
      killAll()
      const check = () => {
        if (running.size === 0) resume(Effect.void)
      }
      waiting.add(check)
      check()
    }).pipe(Effect.timeoutOption("2 seconds"), Effect.asVoid)
  )

  const launch = (options: LaunchOptions): void => {
    const [file, ...args] = options.command
    const fail = (permission: boolean, text: string) =>
      options.onLaunchFailed(permission ? "PermissionDenied" : "UnknownError", `fork/exec ${file}: ${text}`)
    const problem = file.includes("/") ? launchProblem(file) : undefined
    if (problem !== undefined) return fail(problem.permission, problem.text)

    const child = ChildProcess.spawn(file, args, {
      cwd: options.cwd,
      env: { ...options.environment },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"]
    })
    const pid = child.pid
    if (pid === undefined) {
      child.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EACCES") return fail(true, "permission denied")
        fail(false, error.code === "ENOENT" ? "no such file or directory" : error.message)
      })
      return
    }
    running.set(options.id, child)
    if (livingGroups.size === 0) NodeProcess.on("exit", killLivingGroups)
    livingGroups.add(pid)
    child.on("error", () => {
      // A signal that could not be sent: the group is gone, `exit` tells the rest.
    })
    readLines(child.stdout, (line) => options.onLine("stdout", line))
    readLines(child.stderr, (line) => options.onLine("stderr", line))
    child.once("exit", () => {
      // What the process left behind in its group goes with it, as when Lambda takes the sandbox away.
      signalGroup(pid, "SIGKILL")
      // A descendant that left the group may keep the pipes open for ever; `close` must come all the same.
      const closePipes = Effect.sync(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      })
      runFork(Effect.andThen(Effect.sleep("200 millis"), closePipes))
    })
    // `close` comes after the last line of output, so the journal shows output before the exit.
    child.once("close", (code, signal) => {
      running.delete(options.id)
      livingGroups.delete(pid)
      if (livingGroups.size === 0) NodeProcess.off("exit", killLivingGroups)
      for (const check of waiting) check()
      options.onExit(signal === null ? { _tag: "Code", code: code ?? 0 } : { _tag: "Signal", signal })
    })
    options.onLaunched(pid)
  }

  return {
    launch,
    kill: (id, signal) => {
      const pid = running.get(id)?.pid
      if (pid !== undefined) signalGroup(pid, signal)
    }
  }
})
