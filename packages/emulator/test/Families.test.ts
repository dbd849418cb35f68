/** The families of the emulator and the imports between them, as docs/architecture.md has them. */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as NodePath from "node:path"

const source = NodePath.resolve(import.meta.dirname, "../src")
const document = Fs.readFileSync(NodePath.resolve(import.meta.dirname, "../../../docs/architecture.md"), "utf8")

/** The parts in the first column of the emulator's table, from the top down; a name without a folder repeats the last. */
const parts = (): ReadonlyArray<string> => {
  const [, section = ""] = /## The emulator, from the top floor down\n([^]*?)\n## /.exec(document) ?? []
  return Array.from(section.matchAll(/^\| `(?<first>[^`]+)`/gm), ({ groups: { first = "" } = {} }) => first)
}

/** The family of a module: the folder below `internal`, or its own name. */
const familyOf = (file: string): string => {
  const path = NodePath.relative(source, file).replace(/\.ts$/, "")
  const [, family] = /^internal\/([^/]+)\//.exec(path) ?? []
  return family ?? path
}

/** The modules that a module imports, types included. */
const importsOf = (file: string): ReadonlyArray<string> =>
  Array.from(Fs.readFileSync(file, "utf8").matchAll(/^(?:import|export|\}) .*?from "(?<path>\.[^"]+)"/gms), (found) =>
    NodePath.resolve(NodePath.dirname(file), found.groups?.["path"] ?? "")
  )

const modules = Fs.readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && file !== "index.ts")
  .map((file) => NodePath.join(source, file))

describe("the families", () => {
  const order = [...new Set(parts().map((part) => part.split("/")[0] ?? ""))]

  it("every folder has a row in docs/architecture.md", () => {
    const entries = Fs.readdirSync(NodePath.join(source, "internal"), { withFileTypes: true })
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    assert.deepStrictEqual(
      folders.filter((name) => !order.includes(name)),
      []
    )
  })

  it("a family imports only families below it in that table", () => {
    const up = modules.flatMap((file) => {
      const from = order.indexOf(familyOf(file))
      return importsOf(file)
        .filter((target) => familyOf(target) !== familyOf(file))
        .flatMap((target) => {
          const to = order.indexOf(familyOf(target))
          return from !== -1 && to !== -1 && to < from ? [`${familyOf(file)} → ${familyOf(target)}`] : []
        })
    })
    assert.deepStrictEqual([...new Set(up)], [])
  })
})
