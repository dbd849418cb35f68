/** The sizes of the layers of the examples, as a user uploads them, and their budgets. */
import { join } from "node:path"
import type { Checkout } from "../checkout.ts"
import { effectLambda } from "../layer.ts"
import type { Found } from "../llrt.ts"
import { summarize } from "../summary.ts"
import type { BudgetRow } from "./figures.ts"
import { type Example, examples } from "./variants.ts"

/** A layer for the function's Node or for LLRT, in bytes. */
export interface Sizes {
  readonly label: string
  readonly zip: number
  readonly zipWithoutCache: number
  readonly unzipped: number
}

/** The part of `effect-lambda build --json` that is read here. */
interface Built {
  readonly layers: ReadonlyArray<{ readonly unzippedBytes: number; readonly zip: { readonly bytes: number } }>
}

export interface MeasureOptions {
  readonly checkout: Checkout
  /** The folder of the layers. */
  readonly folder: string
  /** The service to which the layers send in their trial run. */
  readonly sinkUrl: string
  readonly llrt: Found
  /** Ends the build that is running. */
  readonly signal: AbortSignal
}

export const measure = async (options: MeasureOptions): Promise<ReadonlyArray<Sizes>> => {
  const { checkout, folder, llrt, signal, sinkUrl } = options
  const layerOf = async (example: Example, kind: string, flags: ReadonlyArray<string>) => {
    console.error(`size of ${example}, ${kind} …`)
    const { entry, variable } = examples[example]
    const of = [
      "build",
      join(checkout.folder, entry),
      "--name",
      example,
      "--arch",
      process.arch,
      "--no-check",
      "--json"
    ]
    const into = ["--env", `${variable}=${sinkUrl}`, "--out", join(folder, `zip-${kind}`)]
    const { stdout } = await effectLambda(checkout, [...of, ...into, ...flags], signal)
    const { layers }: Built = JSON.parse(stdout)
    const [layer] = layers
    if (layer === undefined) throw new Error(`the layer of ${example} was not built`)
    return { zip: layer.zip.bytes, unzipped: layer.unzippedBytes }
  }
  const measured: Array<Sizes> = []
  for (const label of ["hello", "telemetry-ship", "otel"] as const) {
    const withCache = await layerOf(label, "auto", ["--code-cache", "auto"])
    const { zip } = await layerOf(label, "off", ["--code-cache", "off"])
    measured.push({ label, ...withCache, zipWithoutCache: zip })
  }
  if ("path" in llrt) {
    const { unzipped, zip } = await layerOf("hello", "llrt", ["--runtime", "llrt", "--llrt", llrt.path])
    measured.push({ label: onLlrt, zip, zipWithoutCache: zip, unzipped })
  }
  return measured
}

const onLlrt = "hello on LLRT"

/** The most bytes of the zips. */
const mostWithoutCache = 130_000
const mostOnLlrt = 8_000_000

/** The budgets of the sizes; a layer that was not built has none. */
export const budgetsOf = (sizes: ReadonlyArray<Sizes>): ReadonlyArray<BudgetRow> => {
  const find = (name: string) => sizes.find(({ label }) => label === name)
  const [otel, ship, llrt] = [find("otel"), find("telemetry-ship"), find(onLlrt)]
  const row = (program: string, figure: string, to: string, ratio: number, limit: number): BudgetRow => ({
    program,
    figure,
    to,
    limit,
    ratio: summarize([ratio]),
    isMet: ratio <= limit
  })
  return [
    ...(otel && ship ? [row("otel", "zip", "telemetry-ship", otel.zip / ship.zip, 1.35)] : []),
    ...(otel ? [row("otel", "zip, no code cache", "130 KB", otel.zipWithoutCache / mostWithoutCache, 1)] : []),
    ...(llrt ? [row(onLlrt, "zip", "8 MB", llrt.zip / mostOnLlrt, 1)] : [])
  ]
}
