/**
 * `pnpm bench:first-flush`: measures the first flush of a layer that ships telemetry, over our client and over `fetch`. It
 * falls into the first invocation, which is billed. Read the ratios: the milliseconds belong to the machine.
 */
import * as Checkout from "./checkout.ts"
import { type Benchmark, commandLine, type Options, run } from "./command.ts"
import { versusText } from "./compare.ts"
import { writeSection } from "./document.ts"
import { missed, resultOf, schemes, versusOf } from "./first-flush/figures.ts"
import { open } from "./first-flush/lab.ts"
import { live } from "./first-flush/life.ts"
import { toMarkdown, toText } from "./first-flush/report.ts"
import { type Both, needs, other, variants } from "./first-flush/variants.ts"
import { interleave } from "./interleave.ts"

const measure = async (layers: ReadonlyArray<Both>, { rounds, seed, size }: Options, signal: AbortSignal) => {
  const ships = layers.flatMap((layer) => schemes.map((scheme) => layer[scheme]))
  const lab = await open(signal)
  try {
    // This life does not count: it brings the files into the page cache, and this process up to speed.
    await interleave(ships, 1, seed, (ship) => live(lab, ship, size, signal))
    console.error(`${rounds} lives of ${ships.length} programs …\n`)
    return await interleave(ships, rounds, seed, (ship) => live(lab, ship, size, signal))
  } finally {
    lab.close()
  }
}

const benchmark: Benchmark = {
  name: "bench:first-flush",
  description: "Measures the first flush of a layer that ships telemetry, over our client and over fetch",
  size: { flag: "records", standard: 100, description: "Function logs before the flush" },
  needs,
  measure: async (options, signal) => {
    const { against } = options
    const checkout = await Checkout.here()
    const { bun, fetch, ours } = await variants(checkout, signal)
    // Ships are told apart as objects: this is the same layer under a second name.
    const again: Both = { http: { ...ours.http }, https: { ...ours.https } }
    const before = against === undefined ? undefined : await other(against, signal)
    const measured = await measure(
      [
        ours,
        fetch,
        ...(bun === undefined ? [] : [bun.ours, bun.fetch]),
        ...(before === undefined ? [] : [again, before])
      ],
      options,
      signal
    )
    const lives = (ship: Both["http"]) => measured.get(ship) ?? []
    const results = {
      node: resultOf(ours, fetch, lives),
      bun: bun === undefined ? undefined : resultOf(bun.ours, bun.fetch, lives)
    }
    console.log(toText(results, options))
    if (against !== undefined && before !== undefined) {
      console.log(versusText(checkout, against, versusOf(ours, before, again, lives)))
    }
    if (options.write) await writeSection("first-flush", commandLine(benchmark, options), toMarkdown(results, options))
    return missed(results.node)
  }
}

run(benchmark)
