/** The parts that all benchmark commands share: flags, Ctrl-C, and the exit code. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type Checkout, find } from "./checkout.ts"

export interface Options {
  /** The number of times that each program is measured. */
  readonly rounds: number
  /** The number that belongs to the benchmark, such as the work of each program in one life. */
  readonly size: number
  /** The seed of the order in the rounds. */
  readonly seed: number
  readonly against: Checkout | undefined
  readonly check: boolean
  readonly write: boolean
}

export interface Benchmark {
  /** The name of the script, as in `pnpm bench:lifecycle`. */
  readonly name: string
  readonly description: string
  readonly size: { readonly flag: string; readonly description: string; readonly standard: number }
  /** Default: 20. */
  readonly standardRounds?: number
  /** The files that another checkout must have for a comparison. */
  readonly needs: ReadonlyArray<string>
  /**
   * Measures, prints the report, and gives the budgets that are missed.
   *
   * @param signal ends every process that is running
   */
  readonly measure: (options: Options, signal: AbortSignal) => Promise<ReadonlyArray<string>>
}

/** The command that repeats the same measurement. */
export const commandLine = ({ name, size }: Benchmark, options: Options): string =>
  `pnpm ${name} --rounds ${options.rounds} --${size.flag} ${options.size} --seed ${options.seed}`

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))

const fail = (cause: unknown) =>
  new CliError.UserError({ cause: cause instanceof Error ? cause.message : String(cause) })

/** Interruption ends the processes, and waits until they have ended. */
const measured = (benchmark: Benchmark, options: Options) =>
  Effect.callback<ReadonlyArray<string>, CliError.UserError>((resume, signal) => {
    const settled = benchmark.measure(options, signal).then(
      (missed) => resume(Effect.succeed(missed)),
      (cause) => resume(Effect.fail(fail(cause)))
    )
    return Effect.promise(() => settled)
  })

export const make = (benchmark: Benchmark) => {
  const { description, name, needs, size, standardRounds = 20 } = benchmark
  return Command.make(
    name,
    {
      rounds: Flag.Int("rounds").pipe(
        Flag.withDescription(`The number of times that each program is measured; default: ${standardRounds}`),
        Flag.withSchema(Count),
        Flag.withDefault(standardRounds)
      ),
      size: Flag.Int(size.flag).pipe(
        Flag.withDescription(`${size.description}; default: ${size.standard}`),
        Flag.withSchema(Count),
        Flag.withDefault(size.standard)
      ),
      seed: Flag.Int("seed").pipe(
        Flag.withDescription("The seed of the order in which the programs of a round are measured; default: 1"),
        Flag.withDefault(1)
      ),
      against: Flag.Path("against").pipe(
        Flag.withMetavar("DIR"),
        Flag.withDescription("Measure the same programs of another checkout too, and compare"),
        Flag.optional
      ),
      check: Flag.Boolean("check").pipe(
        Flag.withDescription("Exit with 1 if a budget is missed"),
        Flag.withDefault(false)
      ),
      write: Flag.Boolean("write").pipe(
        Flag.withDescription("Put the result into docs/performance.md, without the comparison"),
        Flag.withDefault(false)
      )
    },
    Effect.fnUntraced(function* ({ against, ...flags }) {
      if (process.platform !== "linux") {
        return yield* fail("This benchmark reads CPU time and memory from /proc and therefore runs on Linux only.")
      }
      const other = Option.isNone(against)
        ? undefined
        : yield* Effect.tryPromise({ try: () => find(against.value, needs), catch: fail })
      const missed = yield* measured(benchmark, { ...flags, against: other })
      if (flags.check && missed.length > 0) return yield* fail(`Over budget: ${missed.join(", ")}.`)
    })
  ).pipe(Command.withDescription(description))
}

export const run = (benchmark: Benchmark): void =>
  Command.run(make(benchmark), { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
