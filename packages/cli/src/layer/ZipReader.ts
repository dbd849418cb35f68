/**
 * Reads the zip of a layer that any tool has written, with permissions, symbolic links and odd paths. An entry is inflated
 * only when it is asked for, and never to more bytes than the directory of the zip announced.
 */
import * as Result from "effect/Result"
import { crc32, inflateRawSync } from "node:zlib"
import type { LayerEntry } from "./LayerEntry.ts"

/** Four times the size that Lambda unpacks. */
const maxUnpackedBytes = 1024 ** 3

const endSignature = 0x06_05_4b_50
const directorySignature = 0x02_01_4b_50
const localSignature = 0x04_03_4b_50
const noValue32 = 0xff_ff_ff_ff

const unixHosts = new Set([3, 19])

const kindOf = (path: string, mode: number): LayerEntry["kind"] => {
  if (path.endsWith("/")) return "directory"
  switch (mode & 0o170_000) {
    case 0:
    case 0o100_000:
      return "file"
    case 0o040_000:
      return "directory"
    case 0o120_000:
      return "symlink"
    default:
      return "other"
  }
}

/** Finds the end record, which only a comment of at most 65535 bytes may follow. */
const findEnd = (view: DataView): number | undefined => {
  for (let at = view.byteLength - 22; at >= Math.max(0, view.byteLength - 22 - 0xff_ff); at--) {
    if (view.getUint32(at, true) === endSignature) return at
  }
  return undefined
}

interface Header {
  readonly path: string
  readonly flags: number
  readonly method: number
  readonly checksum: number
  readonly packedBytes: number
  readonly size: number
  readonly offset: number
}

/** Reads the sizes of a zip64 entry. The extra field holds only those whose value in the header says "too big". */
const zip64Of = (view: DataView, begin: number, end: number, fields: ReadonlyArray<number>): ReadonlyArray<number> => {
  for (let at = begin; at + 4 <= end; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue
    let next = at + 4
    return fields.map((field) => {
      if (field !== noValue32) return field
      next += 8
      return Number(view.getBigUint64(next - 8, true))
    })
  }
  return fields
}

/** Unpacks the bytes of an entry. Throws a sentence, so that other files can be read if one is damaged. */
const unpack = (bytes: Uint8Array, header: Header, shift: number): Uint8Array => {
  if ((header.flags & 1) !== 0) throw new Error("the entry is encrypted, and Lambda has no password")
  if (header.method !== 0 && header.method !== 8) {
    throw new Error(
      `the entry is packed with method ${header.method}; only stored and deflated files can be unpacked everywhere`
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = header.offset + shift
  if (at < 0 || at + 30 > bytes.length || view.getUint32(at, true) !== localSignature) {
    throw new Error("the header of the entry is not at the place that the directory of the zip names")
  }
  const begin = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true)
  const packed = bytes.subarray(begin, begin + header.packedBytes)
  if (packed.length < header.packedBytes) throw new Error("the zip ends in the middle of the entry")
  let content = packed
  if (header.method === 8) {
    try {
      content = inflateRawSync(packed, { maxOutputLength: Math.max(1, header.size) })
    } catch {
      throw new Error("the packed bytes cannot be inflated to the size that the zip says")
    }
  }
  if (content.length !== header.size) {
    throw new Error(`the entry has ${content.length} bytes, but the zip says ${header.size}`)
  }
  if (crc32(content) !== header.checksum) throw new Error("the checksum is wrong")
  return content
}

/** The range of an entry in the zip; `undefined` if it is not at the place that the directory names, which `unpack` reports. */
const rangeOf = (view: DataView, { offset, packedBytes, path }: Header, shift: number) => {
  const at = offset + shift
  if (at < 0 || at + 30 > view.byteLength || view.getUint32(at, true) !== localSignature) return undefined
  const begin = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true)
  return { path, begin: at, end: begin + packedBytes }
}

/**
 * The first two entries that share bytes. No tool writes such a zip, only an attacker: a few bytes unpack again for each
 * entry, to any size.
 */
const overlapOf = (ranges: ReadonlyArray<NonNullable<ReturnType<typeof rangeOf>>>) => {
  const sorted = ranges.toSorted((a, b) => a.begin - b.begin)
  for (const [index, range] of sorted.entries()) {
    const next = sorted[index + 1]
    if (next !== undefined && next.begin < range.end) return [range.path, next.path] as const
  }
  return undefined
}

const directoryOf = (bytes: Uint8Array): Result.Result<ReadonlyArray<LayerEntry>, string> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = findEnd(view)
  if (end === undefined) {
    const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b
    return Result.fail(isZip ? "the end of the zip is missing; is the file complete?" : "the file is not a zip")
  }
  const count = view.getUint16(end + 10, true)
  const size = view.getUint32(end + 12, true)
  const offset = view.getUint32(end + 16, true)
  if (count === 0xff_ff || offset === noValue32) {
    return Result.fail("the file is a zip64 of 65,535 files or 4 GiB and more, which no layer can be")
  }
  // The shift is not 0 if the file has something before the zip, such as a program that unpacks it.
  const shift = end - size - offset
  const entries: Array<LayerEntry> = []
  const ranges: Array<NonNullable<ReturnType<typeof rangeOf>>> = []
  let total = 0
  let at = end - size
  for (let index = 0; index < count; index++) {
    if (view.getUint32(at, true) !== directorySignature) {
      return Result.fail(`the directory of the zip is broken after ${index} of ${count} entries`)
    }
    const nameEnd = at + 46 + view.getUint16(at + 28, true)
    const extraEnd = nameEnd + view.getUint16(at + 30, true)
    if (extraEnd > end) return Result.fail(`the directory of the zip is broken after ${index} of ${count} entries`)
    const [unpackedBytes = 0, packedBytes = 0, localOffset = 0] = zip64Of(view, nameEnd, extraEnd, [
      view.getUint32(at + 24, true),
      view.getUint32(at + 20, true),
      view.getUint32(at + 42, true)
    ])
    const name = new TextDecoder().decode(bytes.subarray(at + 46, nameEnd))
    // Tools without Unix permissions, such as those of Windows, write none.
    const attributes = unixHosts.has(view.getUint8(at + 5)) ? view.getUint32(at + 38, true) >>> 16 : 0
    const header: Header = {
      path: name,
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      checksum: view.getUint32(at + 16, true),
      packedBytes,
      size: unpackedBytes,
      offset: localOffset
    }
    total += unpackedBytes
    const range = rangeOf(view, header, shift)
    if (range !== undefined) ranges.push(range)
    entries.push({
      path: name.endsWith("/") ? name.slice(0, -1) : name,
      kind: kindOf(name, attributes),
      mode: attributes === 0 ? undefined : attributes & 0o7777,
      size: unpackedBytes,
      read: () => unpack(bytes, header, shift)
    })
    at = extraEnd + view.getUint16(at + 32, true)
  }
  const overlap = overlapOf(ranges)
  if (overlap !== undefined) {
    const [first, second] = overlap.map((path) => JSON.stringify(path.slice(0, 200)))
    return Result.fail(`the entries ${first} and ${second} share bytes; zip again, into a new file`)
  }
  return total > maxUnpackedBytes
    ? Result.fail(`the zip says that it unpacks to ${total} bytes, over 1 GiB; Lambda takes 250 MB`)
    : Result.succeed(entries)
}

/**
 * Reads the entries of a zip, or says in a sentence why they cannot be read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (bytes: Uint8Array): Result.Result<ReadonlyArray<LayerEntry>, string> =>
  Result.try({
    try: () => directoryOf(bytes),
    // A number in the directory points outside the file.
    catch: () => "the directory of the zip is broken"
  }).pipe(Result.flatMap((entries) => entries))
