/** What is left out of bytecode, byte by byte; that LLRT runs the rest is a test on LLRT. */
import { assert, describe, it } from "@effect/vitest"
import * as Bytecode from "../src/layer/Bytecode.ts"

const header = Buffer.from("lrt01u")

/** A module of one function, which has a variable, a constant and its source. */
const moduleOf = ({ source = "abc", variables = [2, 1, 0, 16] }) =>
  Buffer.concat([
    header,
    // The version; a name that is a text, and one that is a number.
    Buffer.from([21, 2, 1, 6, ...Buffer.from("foo"), 0, 5, 0, 0, 0]),
    // A module without imports, with an export.
    Buffer.from([13, 2, 0, 1, 0, 0, 2, 0, 0, 0]),
    // A function with the flag of its source: its name, the counts of what it has, and two bytes of code.
    Buffer.from([12, 0, 8, 1, 2, 0, 1, 0, 3, 1, 4, 2]),
    Buffer.from([variables.length / 4, ...variables]),
    // A variable that it captures, and the constants: a number, a text of two characters of two bytes, a BigInt, null.
    Buffer.from([2, 0, 1, 6, 0, 0, 0, 0, 0, 0, 248, 63, 7, 5, 1, 2, 3, 4, 10, 3, 9, 9, 9, 1]),
    Buffer.from([41, 42]),
    // The file, the line, the column, two bytes of places, the source.
    Buffer.from([2, 1, 1, 2, 7, 7, source.length, ...Buffer.from(source)])
  ])

const stripped = (bytecode: Uint8Array, text = "run()") =>
  Buffer.from(Bytecode.stripped(bytecode, header.length, text)).toString("hex")

describe("bytecode", () => {
  it("loses the sources of functions and the names of variables", () => {
    assert.strictEqual(stripped(moduleOf({})), moduleOf({ source: "", variables: [] }).toString("hex"))
  })

  it("keeps the names for a program with eval, which reads them", () => {
    assert.strictEqual(stripped(moduleOf({}), 'eval("x")'), moduleOf({ source: "" }).toString("hex"))
  })

  it.each<[what: string, bytes: Uint8Array, said: RegExp]>([
    ["another version", Buffer.concat([header, Buffer.of(20, 0)]), /of another version of QuickJS/],
    ["an unknown value", Buffer.concat([header, Buffer.of(21, 0, 99)]), /unknown kind 99 at 9/],
    ["an end before its time", moduleOf({}).subarray(0, -1), /incomplete/],
    ["bytes behind the end", Buffer.concat([moduleOf({}), Buffer.of(0)]), /it ends at 81 of 82 bytes/]
  ])("refuses %s", (_, bytes, said) => {
    assert.throws(() => Bytecode.stripped(bytes, header.length, ""), said)
  })
})
