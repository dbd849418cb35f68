/** The LLRT that tests and benchmarks start: the one that the user names, or one that is built once and kept. */
import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { version } from "../../cli/src/layer/Llrt.ts"
import { type Architecture, build, recipe, targets } from "./cargo.ts"
import { BuildFailed, cache, unfinished } from "./crate.ts"

/** The variable by which a user names a binary, for the tests as for `effect-lambda build`. */
export const variable = "EFFECT_LAMBDA_LLRT"

/** Another version, other features, another architecture or another way to build it is another binary. */
const folderOf = (arch: Architecture): string =>
  join(cache, `${version}-${arch}-${createHash("sha256").update(recipe()).digest("hex").slice(0, 12)}`)

const pathOf = (arch: Architecture): string => join(folderOf(arch), "bin/llrt")

/** The binary that a build has left here. */
export const kept = (arch: Architecture): string | undefined => (existsSync(pathOf(arch)) ? pathOf(arch) : undefined)

/** The processor of this machine, if LLRT can be built for it. */
export const own: Architecture | undefined =
  process.arch === "x64" || process.arch === "arm64" ? process.arch : undefined

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
  if (named === "") return own === undefined ? undefined : kept(own)
  const problem = problemOf(named)
  if (problem !== undefined) throw new BuildFailed(`${variable}=${named} ${problem}`)
  return named
}

const succeeds = (file: string, ...args: ReadonlyArray<string>): boolean =>
  spawnSync(file, args, { stdio: "ignore" }).status === 0

/** Says why this machine cannot build one, by default for its own processor. */
export const obstacle = (arch: Architecture | undefined = own): string | undefined => {
  if (process.platform !== "linux") return `LLRT is built for Linux, and this is ${process.platform}`
  if (arch === undefined) return `LLRT is built for x64 and arm64, not ${process.arch}`
  if (!succeeds("cargo", "--version")) return `there is no cargo to build LLRT ${version}`
  if (arch === own) return undefined
  const { gnu, rust } = targets[arch]
  if (!succeeds(`${gnu}-g++`, "--version")) {
    return `there is no ${gnu}-g++ to build LLRT for ${arch} (Debian: g++-${gnu.replace("_", "-")}); a machine with that processor needs none`
  }
  return succeeds("rustup", "target", "add", rust)
    ? undefined
    : `Rust has no ${rust} here, and rustup could not fetch it: rustup target add ${rust}`
}

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
export const make = async (arch: Architecture, onProgress: (crate: number, of: number) => void): Promise<string> => {
  mkdirSync(cache, { recursive: true })
  sweep()
  const root = join(cache, `${unfinished}${process.pid}`)
  const target = join(cache, "target")
  const binary = await build({ arch, root, target, onProgress })
  // That for another processor cannot be started here.
  const problem = arch === own ? problemOf(binary) : undefined
  if (problem !== undefined) throw new BuildFailed(`the LLRT that cargo has built ${problem}`)
  // Another run may have been first.
  if (existsSync(folderOf(arch))) rmSync(root, { recursive: true })
  else renameSync(root, folderOf(arch))
  rmSync(target, { recursive: true, force: true })
  return pathOf(arch)
}
