import { parseArgs } from "node:util"
import { count } from "../command.ts"

export interface Options {
  /** How often each variant is started for the timings; a third of it for the long runs. */
  readonly rounds: number
  /** Invocations of one long run. */
  readonly events: number
  readonly check: boolean
  readonly write: boolean
}

export const usage = `usage: pnpm bench:lifecycle [--rounds N] [--events N] [--check] [--write]

  --rounds N  starts per variant, default 15; a third as many long runs
  --events N  invocations per long run, default 5000
  --check     exit with 1 if a budget is missed
  --write     put the result into docs/performance.md`

/** How often each variant runs for long. */
export const longRounds = (options: Options): number => Math.ceil(options.rounds / 3)

/** The command that gives the same measurement again. */
export const command = (options: Options): string =>
  `pnpm bench:lifecycle --rounds ${options.rounds} --events ${options.events}`

/** @throws Error with a sentence for the user */
export const parse = (args: ReadonlyArray<string>): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "15" },
      events: { type: "string", default: "5000" },
      check: { type: "boolean", default: false },
      write: { type: "boolean", default: false }
    }
  })
  return {
    rounds: count({ name: "rounds", text: values.rounds, example: 15, longestDigits: 7 }),
    events: count({ name: "events", text: values.events, example: 15, longestDigits: 7 }),
    check: values.check,
    write: values.write
  }
}
