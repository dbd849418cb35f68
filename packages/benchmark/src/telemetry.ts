/**
 * `pnpm bench:telemetry`: our telemetry receiver beside a bare node:http server with JSON.parse, as real processes fed by
 * the same client, interleaved in one run. Read the ratios: the events per millisecond belong to the machine.
 */
import { bundle, packageFolder } from "./bundle.ts"
import { makeRequests } from "./telemetry/batches.ts"
import { floodOf, missed, rowsOf } from "./telemetry/figures.ts"
import { floodRounds, type Options, parse, usage } from "./telemetry/options.ts"
import { toText, writeDocument } from "./telemetry/report.ts"
import { type Life, live, type Server } from "./telemetry/server.ts"

const warmUp = 100
const flood = [250, 750]

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

const readOptions = (): Options => {
  try {
    return parse(process.argv.slice(2))
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${usage}`)
    process.exit(2)
  }
}

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

const options = readOptions()
if (process.platform !== "linux") {
  console.error("This benchmark reads CPU time and memory from /proc and therefore runs on Linux only.")
  process.exit(1)
}
try {
  const result = await measure(options)
  console.log(toText(result, options, batchBytes))
  if (options.write) await writeDocument(result, options, batchBytes)
  const overBudget = missed(result)
  if (options.check && overBudget.length > 0) {
    console.error(`\nOver budget: ${overBudget.join(", ")}.`)
    process.exitCode = 1
  }
} catch (error) {
  console.error(`The benchmark could not finish: ${messageOf(error)}`)
  process.exitCode = 1
}
