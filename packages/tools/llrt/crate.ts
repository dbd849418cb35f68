/**
 * The sources of LLRT: those of crates.io, with newer crates in Cargo.lock for those with faults of security.
 */
import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { version } from "../../cli/src/layer/Llrt.ts"

/** The features of the crate: TLS and cryptography by `ring`, and no AWS SDK. The default `crypto-rust` does not compile. */
export const features: ReadonlyArray<string> = ["macro", "tls-ring", "crypto-ring", "no-sdk"]

/** The crates that get another version than in the published Cargo.lock. `npm run audit:llrt` says which need one. */
export const updates: Readonly<Record<string, string>> = { h2: "0.4.20", "rustls-webpki": "0.103.17" }

/** A build that did not give a binary. The message is for the user. */
export class BuildFailed extends Error {}

/** The folder that keeps what is made once. */
export const cache = join(import.meta.dirname, "../../../node_modules/.cache/llrt")

/** A folder whose process has ended is removed by the next build. */
export const unfinished = "unfinished-"

const cargo = (...args: ReadonlyArray<string>): string => {
  try {
    return execFileSync("cargo", args, { encoding: "utf8", maxBuffer: 256 * 1024 * 1024, stdio: "pipe" })
  } catch (cause) {
    const said = String(Reflect.get(Object(cause), "stderr") ?? "").trim()
    throw new BuildFailed(`cargo ${args[0]} failed: ${said === "" ? String(cause) : said}`)
  }
}

const registries = join(process.env["CARGO_HOME"] ?? join(homedir(), ".cargo"), "registry/src")

const published = (): string | undefined =>
  (existsSync(registries) ? readdirSync(registries) : [])
    .map((registry) => join(registries, registry, `llrt-${version}`))
    .find((path) => existsSync(path))

/** Lets cargo fetch the crate, which it does for the dependency of a package only. */
const fetched = (): string => {
  const there = published()
  if (there !== undefined) return there
  const folder = mkdtempSync(join(tmpdir(), "llrt-fetch-"))
  try {
    const manifest = join(folder, "Cargo.toml")
    mkdirSync(join(folder, "src"))
    writeFileSync(join(folder, "src/lib.rs"), "")
    writeFileSync(
      manifest,
      `[package]\nname = "fetch"\nversion = "0.0.0"\n[workspace]\n[dependencies]\nllrt = "=${version}"\n`
    )
    cargo("fetch", "--manifest-path", manifest)
  } finally {
    rmSync(folder, { recursive: true })
  }
  const found = published()
  if (found === undefined) throw new BuildFailed(`cargo did not fetch llrt ${version} into ${registries}`)
  return found
}

/**
 * Gives the folder with the sources that binaries are made of, and their Cargo.lock. It is made once.
 *
 * @throws BuildFailed if cargo cannot fetch them
 */
export const sources = (): string => {
  const chosen = Object.entries(updates)
  const folder = join(cache, ["source", version, ...chosen.flat()].join("-"))
  if (existsSync(folder)) return folder
  const made = join(cache, `${unfinished}${process.pid}`)
  cpSync(fetched(), made, { recursive: true })
  for (const [name, to] of chosen) {
    cargo("update", "--manifest-path", join(made, "Cargo.toml"), "--package", name, "--precise", to)
  }
  // Another run may have been first.
  if (existsSync(folder)) rmSync(made, { recursive: true })
  else renameSync(made, folder)
  return folder
}

/** Gives what cargo knows of the crates that are built for a target of Rust, as JSON. */
export const metadata = (target: string): string => {
  const chosen = ["--locked", "--filter-platform", target, "--no-default-features", "--features", features.join()]
  return cargo("metadata", "--format-version", "1", ...chosen, "--manifest-path", join(sources(), "Cargo.toml"))
}
