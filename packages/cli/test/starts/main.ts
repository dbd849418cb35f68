/**
 * `npm run starts -- --runs 1000 --seed 1`: starts of a layer with `--start eager`, whose telemetry is refused until its
 * listener is up. Every record from platform.initStart on is at the backend or counted, or the command fails;
 * `--seed 1 --only 17` repeats one start and prints its journal.
 */
import { Timeline } from "@effect-lambda/emulator"
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
import process from "node:process"
import * as Disk from "../../src/shared/Disk.ts"
import * as Start from "./Start.ts"

class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const sentences = ({ doubled, missing, problems }: Start.Outcome): ReadonlyArray<string> => [
  ...problems,
  ...missing.map((key) => `neither arrived nor counted: ${key}`),
  ...doubled.map((key) => `arrived too often: ${key}`)
]

const starts = Command.make(
  "npm run starts --",
  {
    runs: Flag.Int("runs").pipe(
      Flag.withDescription("How many starts, 1 to 100000"),
      Flag.withSchema(between(1, 100_000)),
      Flag.withDefault(100)
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withDescription("What the choices are made from; the same seed makes the same plans"),
      Flag.withSchema(between(0, 2 ** 31)),
      Flag.withDefault(1)
    ),
    only: Flag.Int("only").pipe(
      Flag.withDescription("The number of the one start to repeat"),
      Flag.withSchema(between(0, 100_000)),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* ({ only, runs, seed }) {
    const folder = yield* Disk.temporaryFolder("effect-lambda-starts-")
    const opt = yield* Start.build(`starts-${process.pid}`, folder)
    const indexes = Option.isSome(only) ? [only.value] : Array.from({ length: runs }, (_, index) => index)
    yield* Console.log(`seed ${seed}, ${indexes.length} starts`)
    const sums = { late: 0, refused: 0, arrived: 0, repeated: 0, counted: 0, died: 0, failed: 0 }
    for (const index of indexes) {
      const plan = Start.plan(seed, index)
      const exit = yield* Effect.exit(Start.play(opt, plan))
      const said = Exit.isSuccess(exit) ? sentences(exit.value) : [Cause.pretty(exit.cause)]
      if (said.length > 0) {
        sums.failed++
        yield* Console.log(`FAILED --seed ${seed} --only ${index}: ${JSON.stringify(plan)}`)
        for (const sentence of said.slice(0, 5)) yield* Console.log(`  ${sentence}`)
      }
      if (plan.diesOnce) sums.died++
      if (Exit.isFailure(exit)) continue
      if (exit.value.refused > 0) sums.late++
      sums.refused += exit.value.refused
      sums.arrived += exit.value.arrived
      sums.repeated += exit.value.repeated
      sums.counted += exit.value.counted
      if (exit.value.counted > 0) {
        yield* Console.log(`${exit.value.counted} counted lost --only ${index}: ${JSON.stringify(plan)}`)
      }
      if (Option.isNone(only)) continue
      const timeline = Timeline.make({ names: ["extension"] })
      for (const entry of exit.value.entries) yield* Console.log(timeline.render(entry).slice(0, 300))
    }
    yield* Console.log(
      `${sums.late} starts in which deliveries were refused at first, ${sums.refused} refused deliveries, ` +
        `${sums.died} processes that died before they listened; ${sums.arrived} records arrived, ${sums.repeated} of them again, ${sums.counted} are counted lost`
    )
    if (sums.failed > 0) return yield* new Failed({ message: `${sums.failed} starts are not explained` })
  }, Effect.scoped)
).pipe(Command.withDescription("Eager starts whose telemetry is refused until the listener is up"))

Command.run(starts, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
