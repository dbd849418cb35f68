/**
 * `npm run pack:llrt [-- --arch x64|arm64] [--out FOLDER]`: builds LLRT for Lambda and packs it as an npm package, with
 * Cargo.lock, the notices of everything in it, its version and the day. `effect-lambda build` finds an installed package.
 */
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as LlrtBinary from "../../cli/src/build/LlrtBinary.ts"
import * as Llrt from "../../cli/src/layer/Llrt.ts"
import { kept, obstacle } from "./cached.ts"
import { type Architecture, targets } from "./cargo.ts"
import { BuildFailed, metadata, sources } from "./crate.ts"
import { made } from "./made.ts"
import * as Notices from "./notices.ts"

/** The manifest of the package. npm installs it on its own system and processor only, so a project may name both packages. */
export const manifestOf = (arch: Architecture, day: string) => ({
  name: `@effect-lambda/llrt-linux-${arch}`,
  // A build of the same LLRT on a later day is a later version.
  version: `${Llrt.version}.${day.replaceAll("-", "")}`,
  description: `LLRT ${Llrt.version} for layers of AWS Lambda on ${arch}`,
  license: "Apache-2.0",
  repository: {
    type: "git",
    url: "git+https://github.com/effect-lambda/effect-lambda.git",
    directory: "packages/tools/llrt"
  },
  os: ["linux"],
  cpu: [arch],
  files: ["bin/llrt", "Cargo.lock", "THIRD-PARTY-NOTICES.txt"],
  llrt: { version: Llrt.version, built: day } satisfies Llrt.LlrtRecord
})

const noticesOf = (arch: Architecture): string => {
  const sysroot = execFileSync("rustc", ["--print", "sysroot"], { encoding: "utf8" }).trim()
  const crates = Notices.cratesOf(metadata(targets[arch].rust)).map(Notices.partOf)
  return Notices.render([...crates, Notices.rustPart(sysroot)])
}

/** Packs a binary, and gives the path of the tarball. */
const pack = (arch: Architecture, binary: string, out: string): string => {
  // The binary may be older than this call.
  const day = statSync(binary).mtime.toISOString().slice(0, 10)
  const folder = mkdtempSync(join(tmpdir(), "pack-llrt-"))
  try {
    mkdirSync(join(folder, "bin"))
    copyFileSync(binary, join(folder, "bin/llrt"))
    copyFileSync(join(sources(), "Cargo.lock"), join(folder, "Cargo.lock"))
    writeFileSync(join(folder, "THIRD-PARTY-NOTICES.txt"), noticesOf(arch))
    writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifestOf(arch, day), undefined, 2)}\n`)
    mkdirSync(out, { recursive: true })
    const args = ["pack", "--pack-destination", out, "--loglevel", "error"]
    return join(out, execFileSync("npm", args, { cwd: folder, encoding: "utf8" }).trim())
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: { arch: { type: "string" }, out: { type: "string", default: "dist" } } })
  const arch = values.arch ?? process.arch
  if (arch !== "x64" && arch !== "arm64") throw new BuildFailed(`--arch ${arch}: it has to be x64 or arm64`)
  const problem = kept(arch) === undefined ? obstacle(arch) : undefined
  if (problem !== undefined) throw new BuildFailed(problem)
  const binary = kept(arch) ?? (await made(arch))
  // The build would refuse the same faults in a layer.
  await Effect.runPromise(LlrtBinary.forLayer({ llrt: [binary], project: "/" }, arch))
  const tarball = pack(arch, binary, resolve(values.out))
  process.stdout.write(`${tarball}\n`)
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    const isKnown = error instanceof BuildFailed || (error instanceof Error && error.name === "UserError")
    process.stderr.write(`${isKnown ? error.message : String(error instanceof Error ? error.stack : error)}\n`)
    process.exitCode = 1
  })
}
