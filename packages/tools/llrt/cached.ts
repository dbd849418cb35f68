/** The LLRT that tests and benchmarks start: the one that the user names, or one that is built once and kept. */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { version } from "../../cli/src/layer/Llrt.ts"
import { build, BuildFailed, recipe } from "./cargo.ts"

/** The variable by which a user names a binary, for the tests as for `effect-lambda build`. */
export const variable = "EFFECT_LAMBDA_LLRT"

const cache = join(import.meta.dirname, "../../../node_modules/.cache/llrt")

/** Another version, other features, another architecture or another way to build it is another binary. */
const key = (): string =>
  `${version}-${process.arch}-${createHash("sha256").update(recipe()).digest("hex").slice(0, 12)}`

const folder = join(cache, key())
/** The binary that a build leaves here. */
export const kept = join(folder, "bin/llrt")

/** Says what keeps a file from being the LLRT of the tests. */
const problemOf = (file: string): string | undefined => {
  try {
    const said = execFileSync(file, ["--version"], { encoding: "utf8", timeout: 10_000, env: {} }).split("\n")[0] ?? ""
    return said.startsWith(`LLRT v${version} `)
      ? undefined
      : `says that it is ${said}, and the tests are for ${version}`
  } catch (cause) {
    return `cannot be started: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`
  }
}

/**
 * The binary that is there.
 *
 * @throws BuildFailed if the one that the user names is none
 */
export const find = (): string | undefined => {
  const named = process.env[variable] ?? ""
  if (named === "") return existsSync(kept) ? kept : undefined
  const problem = problemOf(named)
  if (problem !== undefined) throw new BuildFailed(`${variable}=${named} ${problem}`)
  return named
}

const hasCargo = (): boolean => {
  try {
    execFileSync("cargo", ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** Says why this machine cannot build one. */
export const obstacle = (): string | undefined => {
  if (process.platform !== "linux") return `LLRT is built for Linux, and this is ${process.platform}`
  if (process.arch !== "x64" && process.arch !== "arm64") return `LLRT is built for x64 and arm64, not ${process.arch}`
  return hasCargo() ? undefined : `there is no cargo to build LLRT ${version}, and ${variable} names none`
}

const unfinished = "unfinished-"

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Removes the folders of builds that were killed. */
const sweep = (): void => {
  for (const name of readdirSync(cache)) {
    if (name.startsWith(unfinished) && !isAlive(Number(name.slice(unfinished.length)))) {
      rmSync(join(cache, name), { recursive: true, force: true })
    }
  }
}

/**
 * Builds the binary. Its folder appears when it is whole, and what was compiled on the way is removed.
 *
 * @throws BuildFailed if there is no such binary then
 */
export const make = async (onProgress: (crate: number, of: number) => void): Promise<string> => {
  mkdirSync(cache, { recursive: true })
  sweep()
  const root = join(cache, `${unfinished}${process.pid}`)
  const target = join(cache, "target")
  const binary = await build({ root, target, onProgress })
  const problem = problemOf(binary)
  if (problem !== undefined) throw new BuildFailed(`the LLRT that cargo has built ${problem}`)
  // Another run may have been first.
  if (existsSync(kept)) rmSync(root, { recursive: true })
  else renameSync(root, folder)
  rmSync(target, { recursive: true, force: true })
  return kept
}
