/**
 * `pnpm profile:telemetry`: says where the time of a record goes, in our receiver and in a bare node:http server. A profile
 * slows a program down, so the shares count and not the times.
 */
import { mkdir, readdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { bundle, packageFolder } from "./bundle.ts"
import * as Checkout from "./checkout.ts"
import { type Benchmark, commandLine, run } from "./command.ts"
import { machine, markdown, type Table, text, writeSection } from "./document.ts"
import { moduleAt, type Part, timeByPart } from "./profile/parts.ts"
import { summarize } from "./summary.ts"
import { eventsPerBatch, makeRequests } from "./telemetry/batches.ts"
import { warmUp } from "./telemetry/round.ts"
import { raw, type Server, start } from "./telemetry/server.ts"

const entry = "packages/benchmark/src/entries/telemetry.ts"
const folder = join(packageFolder, "dist/profiles")

const parts: ReadonlyArray<Part> = [
  { label: "bytes to text, and JSON.parse", is: /encoding|\b(?:parse|decodeUTF8|utf8Slice|toString|decode)$/ },
  { label: "collecting garbage", is: /\(garbage collector\)$/ },
  { label: "sockets and HTTP", is: /^node:|extension-node\/|^ (?:write\w+String|\(program\))$|raw-telemetry/ },
  { label: "looking at each record", is: /extension\/src\/telemetry\/(?:internal\/record\/|\w+Event)/ },
  { label: "invocations, counts and queues", is: /extension\/src\/telemetry\// },
  { label: "fibers of Effect", is: /node_modules\/effect\// }
]

/** The microseconds of a record in each part, over one life of a server. */
const life = async (server: Server, requests: ReadonlyArray<Buffer>, batches: number, signal: AbortSignal) => {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const moment = () => Number(process.hrtime.bigint() / 1000n)
  const nodeOptions = ["--cpu-prof", "--cpu-prof-interval=200", `--cpu-prof-dir=${folder}`]
  const running = await start({ ...server, nodeOptions }, requests, signal)
  await running.send(warmUp)
  const from = moment()
  await running.send(batches)
  const to = moment()
  await running.stop()
  const [file] = await readdir(folder)
  if (file === undefined) throw new Error(`${server.label} has written no profile`)
  const times = timeByPart(
    JSON.parse(await readFile(join(folder, file), "utf8")),
    // raw-telemetry.cjs is one file, and no bundle.
    server === raw ? () => "raw-telemetry" : moduleAt(await readFile(`${server.file}.map`, "utf8")),
    parts,
    { from, to }
  )
  return new Map([...times].map(([label, micros]) => [label, micros / (batches * eventsPerBatch)]))
}

const benchmark: Benchmark = {
  name: "profile:telemetry",
  description: "Says where the time of a record goes, in our receiver and in a bare node:http server",
  size: { flag: "batches", standard: 1000, description: "Batches of 1000 events in one life" },
  standardRounds: 5,
  needs: [entry],
  measure: async (options, signal) => {
    const { against, rounds, size } = options
    const checkout = await Checkout.here()
    const servers: ReadonlyArray<Server> = [
      raw,
      { label: "ours", file: await bundle(checkout, "here", entry, false), env: { TAKE: "1" } },
      ...(against === undefined
        ? []
        : [{ label: against.name, file: await bundle(against, "against", entry, false), env: { TAKE: "1" } }])
    ]
    const requests = makeRequests(8)
    const lives = new Map(servers.map((server): [Server, Array<ReadonlyMap<string, number>>] => [server, []]))
    for (let index = 0; index < rounds; index++) {
      for (const server of servers) lives.get(server)?.push(await life(server, requests, size, signal))
    }
    const row = (label: string, micros: (times: ReadonlyMap<string, number>) => number) =>
      [label].concat(
        servers.map((server) => `${summarize((lives.get(server) ?? []).map(micros)).median.toFixed(3)} µs`)
      )
    const table: Table = [
      ["time of a record"].concat(servers.map(({ label }) => label)),
      ...[...parts.map(({ label }) => label), "other"].map((label) => row(label, (times) => times.get(label) ?? 0)),
      row("all", (times) => [...times.values()].reduce((sum, one) => sum + one, 0))
    ]
    console.log(`${text(table)}\n\n${machine()}`)
    if (options.write) await writeSection("telemetry-profile", commandLine(benchmark, options), markdown(table))
    return []
  }
}

run(benchmark)
