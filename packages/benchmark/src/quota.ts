/**
 * `pnpm bench:quota`: measures the time that built layers add to a cold start when the function and the extension share
 * the CPU of a small function. Read the differences between programs: the milliseconds belong to the machine.
 */
import { join } from "node:path"
import { packageFolder } from "./bundle.ts"
import * as Checkout from "./checkout.ts"
import { coldStart, nodeFunction } from "./cold-start/first-invocation.ts"
import { bare } from "./cold-start/natives.ts"
import { layers, needs, starts as variants } from "./cold-start/variants.ts"
import { type Benchmark, commandLine, type Options, run } from "./command.ts"
import { versusText } from "./compare.ts"
import { writeSection } from "./document.ts"
import { interleave } from "./interleave.ts"
import { open, type Platform, type Program } from "./platform.ts"
import * as Cgroup from "./quota/cgroup.ts"
import { type Condition, conditionsOf, memories, type Pair, resultOf, type Starts, versusOf } from "./quota/figures.ts"
import { toMarkdown, toText } from "./quota/report.ts"
import * as Wrapper from "./quota/wrapper.ts"

const folder = join(packageFolder, "dist/programs/quota")

/** The starts of every program under every condition, with the processes in the group. */
const measure = async (
  group: Cgroup.Group,
  wrapper: Wrapper.Wrapper,
  conditions: ReadonlyArray<Condition>,
  programs: ReadonlyArray<Program>,
  { rounds, seed, size }: Options,
  signal: AbortSignal
): Promise<Starts> => {
  const wrapped = await Promise.all(
    programs.map(async (program) => [program, await wrapper.extension(program)] as const)
  )
  const subjects = conditions.flatMap((condition) =>
    [[undefined, undefined] as const, ...wrapped].map(([program, extension]) => ({ condition, program, extension }))
  )
  const start = ({ condition, extension }: (typeof subjects)[number]) => {
    const { function: beside, megabytes, mode } = condition
    const quota = Cgroup.quotaOf(megabytes, size * 1000)
    group.limit(mode === "throttled throughout" ? quota : undefined)
    return coldStart(
      {
        extension,
        function: wrapper.function(beside),
        afterInit: () => group.limit(quota),
        // The processes end sooner without a limit.
        atEnd: () => group.limit(undefined)
      },
      signal
    )
  }
  // These starts do not count: they bring the files into the page cache.
  const largest = subjects.filter(({ condition }) => condition.megabytes === memories.at(-1))
  await interleave(largest, 1, seed, start)
  console.error(`${rounds} rounds of ${subjects.length} cold starts …`)
  const measured = await interleave(subjects, rounds, seed, start)
  return (condition, program) => {
    const subject = subjects.find((one) => one.condition === condition && one.program === program)
    return (subject && measured.get(subject)) ?? []
  }
}

const inGroup = async (
  group: Cgroup.Group,
  platform: Platform,
  options: Options,
  signal: AbortSignal
): Promise<ReadonlyArray<string>> => {
  const { against } = options
  const { sinkUrl } = platform
  const { go, nativeFunction, notes, raw, rust } = await bare(folder, signal)
  const checkout = await Checkout.here()
  const here = await layers(variants, { checkout, side: "here", folder, sinkUrl, signal })
  const others = against && (await layers(variants, { checkout: against, side: "against", folder, sinkUrl, signal }))
  const programs = [raw, ...here.layers.map(({ program }) => program)].concat(
    [go, rust].filter((program) => program !== undefined)
  )
  const pairs = here.layers.flatMap((layer, index): ReadonlyArray<Pair> => {
    const other = others?.layers.find(({ variant }) => variant === layer.variant)
    if (other === undefined) return []
    const again = index === 0 ? { ...layer.program, label: `${layer.program.label}, again` } : undefined
    return [{ here: layer.program, against: other.program, again }]
  })
  const wrapper = await Wrapper.make(join(folder, "wrappers"), group.processesFile)
  const cost = wrapper.cost(options.rounds * 5)
  const conditions = conditionsOf([nodeFunction, nativeFunction])
  const more = pairs.flatMap(({ again, against }) => (again === undefined ? [against] : [again, against]))
  const compared = [...programs, ...more]
  const starts = await measure(group, wrapper, conditions, compared, options, signal)
  const result = resultOf(conditions, programs, starts)
  const allNotes = [...notes, ...here.notes]
  console.log(toText(result, options, cost, allNotes))
  if (against !== undefined && others !== undefined) {
    console.log(versusText(checkout, against, versusOf(conditions, pairs, starts)))
    console.log(others.notes.join("\n"))
  }
  if (options.write)
    await writeSection("quota", commandLine(benchmark, options), toMarkdown(result, options, cost, allNotes))
  return result.budgets.filter(({ isMet }) => !isMet).map(({ label }) => label)
}

const benchmark: Benchmark = {
  name: "bench:quota",
  description: "Measures the time that built layers add to a cold start under the CPU quotas of small functions",
  size: { flag: "period", standard: 20, description: "Milliseconds of the period of the quota" },
  standardRounds: 9,
  needs,
  measure: async (options, signal) => {
    // A period that Linux does not take is said before anything is built.
    for (const megabytes of memories) Cgroup.quotaOf(megabytes, options.size * 1000)
    const group = Cgroup.open()
    if (typeof group === "string") {
      console.log(group)
      if (options.write) await writeSection("quota", commandLine(benchmark, options), group)
      return []
    }
    const platform = await open(signal)
    try {
      return await inGroup(group, platform, options, signal)
    } finally {
      platform.close()
      await group.remove()
    }
  }
}

run(benchmark)
