/**
 * `pnpm bench:telemetry`: measures our telemetry receiver beside a bare node:http server with JSON.parse, and the OTLP sinks
 * beside the http sink. All are real processes that the same client feeds in turns. Read the ratios: the events per
 * millisecond belong to the machine.
 */
import { join } from "node:path"
import { bundle, packageFolder } from "./bundle.ts"
import * as Checkout from "./checkout.ts"
import { type Benchmark, commandLine, type Options, run } from "./command.ts"
import { versusText, type Versus } from "./compare.ts"
import { writeSection } from "./document.ts"
import { interleave } from "./interleave.ts"
import * as Llrt from "./llrt.ts"
import type { Shipper } from "./sinks/extension.ts"
import * as SinkFigures from "./sinks/figures.ts"
import * as SinkRound from "./sinks/round.ts"
import { makeRequests } from "./telemetry/batches.ts"
import { figuresOf, floodFigures, floodOf, llrtRowsOf, missed, rowsOf } from "./telemetry/figures.ts"
import { floodRounds, llrtLives, toMarkdown, toText } from "./telemetry/report.ts"
import { flooded, type Life, round } from "./telemetry/round.ts"
import { raw, type Server } from "./telemetry/server.ts"

const entry = "packages/benchmark/src/entries/telemetry.ts"

const httpEntry = "packages/benchmark/src/entries/sink-http.ts"
const otlpEntry = "packages/benchmark/src/entries/sink-otlp.ts"

const requests = makeRequests(8)
const batchBytes = requests.reduce((sum, request) => sum + request.length, 0) / requests.length

/** A server whose consumer takes the records, and one whose consumer is stuck. */
interface Pair {
  readonly taking: Server
  readonly stuck: Server
}

const serversOf = (label: string, file: string): Pair => ({
  taking: { label, file, env: { TAKE: "1" } },
  stuck: { label: `${label}, stuck`, file, env: { TAKE: "0" } }
})

const httpSink = (label: string, file: string): Shipper => ({
  label,
  file,
  env: {},
  variable: "TELEMETRY_URL",
  consumer: "http"
})

const otlpSinks = (label: string, file: string): Shipper => ({
  label,
  file,
  // The http sink does not listen for the SDK of a function either.
  env: { EFFECT_LAMBDA_OTLP_RECEIVER: "false" },
  variable: "EFFECT_LAMBDA_OTLP_ENDPOINT",
  consumer: "otlp logs"
})

/** Lives of whole extensions, all of which are up in a round. */
const sinkLivesOf = async (shippers: ReadonlyArray<Shipper>, { batches, rounds, seed }: Lives, signal: AbortSignal) => {
  console.error(`${rounds} lives of ${shippers.length} extensions with ${batches} batches each …`)
  const lives = new Map(shippers.map((shipper): [Shipper, Array<SinkRound.Shipped>] => [shipper, []]))
  for (let index = 0; index < rounds; index++) {
    const measured = await SinkRound.round(shippers, { batches, seed: seed + index, signal })
    for (const [shipper, life] of measured) lives.get(shipper)?.push(life)
  }
  return (shipper: Shipper): ReadonlyArray<SinkRound.Shipped> => lives.get(shipper) ?? []
}

const measureSinks = async ({ against, rounds, seed, size }: Options, here: Checkout.Checkout, signal: AbortSignal) => {
  const http = httpSink("http sink", await bundle(here, "here", httpEntry))
  const file = await bundle(here, "here", otlpEntry)
  const ours = otlpSinks("OTLP sinks", file)
  const again = otlpSinks("OTLP sinks again", file)
  const other = against && otlpSinks(`OTLP sinks of ${against.name}`, await bundle(against, "against", otlpEntry))
  const shippers = other === undefined ? [http, ours] : [http, ours, again, other]
  const lives = await sinkLivesOf(shippers, { rounds, batches: size, seed }, signal)
  const figuresOf = (shipper: Shipper) => SinkFigures.figuresOf(lives(shipper))
  const versus: ReadonlyArray<Versus> =
    other === undefined
      ? []
      : [{ label: "OTLP sinks", here: figuresOf(ours), against: figuresOf(other), again: figuresOf(again) }]
  return { rows: SinkFigures.rowsOf(lives(http), lives(ours)), http, versus }
}

interface Lives {
  readonly batches: number
  readonly rounds: number
  readonly seed: number
}

/** Lives of the servers, all of which are up in a round. */
const livesOf = async (servers: ReadonlyArray<Server>, { batches, rounds, seed }: Lives, signal: AbortSignal) => {
  console.error(`${rounds} lives of ${servers.length} servers with ${batches} batches each …`)
  const lives = new Map(servers.map((server): [Server, Array<Life>] => [server, []]))
  for (let index = 0; index < rounds; index++) {
    const measured = await round(servers, requests, { batches, seed: seed + index, signal })
    for (const [server, life] of measured) lives.get(server)?.push(life)
  }
  return (server: Server): ReadonlyArray<Life> => lives.get(server) ?? []
}

/** The receiver and the http sink on LLRT beside those on Node; without an LLRT the sentence that says why. */
const measureLlrt = async (
  options: Options,
  here: Checkout.Checkout,
  node: { readonly server: Server; readonly sink: Shipper },
  signal: AbortSignal
) => {
  const found = await Llrt.find(here)
  if ("note" in found) return { receiver: [], sink: [], notes: [found.note] }
  const program = async (source: string) => {
    const file = await Llrt.program(here, source, join(packageFolder, "dist/bundles/llrt"))
    return { file, isExecutable: true }
  }
  const server: Server = { ...node.server, label: "ours on LLRT", ...(await program(entry)) }
  const sink: Shipper = { ...node.sink, label: "http sink on LLRT", ...(await program(httpEntry)) }
  const size = { ...llrtLives(options), seed: options.seed }
  const lives = await livesOf([node.server, server], size, signal)
  const sinks = await sinkLivesOf([node.sink, sink], size, signal)
  return {
    receiver: llrtRowsOf(lives(node.server), lives(server)),
    sink: SinkFigures.llrtRowsOf(sinks(node.sink), sinks(sink)),
    notes: []
  }
}

const measure = async (options: Options, here: Checkout.Checkout, signal: AbortSignal) => {
  const { against, seed } = options
  const file = await bundle(here, "here", entry)
  const ours = serversOf("ours", file)
  const again = serversOf("ours again", file)
  const other = against && serversOf(`ours of ${against.name}`, await bundle(against, "against", entry))
  const pairs = other === undefined ? [ours] : [ours, again, other]
  const servers = [raw, ...pairs.map(({ taking }) => taking)]

  const lives = await livesOf(servers, { rounds: options.rounds, batches: options.size, seed }, signal)
  console.error(`${floodRounds} floods …\n`)
  const stuck = pairs.map((pair) => pair.stuck)
  const floods = await interleave(stuck, floodRounds, seed, (server) => flooded(server, requests, signal))
  const sinks = await measureSinks(options, here, signal)
  const llrt = await measureLlrt(options, here, { server: ours.taking, sink: sinks.http }, signal)

  const floodsOf = (server: Server) => floods.get(server) ?? []
  const all = (pair: Pair) => [...figuresOf(lives(pair.taking)), ...floodFigures(floodsOf(pair.stuck))]
  const versus: ReadonlyArray<Versus> =
    other === undefined ? [] : [{ label: "telemetry", here: all(ours), against: all(other), again: all(again) }]
  return {
    result: {
      rows: rowsOf(lives(raw), lives(ours.taking)),
      llrt,
      flood: floodOf(floodsOf(ours.stuck)),
      sinks: sinks.rows
    },
    versus: [...versus, ...sinks.versus],
    notes: llrt.notes
  }
}

const benchmark: Benchmark = {
  name: "bench:telemetry",
  description:
    "Measures our telemetry receiver beside a bare node:http server with JSON.parse, and the OTLP sinks beside http",
  size: { flag: "batches", standard: 1000, description: "Batches of 1000 events in one life" },
  needs: [entry, otlpEntry],
  measure: async (options, signal) => {
    const here = await Checkout.here()
    const { notes, result, versus } = await measure(options, here, signal)
    console.log(toText(result, options, batchBytes, notes))
    if (options.against !== undefined) console.log(versusText(here, options.against, versus))
    if (options.write) {
      await writeSection("telemetry", commandLine(benchmark, options), toMarkdown(result, options, batchBytes, notes))
    }
    return missed(result)
  }
}

run(benchmark)
