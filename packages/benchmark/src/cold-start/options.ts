import { parseArgs } from "node:util"

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

const count = (name: string, text: string): number => {
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    throw new Error(`--${name} takes a whole number from 1 on, such as "--${name} 21", not ${JSON.stringify(text)}.`)
  }
  return Number(text)
}

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
    rounds: count("rounds", values.rounds),
    events: count("events", values.events),
    check: values.check,
    write: values.write
  }
}
