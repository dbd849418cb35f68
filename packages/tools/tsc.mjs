// The compiler of this workspace: TypeScript that reports the diagnostics of Effect in the same pass. Their severities are
// in tsconfig.base.json.
import { execFileSync, spawnSync } from "node:child_process"

const compiler = execFileSync("effect-tsgo", ["get-exe-path"], { encoding: "utf8" }).trim()
const { error, status } = spawnSync(compiler, process.argv.slice(2), { stdio: "inherit" })
if (error !== undefined) throw error
process.exit(status ?? 1)
