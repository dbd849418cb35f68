/** Layers that are made to keep `check` busy: a small zip costs little, whatever it says. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { deflateRawSync, crc32 } from "node:zlib"
import * as Elf from "../src/check/Elf.ts"
import * as ZipReader from "../src/layer/ZipReader.ts"
import { check, elfOf, good, x64, zipOf } from "./support/foreignLayer.ts"

/** A zip of one file, with a directory that names it under many paths. */
const overlapping = (count: number, bytes: Buffer): Buffer => {
  const packed = deflateRawSync(bytes)
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50, 0)
  local.writeUInt16LE(8, 8)
  const central = Array.from({ length: count }, (_, index) => {
    const name = Buffer.from(`lib/${index}.so`)
    const header = Buffer.alloc(46)
    header.writeUInt32LE(0x02014b50, 0)
    header.writeUInt8(3, 5)
    header.writeUInt16LE(8, 10)
    header.writeUInt32LE(crc32(bytes), 16)
    header.writeUInt32LE(packed.length, 20)
    header.writeUInt32LE(bytes.length, 24)
    header.writeUInt16LE(name.length, 28)
    header.writeUInt32LE((0o100644 << 16) >>> 0, 38)
    return Buffer.concat([header, name])
  })
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(local.length + packed.length, 16)
  return Buffer.concat([local, packed, directory, end])
}

describe("check", () => {
  it("refuses entries that share bytes", () => {
    const zip = overlapping(250, Buffer.alloc(4 * 1024 * 1024))
    assert.isBelow(zip.length, 25_000)
    assert.deepStrictEqual(
      ZipReader.read(zip),
      Result.fail('the entries "lib/0.so" and "lib/1.so" share bytes; zip again, into a new file')
    )
  })

  it("knows only the machine of a program with more libraries than any needs", () => {
    const needed = Array.from({ length: 1001 }, (_, index) => `lib${index}.so`)
    assert.deepStrictEqual(Elf.parse(elfOf({ machine: x64, needed })), {
      machine: "x64",
      interpreter: undefined,
      needed: [],
      versions: [],
      isCutOff: false
    })
  })

  it("names ten of the libraries that are missing, and counts the others", () => {
    const needed = Array.from({ length: 1000 }, (_, index) => `lib${index}.so`)
    const findings = check([{ ...good, bytes: elfOf({ machine: x64, needed }) }])
    const { message = "" } = findings.find(({ code }) => code === "library") ?? {}
    assert.include(message, "lib9.so and 990 more libraries")
  })

  it.each([
    ["a path of many folders", [{ ...good, path: "a/".repeat(30_000) }], "path"],
    ["a link with a long target", [good, { path: "a", mode: 0o120777, bytes: "./".repeat(2_000_000) }], "link"]
  ])("%s is a finding with a short text", (_, files, code) => {
    const finding = check(files).find((finding) => finding.code === code)
    assert.isBelow(JSON.stringify(finding).length, 10_000)
  })

  it("ten thousand programs in one layer cost no more than one by one", () => {
    const bytes = elfOf({ machine: x64, needed: ["liba.so"] })
    const files = Array.from({ length: 10_000 }, (_, index) => ({ path: `lib/${index}.so`, mode: 0o100644, bytes }))
    assert.lengthOf(
      check([good, ...files]).filter(({ code }) => code === "library"),
      10_000
    )
  })

  it("reads a zip whose entries lie side by side", () => {
    const zip = zipOf(Array.from({ length: 100 }, (_, index) => ({ path: `${index}`, bytes: "" })))
    assert.lengthOf(Result.getOrThrow(ZipReader.read(zip)), 100)
  })
})
