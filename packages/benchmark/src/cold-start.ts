/**
 * `pnpm bench:cold-start`: what the built hello layer adds to a cold start beside a program without any library, as real
 * processes, interleaved in one run. Read the ratios: the milliseconds belong to the machine.
 */
import { resultOf } from "./cold-start/figures.ts"
import { initMillis } from "./cold-start/init.ts"
import { type Options, parse, usage } from "./cold-start/options.ts"
import { toText, writeDocument } from "./cold-start/report.ts"
import { build } from "./cold-start/variants.ts"
import { run } from "./command.ts"
import { interleave } from "./interleave.ts"
import { open, type Program } from "./platform.ts"

const measure = async ({ events, rounds }: Options) => {
  const { built, notes, others, raw, rawAgain } = await build()
  const programs = [raw, rawAgain, built, ...others]
  const subjects: ReadonlyArray<Program | undefined> = [undefined, ...programs]
  const platform = await open()
  try {
    // Not counted: it brings the files into the page cache, and this server up to speed.
    await interleave(programs, 1, (program) => platform.live(program, events))
    await interleave(subjects, 1, initMillis)
    console.error(`${rounds} lives of ${programs.length} programs …`)
    const lives = await interleave(programs, rounds, (program) => platform.live(program, events))
    console.error(`${rounds} inits with each of them and without …\n`)
    const inits = await interleave(subjects, rounds, initMillis)
    const result = resultOf({
      programs,
      raw,
      built,
      lives: (program) => lives.get(program) ?? [],
      inits: (program) => inits.get(program) ?? []
    })
    return { result, notes }
  } finally {
    platform.close()
  }
}

await run({
  usage,
  parse,
  measure: async (options) => {
    const { notes, result } = await measure(options)
    console.log(toText(result, options, notes))
    if (options.write) await writeDocument(result, options, notes)
    return result.budgets.filter(({ isMet }) => !isMet).map(({ label }) => label)
  }
})
