/** Layers as other tools write them, wrong ones too. */
import * as Result from "effect/Result"
import { crc32, deflateRawSync } from "node:zlib"
import type { Finding, Target } from "../../src/check/Finding.ts"
import * as Findings from "../../src/check/Findings.ts"
import * as FunctionRuntime from "../../src/check/FunctionRuntime.ts"
import * as Stub from "../../src/build/entry/Stub.ts"
import * as ZipReader from "../../src/layer/ZipReader.ts"

export interface File {
  readonly path: string
  readonly bytes: string | Uint8Array
  readonly mode?: number
  /** Unix, as `zip` on Linux writes it; 0 is Windows. */
  readonly host?: number
  readonly method?: number
  readonly flags?: number
  /** The false values that the zip has. */
  readonly size?: number
  readonly crc?: number
}

/** A zip writer that writes what it is told, wrong things too. */
export const zipOf = (files: ReadonlyArray<File>): Buffer => {
  const local: Array<Buffer> = []
  const central: Array<Buffer> = []
  let offset = 0
  for (const file of files) {
    const bytes = Buffer.from(file.bytes)
    const method = file.method ?? 8
    const packed = method === 8 ? deflateRawSync(bytes) : bytes
    const name = Buffer.from(file.path)
    const header = Buffer.alloc(46)
    header.writeUInt32LE(0x02014b50, 0)
    header.writeUInt8(file.host ?? 3, 5)
    header.writeUInt16LE(file.flags ?? 0, 8)
    header.writeUInt16LE(method, 10)
    header.writeUInt32LE(file.crc ?? crc32(bytes), 16)
    header.writeUInt32LE(packed.length, 20)
    header.writeUInt32LE(file.size ?? bytes.length, 24)
    header.writeUInt16LE(name.length, 28)
    header.writeUInt32LE(((file.host === 0 ? 0 : (file.mode ?? 0o100644)) << 16) >>> 0, 38)
    header.writeUInt32LE(offset, 42)
    const start = Buffer.alloc(30)
    start.writeUInt32LE(0x04034b50, 0)
    start.writeUInt16LE(name.length, 26)
    local.push(start, name, packed)
    central.push(header, name)
    offset += start.length + name.length + packed.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(files.length, 8)
  end.writeUInt16LE(files.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...local, directory, end])
}

/** An ELF program: its machine, and what it is linked with. */
export const elfOf = (options: {
  readonly machine: number
  readonly interpreter?: string
  readonly needed?: ReadonlyArray<string>
  readonly versions?: ReadonlyArray<string>
}): Buffer => {
  const needed = options.needed ?? []
  const versions = options.versions ?? []
  const strings = ["", ...needed, ...versions]
  let end = 0
  const offsets = strings.map((text) => {
    const start = end
    end += text.length + 1
    return start
  })
  const at = (text: string) => BigInt(offsets[strings.indexOf(text)] ?? 0)
  const base = 64 + 3 * 56
  const table = Buffer.from(`${strings.join("\0")}\0`)
  const interpreter = Buffer.from(`${options.interpreter ?? ""}\0`)
  const chain = Buffer.alloc(16 + versions.length * 16)
  chain.writeUInt16LE(versions.length, 2)
  chain.writeUInt32LE(16, 8)
  versions.forEach((version, index) => {
    chain.writeUInt32LE(Number(at(version)), 16 + index * 16 + 8)
    chain.writeUInt32LE(index === versions.length - 1 ? 0 : 16, 16 + index * 16 + 12)
  })
  const tableAt = base
  const interpreterAt = tableAt + table.length
  const chainAt = interpreterAt + interpreter.length
  const dynamicAt = chainAt + chain.length
  const tags: Array<readonly [number, bigint]> = [
    ...needed.map((text) => [1, at(text)] as const),
    [5, BigInt(tableAt)],
    ...(versions.length === 0 ? [] : [[0x6ffffffe, BigInt(chainAt)] as const]),
    [0, 0n]
  ]
  const dynamic = Buffer.alloc(tags.length * 16)
  tags.forEach(([tag, value], index) => {
    dynamic.writeBigUInt64LE(BigInt(tag), index * 16)
    dynamic.writeBigUInt64LE(value, index * 16 + 8)
  })
  const header = Buffer.alloc(base)
  header.write("\x7fELF\x02\x01\x01", "latin1")
  header.writeUInt16LE(2, 16)
  header.writeUInt16LE(options.machine, 18)
  header.writeBigUInt64LE(64n, 32)
  header.writeUInt16LE(56, 54)
  const total = dynamicAt + dynamic.length
  const segments: Array<readonly [number, number, number]> = [
    [1, 0, total],
    [2, dynamicAt, dynamic.length],
    ...(options.interpreter === undefined ? [] : [[3, interpreterAt, interpreter.length] as const])
  ]
  header.writeUInt16LE(segments.length, 56)
  segments.forEach(([type, offset, size], index) => {
    const place = 64 + index * 56
    header.writeUInt32LE(type, place)
    for (const field of [8, 16]) header.writeBigUInt64LE(BigInt(offset), place + field)
    for (const field of [32, 40]) header.writeBigUInt64LE(BigInt(size), place + field)
  })
  return Buffer.concat([header, table, interpreter, chain, dynamic])
}

/** The same program, of which the header says that it is longer. */
export const cutOff = (elf: Buffer): Buffer => {
  const copy = Buffer.from(elf)
  copy.writeBigUInt64LE(BigInt(elf.length + 1), 64 + 32)
  return copy
}

export const x64 = 62
export const arm64 = 183
export const good: File = { path: "extensions/hello", mode: 0o100755, bytes: "#!/bin/bash\nexec /opt/hello/run\n" }

/** A program that says it is an LLRT. */
export const llrtOf = (options: Parameters<typeof elfOf>[0], version = "0.8.1-beta"): Buffer =>
  Buffer.concat([elfOf(options), Buffer.from(`LLRT vm, LLRT v${version} (linux, x64)`)])

/** The layer of an extension for LLRT, with other content for some of its files. */
export const llrtLayer = (
  changed: Readonly<Record<string, string | Uint8Array>> = {},
  mode = 0o100755
): ReadonlyArray<File> => [
  { ...good, bytes: Stub.render({ name: "hello", events: ["INVOKE"], runtime: "llrt" }) },
  { path: "hello/bin/llrt", bytes: changed["hello/bin/llrt"] ?? llrtOf({ machine: x64 }), mode },
  { path: "hello/index.mjs", bytes: "" },
  { path: "hello/prelude.lrt", bytes: changed["hello/prelude.lrt"] ?? "lrt01u" },
  { path: "hello/bundle.lrt", bytes: changed["hello/bundle.lrt"] ?? "lrt01u" },
  { path: "hello/llrt.json", bytes: changed["hello/llrt.json"] ?? '{"version":"0.8.1-beta","built":"2026-08-02"}' }
]

export const targetOf = (runtimes: string, arch?: Target["arch"]): Target => ({
  arch,
  now: Date.parse("2026-10-31"),
  runtimes: runtimes.split(",").flatMap((id) => FunctionRuntime.parse(id) ?? [])
})

export const check = (files: ReadonlyArray<File>, runtimes = "", arch?: Target["arch"]): ReadonlyArray<Finding> => {
  const zip = zipOf(files)
  const entries = Result.getOrThrow(ZipReader.read(zip))
  return Findings.find({ entries, packedBytes: zip.length }, targetOf(runtimes, arch))
}

export const script = (text: string, path = "extensions/hello"): ReadonlyArray<File> => [{ ...good, path, bytes: text }]
export const beside = (path: string, bytes: string | Uint8Array, rest: Partial<File> = {}): ReadonlyArray<File> => [
  good,
  { path, bytes, ...rest }
]
export const program = (options: Parameters<typeof elfOf>[0]): ReadonlyArray<File> => [
  { ...good, bytes: elfOf(options) }
]
