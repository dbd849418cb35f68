/** Zips and programs that are broken, cut off or made to do harm. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Elf from "../src/check/Elf.ts"
import * as Findings from "../src/check/Findings.ts"
import * as ZipReader from "../src/layer/ZipReader.ts"
import { check, elfOf, good, targetOf, x64, zipOf } from "./support/foreignLayer.ts"

describe("a zip that cannot be read", () => {
  const zip = zipOf([good, { path: "hello/index.cjs", bytes: "exports.a = 1\n".repeat(50) }])

  it.each([
    ["nothing", Buffer.alloc(0), /is not a zip/],
    ["text", Buffer.from("hello"), /is not a zip/],
    ["cut off at the end", zip.subarray(0, zip.length - 30), /end of the zip is missing/],
    ["cut off at the beginning", zip.subarray(zip.length - 60), /directory of the zip is broken/],
    [
      "a bomb",
      zipOf(Array.from({ length: 3 }, (_, index) => ({ path: `${index}`, bytes: "", size: 400 * 1024 * 1024 }))),
      /over 1 GiB/
    ]
  ])("%s", (_, bytes, words) => {
    const read = ZipReader.read(bytes)
    assert.match(Result.isFailure(read) ? read.failure : "no failure", words)
  })

  /** The same numbers in every run. */
  const randomOf = (seed: number) => {
    let state = seed
    return (bound: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * bound)
    }
  }

  it("a zip with any bytes changed is read, or refused with a sentence", () => {
    const random = randomOf(42)
    let refused = 0
    let damaged = 0
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(zip)
      for (let change = random(4); change >= 0; change--) bytes[random(bytes.length)] = random(256)
      const read = ZipReader.read(bytes)
      if (Result.isFailure(read)) {
        assert.match(read.failure, /^(?:it|its|the) /)
        refused++
      } else {
        const findings = Findings.find(
          { entries: read.success, packedBytes: bytes.length },
          targetOf("python3.13", "x64")
        )
        if (findings.some(({ code }) => code === "damaged")) damaged++
      }
    }
    assert.isAbove(refused, 50)
    assert.isAbove(damaged, 50)
  })

  it("texts that keep a pattern busy are done with at once", () => {
    const many = 2 ** 19
    for (const text of ["\n", " ", "import ", "{", "AKIA", "password", 'password:"', "a="]) {
      const bytes = `#!${text.repeat(many / text.length)}x`
      assert.isArray(
        check([
          { ...good, bytes },
          { path: "hello/a.mjs", bytes }
        ])
      )
    }
  })

  it("only the machine is known of a program with more versions than any needs", () => {
    const versions = Array.from({ length: 10_001 }, () => "GLIBC_2.17")
    assert.deepStrictEqual(Elf.parse(elfOf({ machine: x64, versions })), {
      machine: "x64",
      interpreter: undefined,
      needed: [],
      versions: [],
      isCutOff: false
    })
  })

  it("a program with any bytes changed or cut off does not disturb", () => {
    const random = randomOf(7)
    const elf = elfOf({ machine: x64, interpreter: "/lib/ld", needed: ["libc.so.6"], versions: ["GLIBC_2.17"] })
    for (let round = 0; round < 2000; round++) {
      const bytes = Buffer.from(elf.subarray(0, random(3) === 0 ? random(elf.length) : elf.length))
      for (let change = random(4); change > 0; change--) bytes[random(bytes.length)] = random(256)
      for (const { advice, message } of check([{ ...good, bytes, method: 0 }])) assert.isNotEmpty(message + advice)
    }
  })
})
