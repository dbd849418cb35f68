// Runs the Effect diagnostics over every project of packages/tsconfig.json; the severities are in tsconfig.base.json.
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const solution = JSON.parse(readFileSync(join(import.meta.dirname, "tsconfig.json"), "utf8"))
let failed = false
for (const { path } of solution.references) {
  const project = join(import.meta.dirname, path.endsWith(".json") ? path : join(path, "tsconfig.json"))
  const run = spawnSync("effect-tsgo", ["diagnostics", "--project", project, "--strict", "--format", "text"], {
    stdio: "inherit"
  })
  failed ||= run.status !== 0
}
process.exit(failed ? 1 : 0)
