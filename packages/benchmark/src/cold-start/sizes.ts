/** The sizes of the layers of the examples, as a user uploads them, and their budgets. */
import { join } from "node:path"
import type { Checkout } from "../checkout.ts"
import { effectLambda } from "../layer.ts"
import { summarize } from "../summary.ts"
import type { BudgetRow } from "./figures.ts"
import { type Example, examples } from "./variants.ts"

/** A layer for the function's Node, in bytes. */
export interface Sizes {
  readonly label: Example
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
  /** Ends the build that is running. */
  readonly signal: AbortSignal
}

export const measure = async ({ checkout, folder, signal, sinkUrl }: MeasureOptions): Promise<ReadonlyArray<Sizes>> => {
  const layerOf = async (label: Example, codeCache: "auto" | "off") => {
    const { entry, variable } = examples[label]
    const args = [
      "build",
      join(checkout.folder, entry),
      "--name",
      label,
      "--arch",
      process.arch,
      "--no-check",
      "--json"
    ]
    const more = [
      "--code-cache",
      codeCache,
      "--env",
      `${variable}=${sinkUrl}`,
      "--out",
      join(folder, `zip-${codeCache}`)
    ]
    const { stdout } = await effectLambda(checkout, [...args, ...more], signal)
    const { layers }: Built = JSON.parse(stdout)
    const [layer] = layers
    if (layer === undefined) throw new Error(`the layer of ${label} was not built`)
    return layer
  }
  const measured: Array<Sizes> = []
  for (const label of ["hello", "telemetry-ship", "otel"] as const) {
    console.error(`sizes of ${label} …`)
    const { unzippedBytes, zip } = await layerOf(label, "auto")
    const withoutCache = await layerOf(label, "off")
    measured.push({ label, zip: zip.bytes, zipWithoutCache: withoutCache.zip.bytes, unzipped: unzippedBytes })
  }
  return measured
}

const mostWithoutCache = 130_000

/** The budgets of the layer for OpenTelemetry. */
export const budgetsOf = (sizes: ReadonlyArray<Sizes>): ReadonlyArray<BudgetRow> => {
  const otel = sizes.find(({ label }) => label === "otel")
  const ship = sizes.find(({ label }) => label === "telemetry-ship")
  if (otel === undefined || ship === undefined) return []
  const row = (figure: string, to: string, ratio: number, limit: number): BudgetRow => ({
    program: "otel",
    figure,
    to,
    limit,
    ratio: summarize([ratio]),
    isMet: ratio <= limit
  })
  return [
    row("zip", "telemetry-ship", otel.zip / ship.zip, 1.35),
    row("zip, no code cache", "130 KB", otel.zipWithoutCache / mostWithoutCache, 1)
  ]
}
