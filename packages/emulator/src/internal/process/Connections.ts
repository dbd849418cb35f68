/**
 * Cuts the connections of processes to the outside. Node cannot reach into another process; Python can, and Linux
 * permits it towards one's own processes.
 */
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import NodeProcess from "node:process"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("../../../bootstrap/connections.py", import.meta.url))

/** Time limit for the program, ms. */
const limitMs = 10_000

/** The result: how many connections are cut, and why others are not. */
export interface Cut {
  readonly connections: number
  readonly problem: string | undefined
}

const failed = (why: string): Cut => ({ connections: 0, problem: `connections to the outside stay open: ${why}` })

/**
 * The processes must be stopped before, or they open new connections while others are cut. Connections to `runtimeApi`,
 * `host:port`, stay.
 */
export const cut = (groups: ReadonlyArray<number>, runtimeApi: string): Effect.Effect<Cut> => {
  if (groups.length === 0) return Effect.succeed({ connections: 0, problem: undefined })
  if (NodeProcess.platform !== "linux") return Effect.succeed(failed("they can be cut on Linux only"))
  return Effect.callback((resume) => {
    const child = ChildProcess.execFile(
      "python3",
      ["-I", program, runtimeApi, ...groups.map(String)],
      { cwd: "/", timeout: limitMs, killSignal: "SIGKILL" },
      (error, stdout, stderr) => {
        if (error === null) {
          const [connections = "0", problem = ""] = stdout.trimEnd().split("\t")
          return resume(
            Effect.succeed({ connections: Number(connections), problem: problem === "" ? undefined : problem })
          )
        }
        const said = stderr.trim().split("\n").at(-1) || error.message
        resume(Effect.succeed(failed(error.code === "ENOENT" ? "python3 is needed to cut them" : said)))
      }
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })
}
