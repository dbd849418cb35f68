/** A program of test/programs as a real process. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { bundled, compileCache, onLlrt } from "../../../tools/programs.ts"
import type { RuntimeName } from "../../../test/runtimes/scenario.ts"

const bun = join(
  import.meta.dirname,
  "../../../../node_modules/@oven",
  `bun-${process.platform}-${process.arch === "arm64" ? "aarch64" : process.arch}`,
  "bin/bun"
)

/** The runtimes that `npm test` has: Node, and bun if the registry has it for this machine. */
export const runtimes: ReadonlyArray<RuntimeName> = existsSync(bun) ? ["Node", "bun"] : ["Node"]

const commandOf = async (
  program: string,
  runtime: RuntimeName,
  isBundled: boolean
): Promise<readonly [file: string, args: ReadonlyArray<string>, env: Record<string, string>]> => {
  const source = join(import.meta.dirname, "../programs", program)
  switch (runtime) {
    case "Node":
      return [process.execPath, [isBundled ? await bundled(source) : source], { NODE_COMPILE_CACHE: compileCache }]
    case "bun":
      return [bun, [isBundled ? await bundled(source, "bun") : source], {}]
    case "LLRT":
      // The entry of a layer gives the name. On LLRT there is no layer without an entry.
      return [await onLlrt(source), [], { EFFECT_LAMBDA_EXTENSION_NAME: program }]
  }
}

/** @param isBundled `false` starts the source, for the places in it; LLRT has the bundle always */
export const start = (program: string, env: Record<string, string>, runtime: RuntimeName = "Node", isBundled = true) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const [file, args, own] = await commandOf(program, runtime, isBundled)
      const child = spawn(file, args, {
        env: { PATH: process.env.PATH, ...own, ...env },
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
