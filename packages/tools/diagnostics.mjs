// Runs the Effect diagnostics over every project of packages/tsconfig.json; the severities are in tsconfig.base.json.
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"

const packages = dirname(import.meta.dirname)
const solution = JSON.parse(readFileSync(join(packages, "tsconfig.json"), "utf8"))
let failed = false
for (const { path } of solution.references) {
  const project = join(packages, path.endsWith(".json") ? path : join(path, "tsconfig.json"))
  const run = spawnSync("effect-tsgo", ["diagnostics", "--project", project, "--strict", "--format", "text"], {
    stdio: "inherit"
  })
  failed ||= run.status !== 0
}
process.exit(failed ? 1 : 0)
