/** The program behind the bin `effect-lambda`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import process from "node:process"
import { emptyArgument } from "./EmptyArgument.ts"
import { build } from "./commands/build.ts"
import { check } from "./commands/check.ts"
import { dev } from "./commands/dev.ts"
import { emulate } from "./commands/emulate.ts"
import { newProject } from "./commands/new.ts"
import { trace } from "./commands/trace.ts"
import * as UserError from "./UserError.ts"
import manifest from "../package.json" with { type: "json" }

const cli = Command.make("effect-lambda").pipe(
  Command.withDescription("AWS Lambda extensions: start, build, check and run them on this machine"),
  Command.withSubcommands([newProject, dev, build, check, emulate, trace])
)

const program = Effect.suspend(() => {
  const problem = emptyArgument(process.argv.slice(2))
  if (problem === undefined) return Command.run(cli, { version: manifest.version })
  process.stderr.write(`\nERROR\n  ${problem}\n`)
  return UserError.fail(problem)
})

// NodeRuntime.runMain does not fit: Ctrl-C is the normal end of `emulate`, which handles it itself. process.exit does not
// fit either: it would drop output that is still on its way into a pipe.
Effect.runFork(Effect.provide(program, NodeServices.layer)).addObserver((exit) => {
  if (Exit.isSuccess(exit)) return
  process.exitCode = 1
  // The command has printed its errors; a defect is a bug of this program.
  if (Cause.hasDies(exit.cause)) process.stderr.write(`${Cause.pretty(exit.cause)}\n`)
})
