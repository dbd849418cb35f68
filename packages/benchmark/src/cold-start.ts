/**
 * `pnpm bench:cold-start`: measures the time that built layers add to a cold start, beside programs without any library.
 * All are real processes that take turns in one run. Read the ratios: the milliseconds belong to the machine.
 */
import { join } from "node:path"
import { packageFolder } from "./bundle.ts"
import * as Checkout from "./checkout.ts"
import { longLifeEvents, type Measured, resultOf, versusOf } from "./cold-start/figures.ts"
import { coldStart, type ColdStart, type FunctionOfRun, nodeFunction } from "./cold-start/first-invocation.ts"
import { bare } from "./cold-start/natives.ts"
import { longRounds, toMarkdown, toText } from "./cold-start/report.ts"
import * as Sizes from "./cold-start/sizes.ts"
import { layers, needs, onLlrt, otel, parts, starts } from "./cold-start/variants.ts"
import { type Benchmark, commandLine, type Options, run } from "./command.ts"
import { versusText } from "./compare.ts"
import { writeSection } from "./document.ts"
import { interleave } from "./interleave.ts"
import * as Llrt from "./llrt.ts"
import { open, type Platform, type Program } from "./platform.ts"

const folder = join(packageFolder, "dist/programs/cold-start")

/** The programs that are compared over a long life. */
const isLong = ({ label }: Program) =>
  label === "raw.cjs" || label === "hello, ready" || label === "hello on LLRT, ready"

const measure = async (
  platform: Platform,
  programs: ReadonlyArray<Program>,
  functions: ReadonlyArray<FunctionOfRun>,
  options: Options,
  signal: AbortSignal
): Promise<Measured> => {
  const { rounds, seed, size } = options
  const subjects = functions.flatMap((beside) =>
    [undefined, ...programs].map((extension) => ({ extension, function: beside }))
  )
  const start = (subject: (typeof subjects)[number]) => coldStart(subject, signal)
  // This life does not count: it brings the files into the page cache, and this server up to speed.
  await interleave(programs, 1, seed, (program) => platform.live(program, size))
  await interleave(subjects, 1, seed, start)
  console.error(`${rounds} lives of ${programs.length} programs …`)
  const lives = await interleave(programs, rounds, seed, (program) => platform.live(program, size))
  const long = programs.filter(isLong)
  console.error(`${longRounds(options)} lives of ${long.length} programs with ${longLifeEvents} events each …`)
  const longLives = await interleave(long, longRounds(options), seed, (program) =>
    platform.live(program, longLifeEvents)
  )
  console.error(`${rounds} cold starts of ${subjects.length} pairs of a function and an extension …\n`)
  const started = await interleave(subjects, rounds, seed, start)
  return {
    lives: (program) => lives.get(program) ?? [],
    longLives: (program) => longLives.get(program) ?? [],
    functions,
    starts: (program, beside): ReadonlyArray<ColdStart> => {
      const subject = subjects.find((one) => one.extension === program && one.function === beside)
      return (subject && started.get(subject)) ?? []
    }
  }
}

const benchmark: Benchmark = {
  name: "bench:cold-start",
  description: "Measures the time that built layers add to a cold start, beside programs without any library",
  size: { flag: "events", standard: 200, description: "Invocations after each start, for memory" },
  needs,
  measure: async (options, signal) => {
    const { against } = options
    const { c, go, nativeFunction, notes, raw, rawAgain, rust } = await bare(folder, signal)
    const checkout = await Checkout.here()
    const platform = await open(signal)
    try {
      const { sinkUrl } = platform
      const llrt = await Llrt.find(checkout)
      const variants = [...starts, otel, ...parts, ...("path" in llrt ? onLlrt(llrt.path) : [])]
      const here = await layers(variants, { checkout, side: "here", folder, sinkUrl, signal })
      const others =
        against && (await layers(variants, { checkout: against, side: "against", folder, sinkUrl, signal }))
      const sizes = await Sizes.measure({ checkout, folder, sinkUrl, llrt, signal })
      const [first] = here.layers
      if (first === undefined) throw new Error("no layer was built")
      const again = { ...first.program, label: `${first.program.label}, again` }
      const programs = [raw, rawAgain, ...here.layers.map(({ program }) => program)].concat(
        [go, rust, c].filter((program) => program !== undefined)
      )
      const compared = others === undefined ? [] : [again, ...others.layers.map(({ program }) => program)]
      const functions = [nodeFunction, nativeFunction]
      const measured = await measure(platform, [...programs, ...compared], functions, options, signal)
      const lives = resultOf(measured, programs, raw)
      const result = { ...lives, budgets: [...lives.budgets, ...Sizes.budgetsOf(sizes)] }
      const notesHere = [...notes, ...here.notes, ...("note" in llrt ? [llrt.note] : [])]
      console.log(toText(result, sizes, options, notesHere))
      if (against !== undefined && others !== undefined) {
        console.log(versusText(checkout, against, versusOf(measured, here.layers, others.layers, again)))
        console.log(others.notes.join("\n"))
      }
      if (options.write) {
        await writeSection("cold-start", commandLine(benchmark, options), toMarkdown(result, sizes, options, notesHere))
      }
      return result.budgets.filter(({ isMet }) => !isMet).map(({ figure, program }) => `${program}: ${figure}`)
    } finally {
      platform.close()
    }
  }
}

run(benchmark)
