/**
 * `npm run audit:llrt`: looks for known faults of security in the crates that are linked into LLRT, by `cargo audit`. A line
 * says so if the command, its database or the sources of LLRT are not there. `--db FOLDER` is a copy of the database.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { targets } from "./cargo.ts"
import { metadata, sources } from "./crate.ts"
import * as Notices from "./notices.ts"

const Report = Schema.fromJsonString(
  Schema.Struct({
    vulnerabilities: Schema.Struct({
      list: Schema.Array(
        Schema.Struct({
          advisory: Schema.Struct({ id: Schema.String, title: Schema.String, date: Schema.String }),
          package: Schema.Struct({ name: Schema.String, version: Schema.String })
        })
      )
    })
  })
)

/** Faults that are known here, each with the reason why layers do not have them. */
const accepted: ReadonlyMap<string, string> = new Map()

/** The faults in a report of `cargo audit --json` that are in the binary; `undefined`: the text is no report. */
export const faultsIn = (
  report: string,
  crates: ReadonlyArray<Pick<Notices.Crate, "name" | "version">>
): ReadonlyArray<string> | undefined => {
  const linked = new Set(crates.map(({ name, version }) => `${name} ${version}`))
  const decoded = Option.getOrUndefined(Schema.decodeUnknownOption(Report)(report))
  return decoded?.vulnerabilities.list
    .filter(
      ({ advisory, package: { name, version } }) => linked.has(`${name} ${version}`) && !accepted.has(advisory.id)
    )
    .map(
      ({ advisory, package: { name, version } }) =>
        `${name} ${version}: ${advisory.id} of ${advisory.date}, ${advisory.title}`
    )
}

const main = (): void => {
  const { values } = parseArgs({ options: { db: { type: "string" } } })
  const say = (text: string): void => void process.stdout.write(`${text}\n`)
  const skip = (why: string) => say(`the crates of LLRT were not audited: ${why}`)
  if (spawnSync("cargo", ["audit", "--version"], { stdio: "ignore" }).status !== 0) {
    return skip("there is no cargo audit (cargo install cargo-audit --locked)")
  }
  let crates
  try {
    crates = Notices.cratesOf(metadata(targets.x64.rust))
  } catch (error) {
    return skip(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error))
  }
  const database = values.db === undefined ? [] : ["--db", values.db, "--no-fetch"]
  const args = ["audit", "--json", "--file", join(sources(), "Cargo.lock"), ...database]
  const { stderr, stdout } = spawnSync("cargo", args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 })
  const faults = faultsIn(stdout, crates)
  if (faults === undefined) return skip(`cargo audit gave no report: ${stderr.trim().split("\n").at(-1)}`)
  say(
    `${crates.length} crates of LLRT were audited: ${faults.length === 0 ? "no known fault" : `${faults.length} known faults`}`
  )
  for (const fault of faults) say(`  ${fault}`)
  if (faults.length > 0) process.exitCode = 1
}

if (import.meta.main) main()
