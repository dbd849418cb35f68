/** `effect-lambda` in this process, for what is refused before another process starts: a start of the command is saved. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { vi } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Console as NodeConsole } from "node:console"
import { run } from "../../src/Run.ts"

/** The output that a person sees, and the exit code. The tests of main.ts, which start it, hold that a failure is exit code 1. */
export const refused = async (args: ReadonlyArray<string>) => {
  let output = ""
  const writes = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, "write").mockImplementation((text) => {
      output += String(text)
      return true
    })
  )
  const exit = await run(args).pipe(
    Effect.provideService(Console.Console, new NodeConsole(process.stdout, process.stderr)),
    Effect.provide(NodeServices.layer),
    Effect.runPromiseExit
  )
  for (const write of writes) write.mockRestore()
  // As main.ts does: a defect has no sentence.
  if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) output += Cause.pretty(exit.cause)
  return { code: Exit.isSuccess(exit) ? 0 : 1, output }
}
