import { parseArgs } from "node:util"
import { count } from "../command.ts"

export interface Options {
  /** How often each server is started. */
  readonly rounds: number
  /** Batches per life, after the warm-up. */
  readonly batches: number
  readonly check: boolean
  readonly write: boolean
}

export const usage = `usage: pnpm bench:telemetry [--rounds N] [--batches N] [--check] [--write]

  --rounds N   lives per server, default 9
  --batches N  batches of 1000 events per life, default 1000
  --check      exit with 1 if a budget is missed
  --write      put the result into docs/performance.md`

export const floodRounds = 3

/** The command that gives the same measurement again. */
export const command = (options: Options): string =>
  `pnpm bench:telemetry --rounds ${options.rounds} --batches ${options.batches}`

/** @throws Error with a sentence for the user */
export const parse = (args: ReadonlyArray<string>): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "9" },
      batches: { type: "string", default: "1000" },
      check: { type: "boolean", default: false },
      write: { type: "boolean", default: false }
    }
  })
  return {
    rounds: count({ name: "rounds", text: values.rounds, example: 9, longestDigits: 6 }),
    batches: count({ name: "batches", text: values.batches, example: 9, longestDigits: 6 }),
    check: values.check,
    write: values.write
  }
}
