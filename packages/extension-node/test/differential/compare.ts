/** Compares what llhttp and we make of the same bytes: the same, or a refusal of ours that is listed here. */
import { isDeepStrictEqual } from "node:util"
import { type Random, randomFrom } from "../support/JsonTexts.ts"
import { readByLlhttp } from "./llhttp.mjs"
import { readByUs, reasonOf } from "./outcome.ts"
import { cut, requestStream } from "./requestStreams.ts"

/** The reasons for which we refuse what llhttp may accept. */
export const stricter: Readonly<Record<string, string>> = {
  "the first line is not HTTP":
    "CONNECT, targets with a fragment or of another scheme, a URL without a path, " +
    "more than one space, an empty line before a request, HTTP/0.9",
  "chunks came over HTTP/1.0": "readers of HTTP/1.0 take chunks for the body itself (RFC 9112, 6.1)",
  "the message comes in a transfer encoding that is not known": "llhttp hands over the bytes of gzip before chunked",
  "the request expects something that is not known": "llhttp leaves expectations to its server, which answers 417 too",
  "a chunk of the message has no length": "more than eight digits; an extension that RFC 9112, 7.1.1 does not have",
  "the message has the header connection after its body": "llhttp obeys it, other readers do not"
}

/** How many streams had the same outcome, how many were refused for which reason, and the ones that differ. */
export interface Tally {
  same: number
  upgrades: number
  readonly refused: Map<string, number>
  readonly different: Array<string>
}

const compareOne = (pieces: ReadonlyArray<Buffer>, tally: Tally) => {
  const { isUpgrade, ...theirs } = readByLlhttp(pieces)
  if (isUpgrade) return void tally.upgrades++
  const ours = readByUs(pieces)
  if (isDeepStrictEqual(ours, theirs)) return void tally.same++
  const bytes = Buffer.concat(pieces)
  const reason = reasonOf(bytes)
  const answers = ours.answers.slice(0, -1)
  const isStricter =
    Object.hasOwn(stricter, reason) &&
    (ours.answers.at(-1) ?? 0) >= 400 &&
    isDeepStrictEqual(answers, theirs.answers.slice(0, answers.length)) &&
    isDeepStrictEqual(ours.requests, theirs.requests.slice(0, ours.requests.length))
  if (isStricter) return void tally.refused.set(reason, 1 + (tally.refused.get(reason) ?? 0))
  tally.different.push(JSON.stringify({ bytes: bytes.toString("latin1"), ours, theirs, reason }))
}

/** Compares the outcome of so many streams at random. The same seed gives the same streams. */
export const compareStreams = (runs: number, seed: number): Tally => {
  const random: Random = randomFrom(seed)
  const tally: Tally = { same: 0, upgrades: 0, refused: new Map(), different: [] }
  for (let run = 0; run < runs; run++) compareOne(cut(random, requestStream(random)), tally)
  return tally
}

/** The outcome of a single stream. */
export const compareText = (text: string): Tally => {
  const tally: Tally = { same: 0, upgrades: 0, refused: new Map(), different: [] }
  compareOne([Buffer.from(text, "latin1")], tally)
  return tally
}
