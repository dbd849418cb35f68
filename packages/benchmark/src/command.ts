/** What the benchmarks share as commands: how counts are read, what is said of mistakes, and the exit codes. */

/** A count as it stands on the command line. */
interface Count {
  readonly name: string
  readonly text: string
  /** For the message. */
  readonly example: number
  readonly longestDigits: number
}

/** @throws Error with a sentence for the user */
export const count = ({ example, longestDigits, name, text }: Count): number => {
  if (!/^[1-9]\d*$/.test(text) || text.length > longestDigits) {
    throw new Error(
      `--${name} takes a whole number from 1 on, such as "--${name} ${example}", not ${JSON.stringify(text)}.`
    )
  }
  return Number(text)
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/**
 * Runs a benchmark with the flags of this process: 2 for a flag that cannot be read, 1 where it could not finish and,
 * with `--check`, where a budget is missed.
 */
export const run = async <Options extends { readonly check: boolean }>(benchmark: {
  readonly usage: string
  readonly parse: (args: ReadonlyArray<string>) => Options
  /** Measures and tells; the budgets that are missed. */
  readonly measure: (options: Options) => Promise<ReadonlyArray<string>>
}): Promise<void> => {
  let options: Options
  try {
    options = benchmark.parse(process.argv.slice(2))
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${benchmark.usage}`)
    process.exit(2)
  }
  if (process.platform !== "linux") {
    console.error("This benchmark reads CPU time and memory from /proc and therefore runs on Linux only.")
    process.exit(1)
  }
  try {
    const overBudget = await benchmark.measure(options)
    if (options.check && overBudget.length > 0) {
      console.error(`\nOver budget: ${overBudget.join(", ")}.`)
      process.exitCode = 1
    }
  } catch (error) {
    console.error(`The benchmark could not finish: ${messageOf(error)}`)
    process.exitCode = 1
  }
}
