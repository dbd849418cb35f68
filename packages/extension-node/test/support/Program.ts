/** A program of test/programs as a real process. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

export const start = (program: string, env: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [join(import.meta.dirname, "../programs", program)], {
        env: { PATH: process.env.PATH, ...env },
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
