/**
 * `pnpm bench:telemetry`: our telemetry receiver beside a bare node:http server with JSON.parse, as real processes fed by
 * the same client, interleaved in one run. Read the ratios: the events per millisecond belong to the machine.
 */
import { bundle, packageFolder } from "./bundle.ts"
import { run } from "./command.ts"
import { makeRequests } from "./telemetry/batches.ts"
import { floodOf, missed, rowsOf } from "./telemetry/figures.ts"
import { floodRounds, type Options, parse, usage } from "./telemetry/options.ts"
import { toText, writeDocument } from "./telemetry/report.ts"
import { type Life, live, type Server } from "./telemetry/server.ts"

const warmUp = 100
const flood = [250, 750]

const requests = makeRequests(8)
const batchBytes = requests.reduce((sum, request) => sum + request.length, 0) / requests.length

const measure = async (options: Options) => {
  const file = await bundle("src/entries/telemetry.ts", "telemetry")
  const raw: Server = { label: "raw-telemetry.cjs", file: `${packageFolder}/fixtures/raw-telemetry.cjs`, env: {} }
  const ours: Server = { label: "ours", file, env: { TAKE: "1" } }
  const stuck: Server = { label: "ours, stuck", file, env: { TAKE: "0" } }
  const lives = new Map<Server, Array<Life>>([raw, ours, stuck].map((server) => [server, []]))
  const add = async (server: Server, phases: ReadonlyArray<number>) =>
    lives.get(server)?.push(await live(server, requests, phases))

  console.error(`${options.rounds} lives of 2 servers with ${options.batches} batches each …`)
  for (let round = 0; round < options.rounds; round++) {
    for (const server of round % 2 === 0 ? [raw, ours] : [ours, raw]) await add(server, [warmUp, options.batches])
  }
  console.error(`${floodRounds} floods …\n`)
  for (let round = 0; round < floodRounds; round++) await add(stuck, flood)
  return {
    rows: rowsOf(lives.get(raw) ?? [], lives.get(ours) ?? [], options.batches),
    flood: floodOf(lives.get(stuck) ?? [])
  }
}

await run({
  usage,
  parse,
  measure: async (options) => {
    const result = await measure(options)
    console.log(toText(result, options, batchBytes))
    if (options.write) await writeDocument(result, options, batchBytes)
    return missed(result)
  }
})
