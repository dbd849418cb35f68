/**
 * `npm run conform [-- LAYER] [-- --runtime llrt] [-- --start eager] [-- --only PATTERN …]`: builds the layers of this
 * repository, and tries each of them in every scenario. The reports of each lie in a folder that is printed.
 */
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { build, execute, flagsOf, layers } from "./layers.ts"

const args = process.argv.slice(2)
/** Takes a flag of the build out of the arguments. */
const take = (flag: string, byDefault: string): string => {
  const at = args.indexOf(flag)
  return at === -1 ? byDefault : (args.splice(at, 2)[1] ?? "")
}
const how = { runtime: take("--runtime", "managed"), start: take("--start", "ready") }
const [first = ""] = args
const wanted = layers.filter(({ name }) => name === first)
const flags = wanted.length === 0 ? args : args.slice(1)

const folder = mkdtempSync(join(tmpdir(), "effect-lambda-conform-"))
const reports = (name: string) =>
  [
    ["--report", "html"],
    ["--junit", "xml"],
    ["--json", "json"]
  ].flatMap(([flag = "", ending]) => [flag, join(folder, `${name}.${ending}`)])

let failed = 0
for (const layer of wanted.length === 0 ? layers : wanted) {
  process.stdout.write(`\n${layer.name}\n`)
  const opt = await build(layer, join(folder, "layers"), how)
  const code = await execute(["conform", opt, ...flagsOf(layer), ...reports(layer.name), ...flags], true)
  if (code !== 0) failed++
}
process.stdout.write(`\nthe reports are in ${folder}\n`)
if (failed > 0) process.exitCode = 1
