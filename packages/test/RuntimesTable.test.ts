/** The table of tests and runtimes in docs/building.md is that of the tests. */
import { assert, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { documentPath, insert, suites } from "./runtimes/table.ts"

it("docs/building.md has the table of today", () => {
  const document = readFileSync(documentPath, "utf8")
  const isCurrent = insert(document) === document
  assert.isTrue(isCurrent, "docs/building.md is not current: run node packages/test/runtimes/table.ts --write")
})

it("Node plays every row, and no name is there twice", () => {
  for (const { rows, title } of suites) {
    assert.isEmpty(rows.filter(({ not }) => not?.Node !== undefined))
    assert.strictEqual(new Set(rows.map(({ name }) => name)).size, rows.length, title)
  }
})
