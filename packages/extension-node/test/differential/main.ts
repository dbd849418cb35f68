/**
 * Compares our readers of HTTP with others, over bytes at random.
 *
 * `pnpm fuzz:requests --runs 1000000 --seed 1`: compares our reader of requests with llhttp, the parser of Node; with
 * `--h11 python3`, with h11 of that Python. With `--sockets` the streams come over real connections to the listener, which
 * must end each, answer afterwards, and keep no memory.
 *
 * `pnpm fuzz:answers --runs 100000 --seed 1`: sends answers over real connections to the client for sinks, which must read each
 * as llhttp does, send no POST twice, and keep no memory.
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import { parseArgs } from "node:util"
import { compareAnswers } from "./answers.ts"
import { compareStreams } from "./compare.ts"
import { compareWithH11 } from "./h11.ts"
import { attack, exchange, listener } from "./sockets.ts"

const print = (line: string) => void process.stdout.write(`${line}\n`)

const compareBoth = async (runs: number, seed: number, python: string | undefined): Promise<ReadonlyArray<string>> => {
  if (python === undefined) {
    const { different, refused, same, upgrades } = compareStreams(runs, seed)
    print(`${same} the same, ${upgrades} upgrades, which are not compared`)
    for (const [reason, count] of refused) print(`${count} refused: ${reason}`)
    return different
  }
  const relations = await compareWithH11(python, runs, seed)
  const isDifferent = (relation: string) => relation.startsWith("DIFFERENT")
  for (const [relation, count] of relations) {
    if (!isDifferent(relation)) print(`${count} ${relation}`)
  }
  return [...relations.keys()].filter(isDifferent)
}

/** The bytes that the memory of the process may grow by after the first tenth. */
const maxGrowth = 64 * 2 ** 20

const attackListener = Effect.fnUntraced(function* (runs: number, seed: number) {
  const { port, seen } = yield* listener
  yield* attack(port, Math.ceil(runs / 10), seed)
  const before = process.memoryUsage.rss()
  yield* attack(port, runs, seed + 1)
  const growth = process.memoryUsage.rss() - before
  const answer = yield* exchange(port, ["POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]"])
  print(`${seen.bodies} bodies, ${Math.round(growth / 2 ** 20)} MiB more memory`)
  const faults = []
  if (growth > maxGrowth) faults.push("the memory grew too much")
  if (!answer.startsWith("HTTP/1.1 200 OK")) faults.push(`the listener answers no more: ${answer}`)
  return faults
}, Effect.scoped)

const attackClient = Effect.fnUntraced(function* (runs: number, seed: number) {
  // The heap takes its size first.
  yield* compareAnswers(Math.max(5000, Math.ceil(runs / 10)), seed + 1)
  const before = process.memoryUsage.rss()
  const { different, failed, lost, refused, same, upgrades } = yield* compareAnswers(runs, seed)
  const growth = process.memoryUsage.rss() - before
  print(`${same} the same, ${failed} failed in both, ${upgrades} upgrades, which are not compared`)
  print(
    `${lost} did not arrive, since the server was ending the kept connection, or had sent more than its last answer`
  )
  for (const [reason, count] of refused) print(`${count} refused: ${reason}`)
  print(`${Math.round(growth / 2 ** 20)} MiB more memory`)
  return growth > maxGrowth ? [...different, "the memory grew too much"] : different
})

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "100000" },
    seed: { type: "string", default: "1" },
    h11: { type: "string" },
    sockets: { type: "boolean", default: false },
    answers: { type: "boolean", default: false }
  }
})
const [runs, seed] = [Number(values.runs), Number(values.seed)]
if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write("--runs is a number from 1, and --seed is a number.\n")
  process.exit(1)
}
print(`${runs} streams, seed ${seed}`)
const different = values.answers
  ? await Effect.runPromise(attackClient(runs, seed))
  : values.sockets
    ? await Effect.runPromise(attackListener(runs, seed))
    : await compareBoth(runs, seed, values.h11)
print(`${different.length} different`)
for (const stream of different.slice(0, 10)) print(stream)
process.exitCode = different.length > 0 ? 1 : 0
