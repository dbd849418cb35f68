/** The layers whose cold starts are compared, each built by the `effect-lambda build` of its checkout. */
import { existsSync } from "node:fs"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import type { Checkout } from "../checkout.ts"
import type { Figure } from "../compare.ts"
import { buildLayer, cli, effectLambda, nodeEnv } from "../layer.ts"
import type { Program, Work } from "../platform.ts"
import { bundleFigures, kilobytes, sizeOf } from "../size.ts"

export type Example = "hello" | "otel" | "telemetry-ship"

interface Source {
  readonly entry: string
  readonly work: Work
  /** The variable that names the service to send to. */
  readonly variable: string
}

export const examples: Record<Example, Source> = {
  hello: { entry: "packages/examples/hello/src/hello.ts", work: "logs", variable: "TELEMETRY_URL" },
  otel: { entry: "packages/otel/src/main.ts", work: "ships", variable: "EFFECT_LAMBDA_OTLP_ENDPOINT" },
  "telemetry-ship": {
    entry: "packages/examples/telemetry-ship/src/telemetry-ship.ts",
    work: "ships",
    variable: "TELEMETRY_URL"
  }
}

/** The files that a checkout must have. */
export const needs = [cli, examples.hello.entry, examples["telemetry-ship"].entry]

export interface Variant {
  readonly label: string
  readonly example: Example
  readonly flags: ReadonlyArray<string>
}

/** The layers that a user decides between. */
export const starts: ReadonlyArray<Variant> = [
  { label: "hello, ready", example: "hello", flags: [] },
  { label: "hello, eager", example: "hello", flags: ["--start", "eager"] },
  { label: "telemetry-ship, ready", example: "telemetry-ship", flags: [] },
  { label: "telemetry-ship, eager", example: "telemetry-ship", flags: ["--start", "eager"] }
]

/** The ready-made layer for OpenTelemetry. */
export const otel: Variant = { label: "otel, ready", example: "otel", flags: [] }

/** The layer of hello without each of its parts, and on another runtime. */
export const parts: ReadonlyArray<Variant> = [
  { label: "hello, no code cache", example: "hello", flags: ["--code-cache", "off"] },
  { label: "hello, no stub", example: "hello", flags: ["--entry", "node"] },
  { label: "hello on bun", example: "hello", flags: ["--runtime", "bun"] }
]

/** The layers on LLRT. */
export const onLlrt = (binary: string): ReadonlyArray<Variant> =>
  [...starts, otel].map(({ example, flags, label }) => ({
    label: label.replace(",", " on LLRT,"),
    example,
    flags: [...flags, "--runtime", "llrt", "--llrt", binary]
  }))

/** A layer as a user runs it. */
export interface Layer {
  readonly variant: Variant
  readonly program: Program
  readonly sizes: ReadonlyArray<Figure>
}

export interface Layers {
  readonly layers: ReadonlyArray<Layer>
  /** Sentences for layers that are left out, and why. */
  readonly notes: ReadonlyArray<string>
}

const bytesIn = async (path: string): Promise<number> => {
  const files = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const stats = await Promise.all(files.map(({ name, parentPath }) => stat(join(parentPath, name))))
  return stats.reduce((sum, { size }) => sum + size, 0)
}

export interface BuildOptions {
  readonly checkout: Checkout
  readonly side: "against" | "here"
  /** The folder of the programs that this run makes. */
  readonly folder: string
  /** The service to which telemetry-ship sends. */
  readonly sinkUrl: string
  /** Ends the build that is running. */
  readonly signal: AbortSignal
}

/**
 * Builds the layers that the checkout can build. An earlier commit has no `--start`, no `--llrt` or no such program; its
 * other layers are measured.
 *
 * @param variants the layers to build
 */
export const layers = async (
  variants: ReadonlyArray<Variant>,
  { checkout, folder, side, signal, sinkUrl }: BuildOptions
): Promise<Layers> => {
  const { stdout: help } = await effectLambda(checkout, ["build", "--help"], signal)
  const built: Array<Layer> = []
  const notes: Array<string> = []
  for (const variant of variants) {
    const { example, flags, label } = variant
    const unknown = ["--start", "--llrt"].find((flag) => flags.includes(flag) && !help.includes(flag))
    if (unknown !== undefined) {
      notes.push(`There is no "${label}" of ${checkout.name}: its effect-lambda build has no ${unknown}.`)
      continue
    }
    const { entry, variable, work } = examples[example]
    if (!existsSync(join(checkout.folder, entry))) {
      notes.push(`There is no "${label}" of ${checkout.name}: it has no ${entry}.`)
      continue
    }
    console.error(`building ${label} of ${checkout.name} …`)
    const out = join(folder, side, label.replaceAll(/\W+/g, "-"))
    const withSink = ["--env", `${variable}=${sinkUrl}`, ...flags]
    const layer = await buildLayer({ checkout, entry, name: example, out, flags: withSink, signal })
    const bundle = join(layer, example, "bundle.cjs")
    built.push({
      variant,
      program: {
        label: side === "here" ? label : `${label}, of ${checkout.name}`,
        command: [join(layer, "extensions", example)],
        env: { ...nodeEnv, [variable]: sinkUrl },
        work
      },
      sizes: [
        ...(existsSync(bundle) ? bundleFigures(await sizeOf(bundle)) : []),
        kilobytes("layer, unzipped", await bytesIn(layer))
      ]
    })
  }
  return { layers: built, notes }
}
