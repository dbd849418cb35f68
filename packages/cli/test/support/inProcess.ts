/** `effect-lambda` in this process. Most of a short run is the start of its process, which is saved. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { vi } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Console as NodeConsole } from "node:console"
import { run } from "../../src/Run.ts"
import { withBundle } from "./trial.ts"

const streams = [process.stdout, process.stderr]
// The command listens for errors of its output until its process ends.
for (const stream of streams) stream.setMaxListeners(0)

/**
 * Runs the command, and gives what a person sees and the exit code. Tests of one file run one after the other. Signals,
 * a current folder, pipes that break and the start itself need the real process of `start` in cli.ts.
 */
export const inProcess = async (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) => {
  let output = ""
  const writes = streams.map((stream) =>
    vi.spyOn(stream, "write").mockImplementation((text) => {
      output += String(text)
      return true
    })
  )
  // The terminal of the person who runs the tests decides nothing.
  for (const name of ["FORCE_COLOR", "NO_COLOR"]) vi.stubEnv(name, undefined)
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  const { exitCode } = process
  process.exitCode = undefined
  const exit = await run(args).pipe(
    Effect.provideService(Console.Console, new NodeConsole(process.stdout, process.stderr)),
    Effect.provide(NodeServices.layer),
    withBundle,
    Effect.runPromiseExit
  )
  // As main.ts does: any failure is exit code 1, and a defect has no sentence.
  if (Exit.isFailure(exit)) process.exitCode ??= 1
  if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) output += Cause.pretty(exit.cause)
  const code = process.exitCode ?? 0
  process.exitCode = exitCode
  vi.unstubAllEnvs()
  for (const write of writes) write.mockRestore()
  return { code, output }
}
