/**
 * Pipes for the output of processes. Node's `spawn` gives a process socket pairs, which behave otherwise than the pipes
 * of Lambda: they are full after some hundred short writes, and `/dev/stdout` cannot be opened. The system makes a pipe
 * for a path (`mkfifo`); the path is removed as soon as both ends are open.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as NodePath from "node:path"
import { EmulatorError, PipesUnavailable } from "../../EmulatorError.ts"

/** Descriptors of this process. Reading does not block, writing does. */
export interface Pipe {
  readonly readEnd: number
  readonly writeEnd: number
}

export interface Pipes {
  /** Pipes for one process; their ends belong to the caller from now on. Throws the system's error if it gives none. */
  readonly take: () => { readonly stdout: Pipe; readonly stderr: Pipe }
}

/** Starting `mkfifo` takes milliseconds, so it makes several: two for each of eight processes. */
const batchSize = 16

const open = (path: string): Pipe => {
  // The reader is opened first and does not block; the writer then finds a reader and does not block either.
  const readEnd = Fs.openSync(path, Fs.constants.O_RDONLY | Fs.constants.O_NONBLOCK)
  try {
    return { readEnd, writeEnd: Fs.openSync(path, Fs.constants.O_WRONLY) }
  } catch (error) {
    Fs.closeSync(readEnd)
    throw error
  }
}

/** The file system in memory that Linux has: a disk takes ten times as long for a path. */
const inMemory = "/dev/shm"

/** A folder for paths that are there for a moment; the one that `TMPDIR` names, if it names one. */
const folder = (): string => {
  const temporary = Os.tmpdir()
  if (temporary !== "/tmp") return temporary
  try {
    Fs.accessSync(inMemory, Fs.constants.W_OK | Fs.constants.X_OK)
    return inMemory
  } catch {
    // Another system, or a container without it.
    return temporary
  }
}

/** A caller may have a PATH without the programs of the system. */
const mkfifo = (): string => ["/usr/bin/mkfifo", "/bin/mkfifo"].find((file) => Fs.existsSync(file)) ?? "mkfifo"

/** Adds pipes to `unused`. Only this user may open a path while it exists. */
const refill = (unused: Array<Pipe>): void => {
  const directory = Fs.mkdtempSync(NodePath.join(folder(), "effect-lambda-pipes-"))
  try {
    const paths = Array.from({ length: batchSize }, (_, index) => NodePath.join(directory, String(index)))
    ChildProcess.execFileSync(mkfifo(), ["-m", "600", ...paths], {
      stdio: ["ignore", "ignore", "pipe"],
      timeout: 5000,
      killSignal: "SIGKILL"
    })
    for (const path of paths) unused.push(open(path))
  } finally {
    Fs.rmSync(directory, { recursive: true, force: true })
  }
}

/** The pipes of one environment; those that were not taken are closed with the scope. */
export const make: Effect.Effect<Pipes, EmulatorError, Scope.Scope> = Effect.gen(function* () {
  const unused: Array<Pipe> = []
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const { readEnd, writeEnd } of unused.splice(0)) {
        Fs.closeSync(readEnd)
        Fs.closeSync(writeEnd)
      }
    })
  )
  yield* Effect.try({
    try: () => refill(unused),
    catch: (cause) => new EmulatorError({ method: "Emulator.layer", reason: new PipesUnavailable({ cause }) })
  })
  return {
    take: () => {
      if (unused.length < 2) refill(unused)
      const [stdout, stderr] = unused.splice(0, 2)
      if (stdout === undefined || stderr === undefined) throw new Error("mkfifo made no pipes")
      return { stdout, stderr }
    }
  }
})
