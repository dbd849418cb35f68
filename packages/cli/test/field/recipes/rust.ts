/** AWS's crate for extensions: the three programs of its README, as they are. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { layerOf, Missing, type Recipe, tool } from "../Recipe.ts"

const version = "1.1.1"

const manifest = `[package]
name = "field"
version = "0.0.0"
edition = "2021"

[dependencies]
lambda-extension = "=${version}"
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
tracing = "0.1"
tracing-subscriber = "0.3"
`

/** Leaves a file alone that has this text already, so that cargo builds once. */
const writeChanged = (file: string, text: string): void => {
  if (!Fs.existsSync(file) || Fs.readFileSync(file, "utf8") !== text) Fs.writeFileSync(file, text)
}

/** The programs in the README of the crate, which cargo has downloaded. */
const programsOf = (folder: string): Effect.Effect<ReadonlyArray<string>, Missing> =>
  Effect.flatMap(tool("cargo", ["metadata", "--format-version", "1"], folder), (metadata) => {
    const [, crate] = /"manifest_path":"([^"]*\/lambda-extension-[^"/]*)\/Cargo\.toml"/.exec(metadata) ?? []
    const readme = crate === undefined ? "" : Fs.readFileSync(Path.join(crate, "README.md"), "utf8")
    const programs = Array.from(readme.matchAll(/^```rust,no_run\n(.*?)^```/gms), ([, program = ""]) => program)
    return programs.length === 3
      ? Effect.succeed(programs)
      : Effect.fail(new Missing({ message: `the README of lambda-extension ${version} has not the three programs` }))
  })

const names = ["simple", "logs", "telemetry"] as const

/** Builds the programs once for all three, in a folder beside theirs. */
const build = Effect.fnUntraced(function* (folder: string) {
  const project = Path.join(folder, "../rust-project")
  const bin = Path.join(project, "src/bin")
  Fs.mkdirSync(bin, { recursive: true })
  writeChanged(Path.join(project, "Cargo.toml"), manifest)
  if (Fs.readdirSync(bin).length === 0) Fs.writeFileSync(Path.join(bin, "simple.rs"), "fn main() {}\n")
  const programs = yield* programsOf(project)
  for (const [index, name] of names.entries()) writeChanged(Path.join(bin, `${name}.rs`), programs[index] ?? "")
  yield* tool("cargo", ["build", "--release", "--target-dir", Path.join(project, "target")], project)
  return Path.join(project, "target/release")
})

const ends = "The crate's `run` returns the first error of a poll, and the program ends with it."
const lost = { "next/lost-poll": ends, "next/status-403": ends }

const refuses =
  "The crate answers 400 to a body that is no JSON as a whole, each time that it comes, until the environment ends."
const listener = {
  ...lost,
  "telemetry/cut-batch": refuses,
  "telemetry/unreadable-batch": refuses,
  "telemetry/long-line": refuses
}

const recipe = (name: (typeof names)[number], promise: string, confirmed: Recipe["confirmed"]): Recipe => ({
  name: `rust-${name}`,
  product: `lambda-extension, the ${name === "simple" ? "simple extension" : `${name} processor`} of its README`,
  version,
  page: "https://crates.io/crates/lambda-extension",
  registry: "crates.io",
  promise,
  settings: "It has no backend: it sends nothing, so a loss cannot be seen.",
  prepare: (folder) => Effect.map(build(folder), (built) => layerOf(folder, Path.join(built, name))),
  args: [],
  confirmed
})

export const rust: ReadonlyArray<Recipe> = [
  recipe("simple", "It registers for INVOKE and SHUTDOWN, and does nothing for an event.", lost),
  recipe("logs", "It registers for INVOKE and SHUTDOWN, and takes batches of the Logs API on port 9002.", listener),
  recipe(
    "telemetry",
    "It registers for INVOKE and SHUTDOWN, and takes batches of the Telemetry API on port 9003.",
    listener
  )
]
