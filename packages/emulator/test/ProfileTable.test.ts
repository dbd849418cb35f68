/** The facts of the profiles, and their table in the documents. */
import { profiles } from "@effect-lambda/emulator/Profile"
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import { cells, document, fields, render, tableOf } from "./profiles/table.ts"

const fact = fields().filter(([field]) => field !== "name")

describe("the profiles", () => {
  it("every fact has a comment and a value under each profile", () => {
    const known = fields().map(([field]) => field)
    for (const profile of Object.values(profiles))
      assert.deepStrictEqual(Object.keys(profile).toSorted(), known.toSorted())
    for (const [field, comment] of fields()) assert.match(comment, /\S\.$/, field)
  })

  it.each(fact)("%s is a difference", (field) => {
    assert.isAbove(new Set(cells(field)).size, 1)
  })

  it("the table in docs/emulator.md is rendered from them (else: node packages/emulator/test/profiles/write.ts)", () => {
    assert.strictEqual(tableOf(Fs.readFileSync(document, "utf8")), render())
  })

  it("no other module compares the name of a profile", () => {
    const root = new URL("../src/", import.meta.url)
    const compared = Fs.readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
      (file) => file.endsWith(".ts") && /[=!]==? "(?:real|rie|lmi)"/.test(Fs.readFileSync(new URL(file, root), "utf8"))
    )
    assert.deepStrictEqual(compared, [])
  })
})
