// The compiler of this workspace: TypeScript that reports the diagnostics of Effect in the same pass. Their severities are
// in tsconfig.base.json.
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const modules = join(import.meta.dirname, "../../node_modules")
const note = join(modules, ".cache/tsc.json")
/** The folders have the versions in their names. */
const installed = ["@effect/tsgo", "typescript"].map((name) => realpathSync(join(modules, name))).join()

const noted = () => {
  try {
    const { from, path } = JSON.parse(readFileSync(note, "utf8"))
    return from === installed && existsSync(path) ? path : undefined
  } catch {
    // The first call in this checkout.
    return undefined
  }
}

/** The question takes half a second of the processor, and each package that is packed asks it. */
const find = () => {
  const path = execFileSync("effect-tsgo", ["get-exe-path"], { encoding: "utf8" }).trim()
  mkdirSync(join(modules, ".cache"), { recursive: true })
  // Several packages are packed at once.
  const unfinished = `${note}.${process.pid}`
  writeFileSync(unfinished, JSON.stringify({ from: installed, path }))
  renameSync(unfinished, note)
  return path
}

const { error, status } = spawnSync(noted() ?? find(), process.argv.slice(2), { stdio: "inherit" })
if (error !== undefined) throw error
process.exit(status ?? 1)
