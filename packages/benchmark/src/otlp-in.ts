/**
 * `pnpm bench:otlp-in`: measures our receiver of OTLP beside a bare server on node:net that only holds the bytes. Both are real
 * processes that the same client feeds in turns.
 */
import { join } from "node:path"
import { bundle, packageFolder } from "./bundle.ts"
import * as Checkout from "./checkout.ts"
import { type Benchmark, commandLine, type Options, run } from "./command.ts"
import { compare, type Figure, versusText, type Versus } from "./compare.ts"
import { writeSection } from "./document.ts"
import { type Load, makeLoads } from "./otlp-in/bodies.ts"
import { labelOf, missed, resultOf, toMarkdown, toText } from "./otlp-in/report.ts"
import { round } from "./otlp-in/round.ts"
import { stayOnOneCpu } from "./proc.ts"
import type { Server } from "./telemetry/server.ts"

const entry = "packages/benchmark/src/entries/otlp-in.ts"

const raw: Server = { label: "raw-otlp-in.cjs", file: join(packageFolder, "fixtures/raw-otlp-in.cjs"), env: {} }
const serverOf = (label: string, file: string): Server => ({ label, file, env: {} })

const measure = async ({ against, rounds, seed, size }: Options, here: Checkout.Checkout, signal: AbortSignal) => {
  const file = await bundle(here, "here", entry)
  const ours = serverOf("ours", file)
  const again = serverOf("ours again", file)
  const other = against && serverOf(`ours of ${against.name}`, await bundle(against, "against", entry))
  const servers = other === undefined ? [raw, ours] : [raw, ours, again, other]
  const loads = await makeLoads()
  stayOnOneCpu()

  console.error(`${rounds} rounds of ${loads.length} loads, ${size} requests to each of ${servers.length} servers …`)
  const micros = new Map(servers.map((server) => [server, new Map<Load, Array<number>>()]))
  for (let index = 0; index < rounds; index++) {
    for (const load of loads) {
      const measured = await round(servers, load, { size, seed: seed + index, signal })
      for (const [server, value] of measured) {
        const values = micros.get(server)
        values?.set(load, [...(values.get(load) ?? []), value])
      }
    }
    console.error(`round ${index + 1} of ${rounds}`)
  }
  const figuresOf = (server: Server): ReadonlyArray<Figure> =>
    loads.map((load) => ({
      label: labelOf(load),
      unit: "µs",
      digits: 1,
      values: micros.get(server)?.get(load) ?? []
    }))
  const versus: ReadonlyArray<Versus> =
    other === undefined
      ? []
      : [{ label: "CPU", here: figuresOf(ours), against: figuresOf(other), again: figuresOf(again) }]
  return { result: resultOf(loads, compare(figuresOf(ours), figuresOf(raw))), versus }
}

const benchmark: Benchmark = {
  name: "bench:otlp-in",
  description: "Measures our receiver of OTLP beside a bare server on node:net that only holds the bytes",
  size: { flag: "requests", standard: 10_000, description: "Requests to each server for each load in one round" },
  standardRounds: 7,
  needs: [entry],
  measure: async (options, signal) => {
    const here = await Checkout.here()
    const { result, versus } = await measure(options, here, signal)
    console.log(toText(result, options))
    if (options.against !== undefined) console.log(versusText(here, options.against, versus))
    if (options.write) await writeSection("otlp-in", commandLine(benchmark, options), toMarkdown(result, options))
    return missed(result)
  }
}

run(benchmark)
