import { parseArgs } from "node:util"
import { count } from "../command.ts"

export interface Options {
  /** How often each variant is started, both alone and under the emulator. */
  readonly rounds: number
  /** Invocations after the start, for memory. */
  readonly events: number
  readonly check: boolean
  readonly write: boolean
}

export const usage = `usage: pnpm bench:cold-start [--rounds N] [--events N] [--check] [--write]

  --rounds N  starts per variant, default 21
  --events N  invocations after each start, for memory, default 1000
  --check     exit with 1 if a budget is missed
  --write     put the result into docs/performance.md`

/** The command that gives the same measurement again. */
export const command = (options: Options): string =>
  `pnpm bench:cold-start --rounds ${options.rounds} --events ${options.events}`

/** @throws Error with a sentence for the user */
export const parse = (args: ReadonlyArray<string>): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "21" },
      events: { type: "string", default: "1000" },
      check: { type: "boolean", default: false },
      write: { type: "boolean", default: false }
    }
  })
  return {
    rounds: count({ name: "rounds", text: values.rounds, example: 21, longestDigits: 6 }),
    events: count({ name: "events", text: values.events, example: 21, longestDigits: 6 }),
    check: values.check,
    write: values.write
  }
}
