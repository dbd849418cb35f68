/**
 * `node packages/test/english/main.ts [--all] FOLDER…`: the table of each folder, then the sentences
 * of groups that pass a limit, and exit code 1 if there are some. With `--all`, every sentence that breaks a rule.
 */
import process from "node:process"
import * as Report from "./report.ts"

const words = process.argv.slice(2)
const folders = words.filter((word) => word !== "--all")
if (folders.length === 0) {
  process.stderr.write("Name the folders to read: node packages/test/english/main.ts [--all] FOLDER…\n")
  process.exitCode = 1
}
for (const folder of folders) {
  const groups = Report.read(folder)
  process.stdout.write(`${folder}\n${Report.table(groups)}\n\n`)
  if (Report.excesses(groups).length > 0) process.exitCode = 1
  const lines = words.includes("--all") ? Report.faults(groups) : Report.excesses(groups)
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n\n`)
}
