/** Compares what h11, a reader in Python, and we make of the same bytes: the same, or a difference that is listed here. */
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { isDeepStrictEqual } from "node:util"
import { randomFrom } from "../support/JsonTexts.ts"
import { type Outcome, readByUs, reasonOf } from "./outcome.ts"
import { cut, requestStream } from "./requestStreams.ts"

const Theirs = Schema.fromJsonString(
  Schema.Struct({
    requests: Schema.Array(Schema.Tuple([Schema.String, Schema.String, Schema.String])),
    answers: Schema.Array(Schema.Int),
    reason: Schema.String,
    isClosed: Schema.Boolean
  })
)
const decode = Schema.decodeUnknownSync(Theirs)

/** Refusals of h11 that say nothing about framing. */
const refusedByThemOnly = /Host: header|Too many/

/** How two outcomes relate. */
const relation = (pieces: ReadonlyArray<Buffer>, theirs: typeof Theirs.Type): string => {
  const ours = readByUs(pieces)
  const isRefused = ({ answers }: Pick<Outcome, "answers">) => (answers.at(-1) ?? 0) >= 400
  const isFirst = (few: Pick<Outcome, "requests">, many: Pick<Outcome, "requests">) =>
    isDeepStrictEqual(few.requests, many.requests.slice(0, few.requests.length))
  if (isDeepStrictEqual(ours.requests, theirs.requests) && isRefused(ours) === isRefused(theirs)) return "the same"
  const bytes = Buffer.concat(pieces)
  const reason = reasonOf(bytes)
  // Our end of the connection may come before the end of a request: its reason is not in the bytes.
  if (isRefused(ours) && isFirst(ours, theirs)) return `refused by us: ${reason}`
  if (theirs.isClosed && bytes.includes("HTTP/1.0") && isFirst(theirs, ours)) return "h11 never keeps HTTP/1.0"
  if (refusedByThemOnly.test(theirs.reason) && isFirst(theirs, ours)) return `refused by h11: ${theirs.reason}`
  return `DIFFERENT ${JSON.stringify({ bytes: bytes.toString("latin1"), ours, theirs, reason })}`
}

/** How often each relation came, for so many streams at random. */
export const compareWithH11 = async (python: string, runs: number, seed: number): Promise<Map<string, number>> => {
  const child = spawn(python, [join(import.meta.dirname, "h11_server.py")], { stdio: ["pipe", "pipe", "inherit"] })
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`${python} ended with ${code}; it needs the package h11`)))
  })
  // A later end is no failure, and nobody waits for it.
  failed.catch(() => {})
  child.stdin.on("error", () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const random = randomFrom(seed)
  const counts = new Map<string, number>()
  for (let run = 0; run < runs; run++) {
    const pieces = cut(random, requestStream(random, "Host: a\r\n"))
    child.stdin.write(`${JSON.stringify(pieces.map((piece) => piece.toString("latin1")))}\n`)
    const line = await Promise.race([lines.next(), failed])
    if (line.done) await failed
    const found = relation(pieces, decode(line.value))
    counts.set(found, 1 + (counts.get(found) ?? 0))
  }
  child.stdin.end()
  return counts
}
