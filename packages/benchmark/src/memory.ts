/**
 * `pnpm bench:memory`: measures the memory of telemetry-ship over many invocations beside a function in Node, on Node and on
 * LLRT. Both processes run under the emulator, the environments beside each other.
 */
import { createServer } from "node:http"
import { join } from "node:path"
import { packageFolder } from "./bundle.ts"
import * as Checkout from "./checkout.ts"
import { layers, onLlrt, starts } from "./cold-start/variants.ts"
import { type Benchmark, commandLine, run } from "./command.ts"
import { writeSection } from "./document.ts"
import * as Llrt from "./llrt.ts"
import { life } from "./memory/life.ts"
import { missed, resultOf, toMarkdown, toText } from "./memory/report.ts"

const isShipReady = ({ example, flags }: { readonly example: string; readonly flags: ReadonlyArray<string> }) =>
  example === "telemetry-ship" && !flags.includes("eager")

/** The backend, which takes everything. */
const open = () =>
  new Promise<{ readonly url: string; readonly close: () => void }>((resolve, reject) => {
    const server = createServer((request, response) => {
      request.resume().once("end", () => response.end())
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      if (address === null || typeof address === "string") return reject(new Error("the server has no port"))
      return resolve({ url: `http://127.0.0.1:${address.port}/`, close: () => void server.close() })
    })
  })

const benchmark: Benchmark = {
  name: "bench:memory",
  description:
    "Measures the memory of telemetry-ship over many invocations beside a function in Node, on Node and on LLRT",
  size: { flag: "invocations", standard: 10_000, description: "Invocations of each environment" },
  standardRounds: 1,
  needs: [],
  measure: async (options, signal) => {
    const checkout = await Checkout.here()
    const backend = await open()
    try {
      const llrt = await Llrt.find(checkout)
      const variants = [...starts, ...("path" in llrt ? onLlrt(llrt.path) : [])].filter(isShipReady)
      const folder = join(packageFolder, "dist/programs/memory")
      const built = await layers(variants, { checkout, side: "here", folder, sinkUrl: backend.url, signal })
      // Beside each other: memory does not depend on the time that an invocation takes.
      const measured = await Promise.all(
        built.layers.map(async (layer) => {
          const lives: Array<Awaited<ReturnType<typeof life>>> = []
          for (let round = 0; round < options.rounds; round++) {
            console.error(`${options.size} invocations beside ${layer.program.label} …`)
            lives.push(await life(layer.program, options.size, signal))
          }
          return [layer, lives] as const
        })
      )
      const notes = "note" in llrt ? [llrt.note] : []
      const result = resultOf(measured.map(([{ program }, lives]) => ({ label: program.label, lives })))
      console.log(toText(result, options, notes))
      if (options.write) {
        await writeSection("memory", commandLine(benchmark, options), toMarkdown(result, options, notes))
      }
      return missed(result)
    } finally {
      backend.close()
    }
  }
}

run(benchmark)
