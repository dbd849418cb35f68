/** All commands of `effect-lambda`, for arguments as a shell gives them. */
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import process from "node:process"
import manifest from "../package.json" with { type: "json" }
import { build } from "./commands/build.ts"
import { check } from "./commands/check.ts"
import { conform } from "./commands/conform.ts"
import { dev } from "./commands/dev.ts"
import { emptyArgument } from "./commands/EmptyArgument.ts"
import { emulate } from "./commands/emulate.ts"
import { newProject } from "./commands/new.ts"
import { trace } from "./commands/trace.ts"
import * as UserError from "./shared/UserError.ts"

const cli = Command.make("effect-lambda").pipe(
  Command.withDescription("AWS Lambda extensions: start, build, check and run them on this machine"),
  Command.withSubcommands([newProject, dev, build, check, conform, emulate, trace])
)

/** Of `conform` 1 says that a scenario failed. Whatever kept it from playing the scenarios is 2, wrong flags too. */
const noteFailure = (command: string | undefined) =>
  Effect.sync(() => {
    if (command === "conform") process.exitCode ??= 2
  })

/** Fails after it has printed why. */
export const run = Effect.fnUntraced(
  function* (args: ReadonlyArray<string>) {
    const problem = emptyArgument(args)
    if (problem === undefined) return yield* Command.runWith(cli, { version: manifest.version })(args)
    yield* Console.error(`\nERROR\n  ${problem}`)
    return yield* UserError.fail(problem)
  },
  (effect, args) => Effect.tapError(effect, () => noteFailure(args[0]))
)
