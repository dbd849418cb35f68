/** The program behind the bin `effect-lambda`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import process from "node:process"
import { run } from "./Run.ts"

const program = Effect.suspend(() => run(process.argv.slice(2)))

// NodeRuntime.runMain does not fit: Ctrl-C is the normal end of `emulate`, which handles it itself. process.exit does not
// fit either: it would drop output that is still on its way into a pipe.
Effect.runFork(Effect.provide(program, NodeServices.layer)).addObserver((exit) => {
  if (Exit.isSuccess(exit)) return
  process.exitCode ??= 1
  // The command has printed its errors; a defect is a bug of this program.
  if (Cause.hasDies(exit.cause)) process.stderr.write(`${Cause.pretty(exit.cause)}\n`)
})
