import { parseArgs } from "node:util"

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

const count = (name: string, text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    throw new Error(`--${name} takes a whole number from 1 on, such as "--${name} 9", not ${JSON.stringify(text)}.`)
  }
  return Number(text)
}

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
    rounds: count("rounds", values.rounds),
    batches: count("batches", values.batches),
    check: values.check,
    write: values.write
  }
}
