import { execFile } from "node:child_process"
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { packageFolder } from "../bundle.ts"
import type { Program } from "../platform.ts"

const folder = join(packageFolder, "dist/cold-start")
const cli = join(packageFolder, "../cli/bin/effect-lambda.mjs")
const hello = join(packageFolder, "../examples/hello/src/hello.ts")

const run = promisify(execFile)

/** The stub looks for the Node of Lambda's image and `env` for one in PATH: both get the one that runs this. */
const env = {
  EFFECT_LAMBDA_NODE: process.execPath,
  PATH: `${dirname(process.execPath)}:/usr/bin:/bin`
}

/** What a user runs. */
const layer = async (label: string, out: string, flags: ReadonlyArray<string>): Promise<Program> => {
  console.error(`building ${label} …`)
  const args = ["build", hello, "--name", "hello", "--arch", process.arch, "--out", join(folder, out), "--no-zip"]
  await run(process.execPath, [cli, ...args, "--no-check", ...flags], { timeout: 300_000 })
  return { label, command: [join(folder, out, `hello-${process.arch}/extensions/hello`)], env, isLogging: true }
}

/** A file as Lambda starts one: by its first line. Named `.cjs`, since the packages here are ES modules. */
const raw = async (label: string): Promise<Program> => {
  const file = join(folder, "raw/extensions/raw.cjs")
  const text = await readFile(join(packageFolder, "fixtures/raw.cjs"), "utf8")
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text.replace(/^#!.*/, `#!${process.execPath}`))
  await chmod(file, 0o755)
  return { label, command: [file], env, isLogging: true }
}

/** A program in C, or why there is none. */
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

export interface Variants {
  /** What the others are compared with. */
  readonly raw: Program
  /** The same file once more: how far its ratios are from 1 is the noise of the run. */
  readonly rawAgain: Program
  /** What `effect-lambda build` makes, which has the budgets. */
  readonly built: Program
  readonly others: ReadonlyArray<Program>
  /** What is left out, and why. */
  readonly notes: ReadonlyArray<string>
}

export const build = async (): Promise<Variants> => {
  await rm(folder, { recursive: true, force: true })
  const native = await floor()
  return {
    raw: await raw("raw.cjs"),
    rawAgain: await raw("raw.cjs again"),
    built: await layer("built layer: stub, code cache", "built", []),
    others: [
      await layer("stub, no code cache", "no-cache", ["--code-cache", "off"]),
      await layer("code cache, no stub", "no-stub", ["--entry", "node"]),
      await layer("stub, bun", "bun", ["--runtime", "bun"]),
      ...(typeof native === "string" ? [] : [native])
    ],
    notes: typeof native === "string" ? [native] : []
  }
}
