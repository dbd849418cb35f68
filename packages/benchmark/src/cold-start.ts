/**
 * `pnpm bench:cold-start`: measures the time that the built hello layer adds to a cold start, beside a program without any
 * library. Both are real processes that take turns in one run. Read the ratios: the milliseconds belong to the machine.
 */
import * as Checkout from "./checkout.ts"
import { type Measured, resultOf, versusOf } from "./cold-start/figures.ts"
import { initMillis } from "./cold-start/init.ts"
import { toMarkdown, toText } from "./cold-start/report.ts"
import { bare, layers, needs } from "./cold-start/variants.ts"
import { type Benchmark, commandLine, type Options, run } from "./command.ts"
import { versusText } from "./compare.ts"
import { writeSection } from "./document.ts"
import { interleave } from "./interleave.ts"
import { open, type Program } from "./platform.ts"

const measure = async (
  programs: ReadonlyArray<Program>,
  { rounds, seed, size }: Options,
  signal: AbortSignal
): Promise<Measured> => {
  const subjects: ReadonlyArray<Program | undefined> = [undefined, ...programs]
  const init = (program: Program | undefined) => initMillis(program, signal)
  const platform = await open(signal)
  try {
    // This life does not count: it brings the files into the page cache, and this server up to speed.
    await interleave(programs, 1, seed, (program) => platform.live(program, size))
    await interleave(subjects, 1, seed, init)
    console.error(`${rounds} lives of ${programs.length} programs …`)
    const lives = await interleave(programs, rounds, seed, (program) => platform.live(program, size))
    console.error(`${rounds} inits with each of them and without …\n`)
    const inits = await interleave(subjects, rounds, seed, init)
    return { lives: (program) => lives.get(program) ?? [], inits: (program) => inits.get(program) ?? [] }
  } finally {
    platform.close()
  }
}

const benchmark: Benchmark = {
  name: "bench:cold-start",
  description:
    "Measures the time that the built hello layer adds to a cold start, beside a program without any library",
  size: { flag: "events", standard: 1000, description: "Invocations after each start, for memory" },
  needs,
  measure: async (options, signal) => {
    const { against } = options
    const { floor, notes, raw, rawAgain } = await bare()
    const checkout = await Checkout.here()
    const here = await layers(checkout, "here", signal)
    const [built] = here
    if (built === undefined) throw new Error("no layer was built")
    const programs = [raw, rawAgain, ...here.map(({ program }) => program), ...floor]
    const others = against === undefined ? [] : await layers(against, "against", signal)
    const again = { ...built.program, label: "built layer again" }
    const compared = against === undefined ? [] : [again, ...others.map(({ program }) => program)]
    const measured = await measure([...programs, ...compared], options, signal)
    const result = resultOf(measured, programs, raw, built.program)
    console.log(toText(result, options, notes))
    if (against !== undefined) console.log(versusText(checkout, against, versusOf(measured, here, others, again)))
    if (options.write) {
      await writeSection("cold-start", commandLine(benchmark, options), toMarkdown(result, options, notes))
    }
    return result.budgets.filter(({ isMet }) => !isMet).map(({ label }) => label)
  }
}

run(benchmark)
