/**
 * LLRT for the other processor, by cargo with the compilers of zig, and linked statically with musl. That starts on every
 * system of Lambda. zig and cargo-zigbuild are those of this machine, or pip fetches them.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import process from "node:process"
import { version } from "../../cli/src/layer/Llrt.ts"
import { BuildFailed, features } from "./cargo.ts"

export type Architecture = "x64" | "arm64"

/** The names that Rust gives the processors, with musl. */
export const targets = { x64: "x86_64-unknown-linux-musl", arm64: "aarch64-unknown-linux-musl" } as const

const cache = join(import.meta.dirname, "../../../node_modules/.cache/llrt")

const pinned = ["cargo-zigbuild==0.24.1", "ziglang==0.17.1"]

const succeeds = (file: string, args: ReadonlyArray<string>, env = process.env): boolean =>
  spawnSync(file, args, { env, stdio: "ignore" }).status === 0

/** Runs a program whose output a person watches. */
const show = (file: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv, failed: string): void => {
  if (spawnSync(file, args, { env, stdio: "inherit" }).status !== 0) throw new BuildFailed(failed)
}

/** The variables with which cargo-zigbuild and zig are found. */
const withZig = (): NodeJS.ProcessEnv => {
  if (succeeds("cargo-zigbuild", ["--version"]) && succeeds("zig", ["version"])) return process.env
  const folder = join(cache, "zig")
  const env = {
    ...process.env,
    PATH: [join(folder, "bin"), process.env["PATH"]].join(delimiter),
    PYTHONPATH: folder
  }
  if (!succeeds("cargo-zigbuild", ["--version"], env)) {
    const args = ["--quiet", "--disable-pip-version-check", "--no-deps", "--target", folder, ...pinned]
    const failed = `there is no cargo-zigbuild with zig, and pip could not fetch them: pip install ${pinned.join(" ")}`
    show("python3", ["-m", "pip", "install", ...args], process.env, failed)
  }
  return env
}

/** The folder with the libraries of C and C++ that zig links. */
export const library = (): string => {
  const env = withZig()
  const said = succeeds("zig", ["version"], env)
    ? execFileSync("zig", ["env"], { env, encoding: "utf8" })
    : execFileSync("python3", ["-m", "ziglang", "env"], { env, encoding: "utf8" })
  return /lib_dir"?\s*[=:]\s*"([^"]+)"/.exec(said)?.[1] ?? ""
}

/**
 * Builds LLRT, or finds what an earlier call has built. Gives the path.
 *
 * @throws BuildFailed with a sentence if a tool is missing or the build fails
 */
export const build = (arch: Architecture): string => {
  const target = targets[arch]
  const folder = join(cache, `${version}-${target}`)
  const binary = join(folder, "bin/llrt")
  if (existsSync(binary)) return binary
  if (!succeeds("cargo", ["--version"])) throw new BuildFailed("there is no cargo: https://rustup.rs installs it")
  if (!succeeds("rustup", ["target", "add", target])) {
    throw new BuildFailed(`Rust has no ${target} here, and rustup could not fetch it: rustup target add ${target}`)
  }
  const env = { ...withZig(), CARGO_TARGET_DIR: join(cache, "target"), CARGO_PROFILE_RELEASE_STRIP: "symbols" }
  const choice = ["--version", version, "--locked", "--no-default-features", "-F", features.join()]
  show(
    "cargo-zigbuild",
    ["install", "llrt", ...choice, "--target", target, "--root", folder],
    env,
    `cargo could not build LLRT ${version} for ${arch}`
  )
  return binary
}
