/**
 * `pnpm bench:lifecycle`: measures the hello extension beside a program without any library. Both are real processes that
 * take turns in one run. Read the ratios: the milliseconds belong to the machine.
 */
import * as Checkout from "./checkout.ts"
import { type Benchmark, commandLine, type Options, run } from "./command.ts"
import { versusText } from "./compare.ts"
import { writeSection } from "./document.ts"
import { interleave } from "./interleave.ts"
import { type Lives, missed, resultOf, versusOf } from "./lifecycle/figures.ts"
import { longRounds, toMarkdown, toText } from "./lifecycle/report.ts"
import { again, build, needs, raw, rawSize } from "./lifecycle/variants.ts"
import { open, type Program } from "./platform.ts"

const shortLifeEvents = 3

const measure = async (options: Options, signal: AbortSignal) => {
  const { against, rounds, seed, size } = options
  const bare = raw()
  const checkout = await Checkout.here()
  const here = await build(checkout, "here")
  const other =
    against === undefined ? undefined : { checkout: against, ours: await build(against, "against"), again: again(here) }
  const pairs = [bare, here, ...(other === undefined ? [] : [other.again, other.ours])]
  const programs = pairs.flatMap(({ logging, quiet }) => [quiet, logging])
  const platform = await open(signal)
  try {
    // This life does not count: it brings the files into the page cache, and this server up to speed.
    await interleave(programs, 1, seed, (program) => platform.live(program, 500))
    console.error(`${rounds} short lives of ${programs.length} programs …`)
    const short = await interleave(programs, rounds, seed, (program) => platform.live(program, shortLifeEvents))
    console.error(`${longRounds(options)} lives of ${size} events each …\n`)
    const long = await interleave(programs, longRounds(options), seed, (program) => platform.live(program, size))
    const lives = (program: Program): Lives => ({ short: short.get(program) ?? [], long: long.get(program) ?? [] })
    return {
      result: resultOf(here, bare, await rawSize(), lives),
      versus: other === undefined ? [] : versusOf(here, other.ours, other.again, lives),
      checkout
    }
  } finally {
    platform.close()
  }
}

const benchmark: Benchmark = {
  name: "bench:lifecycle",
  description: "Measures the hello extension beside a program without any library",
  size: {
    flag: "events",
    standard: 5000,
    description: "Invocations of a long life, of which there are a third as many"
  },
  needs,
  measure: async (options, signal) => {
    const { checkout, result, versus } = await measure(options, signal)
    console.log(toText(result, options))
    if (options.against !== undefined) console.log(versusText(checkout, options.against, versus))
    if (options.write) await writeSection("lifecycle", commandLine(benchmark, options), toMarkdown(result, options))
    return missed(result)
  }
}

run(benchmark)
