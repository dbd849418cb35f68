/** Every citation of docs/protocol.md, and every link between the documents, leads to a heading that exists. */
import { ExtensionError } from "@effect-lambda/extension"
import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { renew } from "../verify/src/protocol/Unconfirmed.ts"

const root = join(import.meta.dirname, "../..")
const read = (path: string) => readFileSync(join(root, path), "utf8")

const ignored = (path: string) => /(^|\/)(node_modules|dist)(\/|$)/.test(path)
const sources = globSync("packages/**/*.{ts,mjs,cjs,js,py,sh,go}", { cwd: root, exclude: ignored })
const documents = globSync(["README.md", "docs/**/*.md", "packages/*/README.md"], { cwd: root, exclude: ignored })

const withoutCode = (text: string) => text.replaceAll(/^```.*?^```$/gms, "")

/** The anchors of a document, as GitHub makes them of its headings. */
const anchorsOf = (path: string): ReadonlyArray<string> =>
  Array.from(withoutCode(read(path)).matchAll(/^#+ (.+)$/gm), ([, heading = ""]) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-")
  )

const protocol = anchorsOf("docs/protocol.md")
const citation = /docs\/protocol\.md(#[\w-]*)?/g
// The comments that a citation replaced: they named a document that is not in the repository.
const homeless = /\(spec[: ]|\bspec (?:section )?\d|protocol reference/i
const itself = "packages/test/Protocol.test.ts"
// The program that compares the document with AWS speaks of the document as a whole.
const isWhole = ({ path, anchor }: { readonly path: string; readonly anchor: string }) =>
  path.startsWith("packages/verify/") && (anchor === "" || anchor === "#")

it("the headings of docs/protocol.md have different anchors", () => {
  assert.isAbove(protocol.length, 50)
  assert.deepStrictEqual([...new Set(protocol)], protocol)
})

it("every citation in a source names a heading of docs/protocol.md", () => {
  const cited = sources
    .filter((path) => path !== itself)
    .flatMap((path) => Array.from(read(path).matchAll(citation), ([, anchor = ""]) => ({ path, anchor })))
  assert.isAbove(cited.length, 90)
  assert.deepStrictEqual(
    cited.filter((citation) => !protocol.includes(citation.anchor.slice(1)) && !isWhole(citation)),
    []
  )
})

it("no comment and no document cites something that is not in the repository", () => {
  const found = [...sources, ...documents].filter((path) => path !== itself && homeless.test(read(path)))
  assert.deepStrictEqual(found, [])
})

describe("links between documents", () => {
  it.each(documents)("%s", (path) => {
    const links = Array.from(withoutCode(read(path)).matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g))
    for (const [, target = "", anchor = ""] of links) {
      const document = target === "" ? path : join(path, "..", target)
      assert.include(anchorsOf(document), anchor, `${path} links to ${target}#${anchor}`)
    }
  })
})

it("the cases by section are all the cases of docs/conformance.md", () => {
  const [, section = ""] = read("docs/protocol.md").split("### Cases by section")
  const [table = ""] = section.split("\n## ")
  const ranges = Array.from(table.matchAll(/^\| .*\| (\d+) to (\d+) \|$/gm), ([, first, last]) => ({
    first: Number(first),
    last: Number(last)
  }))
  const cases = Array.from(read("docs/conformance.md").matchAll(/^\| (\d+) \|/gm), ([, number]) => Number(number))
  assert.deepStrictEqual(
    ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index)),
    cases
  )
})

it("every mark of docs/protocol.md says how a fact is known", () => {
  const text = withoutCode(read("docs/protocol.md")).replaceAll(/`+[^`]*`+/g, "")
  const marks = new Set(Array.from(text.matchAll(/\[([a-z]+)\](?![(:])/g), ([, mark]) => mark))
  const defined = Array.from(text.matchAll(/^\[([a-z]+)\]: #how-a-fact-is-known "[^"]+"$/gm), ([, mark]) => mark)
  const explained = Array.from(text.matchAll(/^\| \[([a-z]+)\] \|/gm), ([, mark]) => mark)
  assert.deepStrictEqual([...marks].toSorted(), defined.toSorted())
  assert.deepStrictEqual(explained, defined)
})

it("every mark but [aws] says that its facts are unconfirmed, and the count of them is fresh", () => {
  const text = read("docs/protocol.md")
  const unconfirmed = Array.from(text.matchAll(/^\[([a-z]+)\]: .* "unconfirmed, .*"$/gm), ([, mark]) => mark)
  assert.deepStrictEqual(unconfirmed, ["code", "rie", "openapi", "docs", "others", "open"])
  assert.strictEqual(renew(text), text, "node packages/verify/src/protocol/main.ts --write renews the count")
})

it("docs/protocol.md has every error type that the library knows", () => {
  const [known] = ExtensionError.ErrorType.members
  const text = read("docs/protocol.md")
  assert.deepStrictEqual(
    known.literals.filter((type) => !text.includes(`\`${type}\``)),
    []
  )
})

it("docs/protocol.md has every error type that the emulator sends", () => {
  const types = sources
    .filter((path) => path.startsWith("packages/emulator/src/"))
    .flatMap((path) =>
      Array.from(
        read(path).matchAll(/"((?:Extension|Telemetry|Logs|Sandbox|Runtime|Function)\.[A-Z]\w+)"/g),
        ([, type = ""]) => type
      )
    )
  const text = read("docs/protocol.md")
  assert.isAbove(types.length, 20)
  assert.deepStrictEqual(
    types.filter((type) => !text.includes(type)),
    []
  )
})
