/** Bytes that are almost a request of OTLP, at random, and what must be true of the walk over each. */
import * as Result from "effect/Result"
import { isDeepStrictEqual } from "node:util"
import { decode } from "../../src/internal/wire/decode.ts"
import { encodeJson } from "../../src/internal/wire/encode.ts"
import { requests, type Signal } from "../../src/internal/wire/schema.ts"
import { serverSpan } from "../../src/internal/wire/serverSpan.ts"
import { walk } from "../../src/internal/wire/walk.ts"
import { oneOf, type Random, randomFrom, upTo } from "../../../extension-node/test/support/JsonTexts.ts"
import { countOfficially, decodeOfficially, requestType } from "./official.ts"
import { randomRequest } from "./randomRequest.ts"

export const signals: readonly [Signal, ...ReadonlyArray<Signal>] = ["traces", "metrics", "logs"]

const insertions: readonly [ReadonlyArray<number>, ...ReadonlyArray<ReadonlyArray<number>>] = [
  // A varint of eleven bytes, one that is too large, a length beyond all bytes, a group, its end, two types that do not exist.
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
  [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x0b],
  [0x0c],
  [0x0e],
  [0x0f],
  // The fields 0 and 2^29-1, an unknown field, a 1 that is written in three bytes.
  [0x00],
  [0xfa, 0xff, 0xff, 0xff, 0x0f, 0x00],
  [0xf8, 0x3f, 0x01],
  [0x81, 0x80, 0x00],
  [0xc0, 0xaf],
  [0xed, 0xa0, 0x80]
]

const splice = (bytes: Uint8Array, at: number, removed: number, added: ReadonlyArray<number>) =>
  Uint8Array.from([...bytes.subarray(0, at), ...added, ...bytes.subarray(at + removed)])

const damage = (random: Random, bytes: Uint8Array): Uint8Array => {
  const at = upTo(random, bytes.length)
  switch (upTo(random, 5)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return splice(bytes, at, 1, [upTo(random, 255)])
    case 2:
      return splice(bytes, at, 0, oneOf(random, insertions))
    case 3:
      return splice(bytes, at, upTo(random, 4), [])
    case 4:
      return splice(bytes, at, 0, [...bytes.subarray(upTo(random, bytes.length))].slice(0, 300))
    default:
      return Uint8Array.from({ length: upTo(random, 60) }, () => upTo(random, 255))
  }
}

/** A request that was damaged in up to three places, or is only noise. */
export const hostile = (random: Random, signal: Signal): Uint8Array => {
  let bytes = randomRequest(random, signal)
  for (let left = 1 + upTo(random, 2); left > 0; left--) bytes = damage(random, bytes)
  return bytes
}

/** @returns a fault of ours; `undefined` if there is none */
const faultOf = (signal: Signal, bytes: Uint8Array): string | undefined => {
  const usual = walk(signal, bytes, false)
  if (Result.isSuccess(usual)) for (const extent of usual.success.serverSpans) serverSpan(bytes, extent)
  const walked = walk(signal, bytes, true)
  if (Result.isFailure(walked)) return undefined
  if (!isDeepStrictEqual(usual, walked))
    return "the usual walk finds something else than the walk that reads everything"
  const decoded = decode(requests[signal], bytes)
  if (countOfficially(decoded) !== walked.success.count) return "the walk and the decoder count differently"
  try {
    decodeOfficially(requestType(signal), bytes)
  } catch (cause) {
    return `the official decoder refuses what we accept: ${String(cause)}`
  }
  return undefined
}

/** Walks over so many hostile bodies. */
export const attackWalk = (runs: number, seed: number) => {
  const random = randomFrom(seed)
  const faults: Array<string> = []
  let accepted = 0
  for (let run = 0; run < runs; run++) {
    const signal = oneOf(random, signals)
    const bytes = hostile(random, signal)
    let fault: string | undefined
    try {
      if (Result.isSuccess(walk(signal, bytes, true))) accepted++
      fault = faultOf(signal, bytes)
      // Nothing of this is JSON, or nearly nothing.
      encodeJson(signal, bytes)
    } catch (cause) {
      fault = String(cause)
    }
    if (fault !== undefined) faults.push(`${signal} ${Buffer.from(bytes).toString("hex")}: ${fault}`)
  }
  return { faults, accepted }
}

const jsonDamage: readonly [string, ...ReadonlyArray<string>] = [
  "{",
  "}",
  "[",
  "]",
  '"',
  "null",
  "1e999",
  "-",
  ",",
  ":",
  "\\",
  "\u0000"
]

/** Transcodes so many hostile texts of JSON. What is accepted has to be a request. */
export const attackJson = (runs: number, seed: number) => {
  const random = randomFrom(seed)
  const faults: Array<string> = []
  let accepted = 0
  for (let run = 0; run < runs; run++) {
    const signal = oneOf(random, signals)
    let text = JSON.stringify(decode(requests[signal], randomRequest(random, signal)))
    for (let left = upTo(random, 2); left > 0; left--) {
      const at = upTo(random, text.length)
      text = text.slice(0, at) + oneOf(random, jsonDamage) + text.slice(at + upTo(random, 3))
    }
    try {
      const encoded = encodeJson(signal, Buffer.from(text))
      if (Result.isFailure(encoded)) continue
      accepted++
      if (Result.isFailure(walk(signal, encoded.success, true)))
        faults.push(`${text}: the walk refuses what was encoded`)
    } catch (cause) {
      faults.push(`${text}: ${String(cause)}`)
    }
  }
  return { faults, accepted }
}
