/** `pnpm fuzz:otlp --runs 1000000 --seed 1`: hostile bodies for the reader of OTLP, in protobuf and in JSON. */
import process from "node:process"
import { parseArgs } from "node:util"
import { attackJson, attackWalk } from "./support/hostile.ts"

const { values } = parseArgs({
  options: { runs: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } }
})
const [runs, seed] = [Number(values.runs), Number(values.seed)]
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write("--runs is a number from 1, and --seed is a number.\n")
  process.exit(1)
}
const protobuf = attackWalk(runs, seed)
const json = attackJson(Math.ceil(runs / 10), seed)
const faults = [...protobuf.faults, ...json.faults]
process.stdout.write(
  `${runs} bodies of protobuf, ${protobuf.accepted} accepted; ${Math.ceil(runs / 10)} of JSON, ${json.accepted} accepted\n`
)
for (const fault of faults.slice(0, 20)) process.stdout.write(`${fault}\n`)
process.stdout.write(`${faults.length} faults\n`)
process.exit(faults.length === 0 ? 0 : 1)
