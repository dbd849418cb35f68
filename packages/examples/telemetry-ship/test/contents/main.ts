/**
 * `npm run matrix -- --runs 1000 --seed 1`: faults at random against the contents at the backend. Every line that the
 * function printed is explained, or the command fails; `--seed 1 --only 17` repeats one run and prints its journal.
 */
import { Journal, Timeline } from "@effect-lambda/emulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Plan from "./Plan.ts"
import * as Report from "./Report.ts"
import * as Run from "./Run.ts"

class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** A run by itself, with everything that was seen. */
const playOnly = Effect.fnUntraced(function* (seed: number, only: number) {
  const plan = Plan.make(seed, only)
  yield* Console.log(Report.describe(plan))
  const outcome = yield* Run.play(plan)
  const timeline = Timeline.make({ names: ["contents.ts"] })
  for (const entry of outcome.entries.filter((entry) => !Journal.is("Output")(entry) || entry.source !== "runtime")) {
    yield* Console.log(timeline.render(entry).slice(0, 400))
  }
  for (const { body, id, status } of outcome.requests) yield* Console.log(`${id}: ${body.length} characters, ${status}`)
  for (const held of outcome.held) yield* Console.log(Report.describeHeld(held))
  yield* Console.log(JSON.stringify(outcome.fates))
  if (outcome.problems.length > 0) return yield* new Failed({ message: outcome.problems.join("\n") })
})

const matrix = Command.make(
  "npm run matrix --",
  {
    runs: Flag.Int("runs").pipe(
      Flag.withDescription("How many runs, 1 to 100000; twenty have each strategy with each sink once"),
      Flag.withSchema(between(1, 100_000)),
      Flag.withDefault(100)
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withDescription("What the choices are made from; the same seed makes the same plans"),
      Flag.withSchema(between(0, 2 ** 31)),
      Flag.withDefault(1)
    ),
    only: Flag.Int("only").pipe(
      Flag.withDescription("The number of the one run to repeat"),
      Flag.withSchema(between(0, 100_000)),
      Flag.optional
    ),
    atATime: Flag.Int("at-a-time").pipe(
      Flag.withDescription("How many environments run at the same time"),
      Flag.withSchema(between(1, 64)),
      Flag.withDefault(3)
    )
  },
  Effect.fnUntraced(function* ({ atATime, only, runs, seed }) {
    if (Option.isSome(only)) return yield* playOnly(seed, only.value)
    const report = Report.make()
    yield* Console.log(`seed ${seed}, ${runs} runs, ${atATime} at a time`)
    yield* Effect.forEach(
      Array.from({ length: runs }, (_, index) => index),
      Effect.fnUntraced(function* (index) {
        const plan = Plan.make(seed, index)
        const exit = yield* Effect.exit(Run.play(plan))
        const problems = Exit.isSuccess(exit) ? exit.value.problems : [Cause.pretty(exit.cause)]
        if (Exit.isSuccess(exit)) report.add(plan, exit.value)
        if (problems.length > 0) {
          report.failed()
          yield* Console.log(`FAILED --seed ${seed} --only ${index}: ${Report.describe(plan)}`)
          for (const problem of problems.slice(0, 5)) yield* Console.log(`  ${problem}`)
        }
      }),
      { concurrency: atATime, discard: true }
    )
    yield* Console.log(report.text())
    if (report.failures() > 0) return yield* new Failed({ message: `${report.failures()} runs are not explained` })
  }, Effect.scoped)
).pipe(Command.withDescription("Faults at random against the contents at the backend"))

Command.run(matrix, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
