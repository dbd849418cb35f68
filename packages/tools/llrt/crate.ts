/** The sources of LLRT and of its crates, as cargo has fetched them for a build. */
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { version } from "../../cli/src/layer/Llrt.ts"
import { BuildFailed, features } from "./cargo.ts"

const registries = join(process.env["CARGO_HOME"] ?? join(homedir(), ".cargo"), "registry/src")

/**
 * The folder with the sources of LLRT and its Cargo.lock.
 *
 * @throws BuildFailed if cargo has not fetched them
 */
export const sources = (): string => {
  const folder = (existsSync(registries) ? readdirSync(registries) : [])
    .map((registry) => join(registries, registry, `llrt-${version}`))
    .find((path) => existsSync(path))
  if (folder === undefined) throw new BuildFailed(`${registries} has no llrt-${version}: npm run test:llrt fetches it`)
  return folder
}

/** Gives what cargo knows of the crates that are built for a target of Rust, as JSON. */
export const metadata = (target: string): string => {
  const chosen = ["--locked", "--filter-platform", target, "--no-default-features", "--features", features.join()]
  return execFileSync(
    "cargo",
    ["metadata", "--format-version", "1", ...chosen, "--manifest-path", join(sources(), "Cargo.toml")],
    { encoding: "utf8", maxBuffer: 256 * 1024 * 1024 }
  )
}
