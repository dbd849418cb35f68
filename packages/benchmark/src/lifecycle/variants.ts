import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { bundle, packageFolder } from "../bundle.ts"
import type { Program } from "../platform.ts"

export interface Size {
  readonly bytes: number
  readonly gzipBytes: number
}

/** Two programs that do the same work. */
export interface Pair {
  readonly raw: Program
  readonly hello: Program
}

export interface Variants {
  readonly quiet: Pair
  readonly logging: Pair
  readonly rawSize: Size
  readonly helloSize: Size
}

const sizeOf = async (file: string): Promise<Size> => {
  const content = await readFile(file)
  return { bytes: content.length, gzipBytes: gzipSync(content, { level: 9 }).length }
}

export const build = async (): Promise<Variants> => {
  const raw = join(packageFolder, "fixtures/raw.cjs")
  const hello = await bundle("../examples/hello/src/hello.ts", "hello")
  const helloQuiet = await bundle("src/entries/hello-quiet.ts", "hello-quiet")
  return {
    quiet: {
      raw: { label: "raw.cjs, no log", command: [process.execPath, raw], env: { QUIET: "1" }, isLogging: false },
      hello: { label: "hello, no log", command: [process.execPath, helloQuiet], env: {}, isLogging: false }
    },
    logging: {
      raw: { label: "raw.cjs", command: [process.execPath, raw], env: {}, isLogging: true },
      hello: { label: "hello", command: [process.execPath, hello], env: {}, isLogging: true }
    },
    rawSize: await sizeOf(raw),
    helloSize: await sizeOf(hello)
  }
}
