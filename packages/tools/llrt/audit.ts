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

const noXml = "the build refuses a program that imports llrt:xml"

/** Faults that layers do not have, each with the reason. */
const harmless: ReadonlyMap<string, string> = new Map([
  ["RUSTSEC-2025-0040", "LLRT lists no groups"],
  ["RUSTSEC-2026-0194", noXml],
  ["RUSTSEC-2026-0195", noXml]
])

export interface Fault {
  readonly text: string
  /** Why layers do not have it; `undefined`: they may. */
  readonly reason: string | undefined
}

/** The faults in a report of `cargo audit --json` that are in the binary; `undefined`: the text is no report. */
export const faultsIn = (
  report: string,
  crates: ReadonlyArray<Pick<Notices.Crate, "name" | "version">>
): ReadonlyArray<Fault> | undefined => {
  const linked = new Set(crates.map(({ name, version }) => `${name} ${version}`))
  const decoded = Option.getOrUndefined(Schema.decodeUnknownOption(Report)(report))
  return decoded?.vulnerabilities.list
    .filter(({ package: { name, version } }) => linked.has(`${name} ${version}`))
    .map(({ advisory: { date, id, title }, package: { name, version } }) => ({
      text: `${name} ${version}: ${id} of ${date}, ${title}`,
      reason: harmless.get(id)
    }))
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
  if (faults === undefined) {
    skip(`cargo audit gave no report: ${stderr.trim().split("\n").at(-1)}`)
    // A copy of the database that is named has to be there.
    if (values.db !== undefined) process.exitCode = 1
    return
  }
  const harmful = faults.filter(({ reason }) => reason === undefined)
  const found = harmful.length === 0 ? "no known fault that layers have" : `${harmful.length} known faults`
  say(`${crates.length} crates of LLRT were audited: ${found}`)
  for (const { reason, text } of faults)
    say(reason === undefined ? `  ${text}` : `  not in layers: ${text} (${reason})`)
  if (harmful.length > 0) process.exitCode = 1
}

if (import.meta.main) main()
