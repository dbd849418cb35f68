/** `npm run conform:twins [PATTERN]`: plays every scenario against its good and its bad twin, and prints the table. */
import * as Effect from "effect/Effect"
import process from "node:process"
import { scenarios } from "../../src/conform/Scenarios.ts"
import { pairs, play } from "./twins.ts"

const pattern = process.argv[2] ?? ""

const rows = Effect.forEach(
  pairs.filter(({ scenario }) => scenario.includes(pattern)),
  Effect.fnUntraced(function* (pair) {
    const scenario = scenarios.find(({ name }) => name === pair.scenario)
    if (scenario === undefined) return yield* Effect.die(`no scenario ${pair.scenario}`)
    const { bad, good } = yield* play(scenario, pair)
    const isRight = good.judgement.status === "pass" && bad.judgement.status === (pair.expected ?? "fail")
    const row = [pair.scenario.padEnd(32), good.judgement.status.padEnd(6), bad.judgement.status.padEnd(6)]
    const twin = `${pair.file} ${pair.mistake}: ${bad.judgement.sentence}`
    process.stdout.write(`${isRight ? "  " : "! "}${row.join("  ")}  ${twin}\n`)
    if (good.judgement.status !== "pass") process.stdout.write(`    the good twin: ${good.judgement.sentence}\n`)
    return isRight
  }),
  { concurrency: 4 }
)

const results = await Effect.runPromise(rows)
const wrong = results.filter((isRight) => !isRight).length
process.stdout.write(`${results.length} scenarios, ${wrong} of them do not tell the twins apart\n`)
if (wrong > 0) process.exitCode = 1
