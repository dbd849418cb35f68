import { spawn } from "node:child_process"
import { join } from "node:path"
import { bundled, compileCache } from "../../../tools/programs.ts"
import { source as trial } from "./trial.ts"

/** The program behind the bin, which only looks at the version of Node: Packages.test.ts runs it. */
export const program = await bundled(join(import.meta.dirname, "../../src/main.ts"), "node", [trial])

/** `effect-lambda` as a person runs it: a process, its output and its exit code. */
export const start = (
  args: ReadonlyArray<string>,
  options: {
    readonly env?: Readonly<Record<string, string>>
    readonly cwd?: string
    /** Standard input is nothing, or a pipe that stays open. */
    readonly stdin?: "pipe"
    /** A file descriptor instead of the pipe that is read here. */
    readonly stdout?: number
  } = {}
) => {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: options.cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NODE_COMPILE_CACHE: compileCache, ...options.env },
    stdio: [options.stdin ?? "ignore", options.stdout ?? "pipe", "pipe"]
  })
  let output = ""
  let wake = () => {}
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text
      wake()
    })
  }
  const ended = new Promise<{ readonly code: number | null; readonly output: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, output }))
  })
  /** Waits for text in the output; the minute is a bound for a process that hangs. */
  const seen = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited in vain for ${pattern}:\n${output}`)), 60_000)
      wake = () => {
        const match = pattern.exec(output)
        if (match === null) return
        clearTimeout(timer)
        resolve(match)
      }
      wake()
    })
  return { child, ended, seen }
}
