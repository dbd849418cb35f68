/** The facts about LLRT in a layer: the version of its binary, the day on which it was built, the form of its bytecode. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Zlib from "node:zlib"
import * as Bytecode from "./Bytecode.ts"

/** The version of LLRT that layers are built with: its modules, its bytecode and its faults are known. */
export const version = "0.8.1-beta"

/** The list of authorities that are part of this version; LLRT does not read those of the system. */
export const certificates = "Mozilla's certificate authorities in webpki-roots 1.0.6"

/** The day on which a binary was built, as its npm package says. */
const Built = Schema.String.check(Schema.isPattern(/^\d{4}-\d{2}-\d{2}$/))

/** The content of `<name>/llrt.json` in a layer, and of the field `llrt` in the package.json beside a binary. */
export const LlrtRecord = Schema.Struct({
  version: Schema.String,
  /** Without it the age is not known: the time of a file is that of a copy. */
  built: Schema.optionalKey(Built)
})

export type LlrtRecord = typeof LlrtRecord.Type

/** The path of the record in a layer. */
export const pathOf = (name: string): string => `${name}/llrt.json`

/** The path of the binary in a layer. */
export const binaryOf = (name: string): string => `${name}/bin/llrt`

/** Reads a record; `undefined` if it is none. */
export const decode = (input: unknown): LlrtRecord | undefined =>
  Option.getOrUndefined(Schema.decodeUnknownOption(LlrtRecord)(input))

/** Reads the text of a record. */
export const fromText = (text: string): LlrtRecord | undefined =>
  Option.getOrUndefined(Schema.decodeUnknownOption(Schema.fromJsonString(LlrtRecord))(text))

/** Reads the version out of a binary, which is not started for that: it may be for another machine. `undefined`: no LLRT. */
export const versionOf = (bytes: Uint8Array): string | undefined => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = buffer.indexOf("LLRT v"); at !== -1; at = buffer.indexOf("LLRT v", at + 1)) {
    const found = /^LLRT v(\d[\w.+-]*) \(/.exec(buffer.toString("latin1", at, at + 60))?.[1]
    if (found !== undefined) return found
  }
  return undefined
}

/** `packages/tools/llrt/peer.c` puts this text into a binary, with the function that makes it true. */
const survivalMark = "effect-lambda: a reset before accept is survived"

/**
 * Whether LLRT goes on when a client resets its connection before LLRT has accepted it. The binary of `cargo install` ends then,
 * since its `net` asks for the client's address too late.
 */
export const survivesReset = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(survivalMark)

/** What is said of a binary that does not. */
export const resetAdvice =
  "this LLRT, as cargo install builds it, ends if a client of a listener resets its connection before LLRT has accepted it; " +
  "a binary that npm run pack:llrt made goes on"

const packedMark = "lrt01c"
const plainMark = "lrt01u"

/** The first bytes of the bytecode of this version, packed or not. */
export const isBytecode = (bytes: Uint8Array): boolean =>
  [packedMark, plainMark].includes(Buffer.from(bytes.subarray(0, 6)).toString("latin1"))

/** Behind the mark comes the length, and then a frame of Zstandard. */
const frameAt = 10
const dictionaryMark = Buffer.from([0x37, 0xa4, 0x30, 0xec])
const dictionaryBytes = 40 * 1024

/** The place of the dictionary in a binary that this bytecode was packed with; `-1`: the binary has another one. */
const dictionaryAt = (bytecode: Uint8Array, binary: Uint8Array): number => {
  const descriptor = bytecode[frameAt + 4] ?? 0
  // A frame whose content is one segment has no byte for the size of its window.
  const at = frameAt + 5 + ((descriptor & 0x20) === 0 ? 1 : 0)
  const id = bytecode.subarray(at, at + 4)
  // All dictionaries of LLRT have a number of four bytes.
  if ((descriptor & 3) !== 3 || id.length !== 4) return -1
  return Buffer.from(binary.buffer, binary.byteOffset, binary.length).indexOf(Buffer.concat([dictionaryMark, id]))
}

const isPacked = (bytecode: Uint8Array): boolean =>
  Buffer.from(bytecode.subarray(0, 6)).toString("latin1") === packedMark

/** Says whether a binary has the dictionary of the bytecode. Each build makes one, so the version alone does not tell. */
export const hasDictionary = (bytecode: Uint8Array, binary: Uint8Array): boolean =>
  !isPacked(bytecode) || dictionaryAt(bytecode, binary) !== -1

/**
 * Unpacks bytecode, which then works on every build of its version and on each processor, and starts sooner.
 *
 * @throws Error if the binary has not packed it
 */
export const unpacked = (bytecode: Uint8Array, binary: Uint8Array): Uint8Array => {
  if (!isPacked(bytecode)) return bytecode
  const at = dictionaryAt(bytecode, binary)
  if (at === -1) throw new Error("the dictionary of the bytecode is not in the binary")
  const dictionary = binary.subarray(at, at + dictionaryBytes)
  const plain = Zlib.zstdDecompressSync(bytecode.subarray(frameAt), { dictionary })
  return Buffer.concat([Buffer.from(plainMark), plain])
}

/**
 * Leaves out what only costs time at the start, of bytecode that is not packed.
 *
 * @param source the text that was compiled
 * @throws Error if it is not bytecode of this version
 */
export const stripped = (bytecode: Uint8Array, source: string): Uint8Array =>
  Bytecode.stripped(bytecode, plainMark.length, source)

const day = 24 * 60 * 60 * 1000

/** Faults of security are mended in new versions only, so a binary should not become older. */
export const longestAgeDays = 90

/** The remedy for an old binary, and for one whose age is not known. */
export const ageAdvice =
  "faults of security are mended in newer versions, so build with the newest package, or with a binary that npm run pack:llrt made"

/** A binary that is old, or whose age is not known. */
export interface Age {
  readonly isKnown: boolean
  readonly message: string
}

/** Says that a binary is old, or that its age is not known; `undefined`: neither. */
export const ageOf = ({ built }: LlrtRecord, now: number): Age | undefined => {
  const days = built === undefined ? Number.NaN : Math.floor((now - Date.parse(built)) / day)
  // Not a number: a day that does not exist. Less than -1: one that has come nowhere on earth.
  if (!(days >= -1)) return { isKnown: false, message: "the day on which this LLRT was built is not known" }
  return days > longestAgeDays
    ? { isKnown: true, message: `this LLRT was built on ${built}, ${days} days ago` }
    : undefined
}
