/**
 * `pnpm bench:lifecycle`: the hello extension beside a program without any library, as real processes, interleaved in
 * one run. Read the ratios: the milliseconds belong to the machine.
 */
import { run } from "./command.ts"
import { interleave } from "./interleave.ts"
import { missed, type Lives, resultOf } from "./lifecycle/figures.ts"
import { longRounds, type Options, parse, usage } from "./lifecycle/options.ts"
import { toText, writeDocument } from "./lifecycle/report.ts"
import { build } from "./lifecycle/variants.ts"
import { open, type Program } from "./platform.ts"

const shortLifeEvents = 3

const measure = async (options: Options) => {
  const variants = await build()
  const { logging, quiet } = variants
  const programs = [quiet.raw, quiet.hello, logging.raw, logging.hello]
  const platform = await open()
  try {
    // Not counted: it brings the files into the page cache, and this server up to speed.
    await interleave(programs, 1, (program) => platform.live(program, 500))
    console.error(`${options.rounds} short lives of ${programs.length} programs …`)
    const short = await interleave(programs, options.rounds, (program) => platform.live(program, shortLifeEvents))
    console.error(`${longRounds(options)} lives of ${options.events} events each …\n`)
    const long = await interleave(programs, longRounds(options), (program) => platform.live(program, options.events))
    const lives = (program: Program): Lives => ({ short: short.get(program) ?? [], long: long.get(program) ?? [] })
    return resultOf(variants, lives)
  } finally {
    platform.close()
  }
}

await run({
  usage,
  parse,
  measure: async (options) => {
    const result = await measure(options)
    console.log(toText(result, options))
    if (options.write) await writeDocument(result, options)
    return missed(result).map((row) => row.label)
  }
})
