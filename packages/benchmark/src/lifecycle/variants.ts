/** The programs whose lives are compared: the hello extension, and a program without a library. */
import { join } from "node:path"
import { bundle, packageFolder } from "../bundle.ts"
import type { Checkout } from "../checkout.ts"
import type { Program, Work } from "../platform.ts"
import { type Size, sizeOf } from "../size.ts"

const hello = "packages/examples/hello/src/hello.ts"
const helloQuiet = "packages/benchmark/src/entries/hello-quiet.ts"

/** The files that a checkout must have. */
export const needs = [hello, helloQuiet]

/** The same program twice: without a log line, and with one per invocation. */
export interface Pair {
  readonly quiet: Program
  readonly logging: Program
}

export const raw = (): Pair => {
  const file = join(packageFolder, "fixtures/raw.cjs")
  return {
    quiet: {
      label: "raw.cjs, no log",
      command: [process.execPath, file],
      env: { QUIET: "1" },
      work: "nothing"
    },
    logging: { label: "raw.cjs", command: [process.execPath, file], env: {}, work: "logs" }
  }
}

export const rawSize = (): Promise<Size> => sizeOf(join(packageFolder, "fixtures/raw.cjs"))

export interface Ours extends Pair {
  /** The size of the program that logs. */
  readonly size: Size
}

export const build = async (checkout: Checkout, side: "against" | "here"): Promise<Ours> => {
  const logging = await bundle(checkout, side, hello)
  const quiet = await bundle(checkout, side, helloQuiet)
  const program = (name: string, file: string, work: Work): Program => ({
    label: `${name} of ${checkout.name}`,
    command: [process.execPath, file],
    env: {},
    work
  })
  return {
    quiet: program("hello, no log,", quiet, "nothing"),
    logging: program("hello", logging, "logs"),
    size: await sizeOf(logging)
  }
}

/** The same files as programs with a second name. */
export const again = ({ logging, quiet }: Pair): Pair => ({ quiet: { ...quiet }, logging: { ...logging } })
