/**
 * `npm run conform:steady [-- LAYER] [-- --only PATTERN …]`: five runs of `conform` over a layer, and three more while every
 * processor is busy. A verdict that is not the same in all of them is printed, and the exit code is 1.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readFileSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import * as Schema from "effect/Schema"
import { ConformReport } from "../../src/conform/ConformJson.ts"
import { build, execute, flagsOf, layers } from "./layers.ts"

const quietRuns = 5
const busyRuns = 3

const args = process.argv.slice(2)
const wanted = layers.find(({ name }) => name === args[0])
const layer = wanted ?? layers[1] ?? layers[0]
if (layer === undefined) throw new Error("no layer")
const flags = wanted === undefined ? args : args.slice(1)

const folder = mkdtempSync(join(tmpdir(), "effect-lambda-steady-"))
const opt = await build(layer, join(folder, "layers"))
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(ConformReport))

/** The verdicts of a run, each with its sentence. */
const run = async (name: string) => {
  const file = join(folder, `${name}.json`)
  const started = Date.now()
  const code = await execute(["conform", opt, ...flagsOf(layer), ...flags, "--json", file], false)
  if (code === 2) throw new Error("conform could not be run")
  const { verdicts } = decode(readFileSync(file, "utf8"))
  process.stdout.write(`${name}: ${verdicts.length} verdicts in ${Math.round((Date.now() - started) / 1000)} s\n`)
  return { name, verdicts }
}

process.stdout.write(`${layer.name}, ${quietRuns} runs and ${busyRuns} beside ${availableParallelism()} burners\n`)
const runs: Array<Awaited<ReturnType<typeof run>>> = []
for (let number = 1; number <= quietRuns; number++) runs.push(await run(`quiet-${number}`))

const burners: Array<ChildProcess> = []
try {
  for (let number = 0; number < availableParallelism(); number++) {
    burners.push(spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }))
  }
  for (let number = 1; number <= busyRuns; number++) runs.push(await run(`busy-${number}`))
} finally {
  for (const burner of burners) burner.kill("SIGKILL")
}

let differences = 0
for (const { name } of runs[0]?.verdicts ?? []) {
  const found = runs.map(({ name: run, verdicts }) => ({ run, verdict: verdicts.find((one) => one.name === name) }))
  if (new Set(found.map(({ verdict }) => verdict?.status)).size === 1) continue
  differences++
  process.stdout.write(`${name} differs:\n`)
  for (const { run, verdict } of found) process.stdout.write(`  ${run}: ${verdict?.status}: ${verdict?.sentence}\n`)
}
process.stdout.write(differences === 0 ? "the verdicts are the same in all runs\n" : `${differences} verdicts differ\n`)
process.stdout.write(`the reports are in ${folder}\n`)
if (differences > 0) process.exitCode = 1
