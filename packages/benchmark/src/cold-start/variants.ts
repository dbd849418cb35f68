/** The programs whose cold starts are compared: built layers of hello, and a program without a library. */
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { packageFolder } from "../bundle.ts"
import type { Checkout } from "../checkout.ts"
import type { Figure } from "../compare.ts"
import type { Program } from "../platform.ts"
import { bundleFigures, kilobytes, sizeOf } from "../size.ts"

const folder = join(packageFolder, "dist/cold-start")
const cli = "packages/cli/bin/effect-lambda.mjs"
const hello = "packages/examples/hello/src/hello.ts"

/** The files that a checkout must have. */
export const needs = [cli, hello]

const run = promisify(execFile)

/** The stub looks for the Node of Lambda's image, and `env` for a Node in PATH: both get the Node that runs this file. */
const env = {
  EFFECT_LAMBDA_NODE: process.execPath,
  PATH: `${dirname(process.execPath)}:/usr/bin:/bin`
}

/** A layer as a user runs it. */
export interface Layer {
  readonly program: Program
  readonly sizes: ReadonlyArray<Figure>
}

const bytesIn = async (path: string): Promise<number> => {
  const files = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const stats = await Promise.all(files.map(({ name, parentPath }) => stat(join(parentPath, name))))
  return stats.reduce((sum, { size }) => sum + size, 0)
}

/** The variants of the layer, each built by the `effect-lambda build` of its checkout. */
const variants = [
  { label: "built layer: stub, code cache", out: "built", flags: [] },
  { label: "stub, no code cache", out: "no-cache", flags: ["--code-cache", "off"] },
  { label: "code cache, no stub", out: "no-stub", flags: ["--entry", "node"] },
  { label: "stub, bun", out: "bun", flags: ["--runtime", "bun"] }
]

/** @param signal ends the build that is running */
export const layers = async (
  checkout: Checkout,
  side: "against" | "here",
  signal: AbortSignal
): Promise<ReadonlyArray<Layer>> => {
  const built: Array<Layer> = []
  for (const { flags, label, out } of variants) {
    console.error(`building ${label} of ${checkout.name} …`)
    const target = join(folder, side, out)
    const args = ["build", join(checkout.folder, hello), "--name", "hello", "--arch", process.arch, "--out", target]
    await run(process.execPath, [join(checkout.folder, cli), ...args, "--no-zip", "--no-check", ...flags], {
      timeout: 300_000,
      signal
    })
    const layer = join(target, `hello-${process.arch}`)
    const bundle = join(layer, "hello/bundle.cjs")
    built.push({
      program: {
        label: side === "here" ? label : `${label}, of ${checkout.name}`,
        command: [join(layer, "extensions/hello")],
        env,
        isLogging: true
      },
      sizes: [
        ...(existsSync(bundle) ? bundleFigures(await sizeOf(bundle)) : []),
        kilobytes("layer, unzipped", await bytesIn(layer))
      ]
    })
  }
  return built
}

/** A file that is started by its first line, as Lambda does it. Its name ends in `.cjs`: the packages here are ES modules. */
const raw = async (label: string): Promise<Program> => {
  const file = join(folder, "raw/extensions/raw.cjs")
  const text = await readFile(join(packageFolder, "fixtures/raw.cjs"), "utf8")
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text.replace(/^#!.*/, `#!${process.execPath}`))
  await chmod(file, 0o755)
  return { label, command: [file], env, isLogging: true }
}

/** A program in C, or the reason why there is none. */
const floor = async (): Promise<Program | string> => {
  const file = join(folder, "floor/extensions/floor")
  await mkdir(dirname(file), { recursive: true })
  const source = join(packageFolder, "fixtures/floor.c")
  try {
    await run("cc", ["-O2", "-static", "-D_GNU_SOURCE", "-o", file, source], { timeout: 60_000 })
  } catch (error) {
    return `there is no C program: ${error instanceof Error ? error.message.split("\n", 1)[0] : String(error)}`
  }
  return { label: "C, static", command: [file], env, isLogging: false }
}

export interface Bare {
  /** The program that the others are compared with. */
  readonly raw: Program
  /** The same file under a second name: the distance of its ratios from 1 is the noise of the run. */
  readonly rawAgain: Program
  readonly floor: ReadonlyArray<Program>
  /** Sentences for programs that are left out, and why. */
  readonly notes: ReadonlyArray<string>
}

/** Makes the programs without a library, and removes the files of an earlier run. */
export const bare = async (): Promise<Bare> => {
  await rm(folder, { recursive: true, force: true })
  const native = await floor()
  return {
    raw: await raw("raw.cjs"),
    rawAgain: await raw("raw.cjs again"),
    floor: typeof native === "string" ? [] : [native],
    notes: typeof native === "string" ? [native] : []
  }
}
