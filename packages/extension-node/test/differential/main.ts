/** `pnpm fuzz:requests --runs 1000000 --seed 1`: compares our reader of requests with llhttp, the parser of Node. */
import process from "node:process"
import { parseArgs } from "node:util"
import { compareStreams } from "./compare.ts"

const { values } = parseArgs({
  options: { runs: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } }
})
const [runs, seed] = [Number(values.runs), Number(values.seed)]
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write("--runs is a number from 1, and --seed is a number.\n")
  process.exit(1)
}
const { different, refused, same, upgrades } = compareStreams(runs, seed)
process.stdout.write(`${runs} streams, seed ${seed}: ${same} the same, ${upgrades} upgrades, which are not compared\n`)
for (const [reason, count] of refused) process.stdout.write(`${count} refused: ${reason}\n`)
process.stdout.write(`${different.length} different\n`)
for (const stream of different.slice(0, 10)) process.stdout.write(`${stream}\n`)
process.exitCode = different.length > 0 ? 1 : 0
