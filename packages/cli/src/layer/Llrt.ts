/** The facts about LLRT in a layer: the version of its binary, the day on which it was built, the form of its bytecode. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

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

/** The first bytes of the bytecode of this version, compressed or not. */
export const isBytecode = (bytes: Uint8Array): boolean =>
  /^lrt01[cu]$/.test(Buffer.from(bytes.subarray(0, 6)).toString("latin1"))

const day = 24 * 60 * 60 * 1000

/** Faults of security are mended in new versions only, so a binary should not become older. */
export const longestAgeDays = 90

/** The remedy for an old binary, and for one whose age is not known. */
export const ageAdvice =
  "faults of security are mended in newer versions, so build with the newest package, or with a binary that npm run pack:llrt made"

/** Says that a binary is old, or that its age is not known; `undefined`: neither. */
export const ageOf = ({ built }: LlrtRecord, now: number): string | undefined => {
  if (built === undefined) return "the day on which this LLRT was built is not known"
  const days = Math.floor((now - Date.parse(built)) / day)
  return days > longestAgeDays ? `this LLRT was built on ${built}, ${days} days ago` : undefined
}
