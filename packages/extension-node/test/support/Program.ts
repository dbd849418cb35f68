/** A program of test/programs as a real process. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { bundled, compileCache } from "../../../tools/programs.ts"

const bun = join(
  import.meta.dirname,
  "../../../../node_modules/@oven",
  `bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`,
  "bin/bun"
)

/** The runtimes of the programs: Node, and bun if the registry has it for this machine. */
export const runtimes: ReadonlyArray<readonly [name: string, file: string]> = [
  ["Node", process.execPath],
  ...(existsSync(bun) ? [["bun", bun] as const] : [])
]

export const start = (program: string, env: Record<string, string>, runtime = process.execPath, isBundled = true) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const source = join(import.meta.dirname, "../programs", program)
      const file = isBundled ? await bundled(source, runtime === process.execPath ? "node" : "bun") : source
      const child = spawn(runtime, [file], {
        env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compileCache, ...env },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let output = ""
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text
        })
      }
      const exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> = once(
        child,
        "close"
      ).then(([code, signal]) => ({ code, signal }))
      return { child, output: () => output, exit: Effect.promise(() => exited) }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )
