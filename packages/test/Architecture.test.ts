/** docs/architecture.md says what the sources are: the structure of each package, and the files of the walks. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { documentPath, firstSentence, insert, render, renderRepository } from "./support/Architecture.ts"

const document = readFileSync(documentPath, "utf8")

it("the document has every folder, every module and every import between folders", () => {
  const isCurrent = insert(document, renderRepository()) === document
  assert.isTrue(isCurrent, "docs/architecture.md is not current: run node packages/test/architecture.ts --write")
})

describe("the structure", () => {
  const graph = new Map([
    ["Main.ts", ["parts/Part.ts", "Shared.ts"]],
    ["Shared.ts", []],
    ["parts/Part.ts", ["Shared.ts", "parts/lmi/Detail.ts"]],
    ["parts/lmi/Detail.ts", []]
  ])

  it("names the folders from the top, their imports, and each module with its sentence", () => {
    const text = render(new Map([["example", graph]]), (path) => `/** Holds ${path}. And more. */\nimport "x"\n`)
    assert.include(text, "| `.` | 2 | `parts` |\n| `parts` | 1 | `parts/lmi`, `Shared` |\n| `parts/lmi` | 1 |  |")
    assert.include(
      text,
      "| [`parts/Part`](../packages/example/src/parts/Part.ts) | Holds packages/example/src/parts/Part.ts. |"
    )
  })

  it("cannot be drawn if a module has no comment: the error names the module", () => {
    const read = (path: string) => (path.endsWith("Part.ts") ? 'import "x"\n' : "/** Holds something. */\n")
    assert.throws(
      () => render(new Map([["example", graph]]), read),
      /no comment.*\npackages\/example\/src\/parts\/Part.ts$/
    )
  })
})

it.each<readonly [string, string, string | undefined]>([
  ["one line", "/** Reads lines. */\nimport x", "Reads lines."],
  [
    "several lines",
    "/**\n * Reads lines,\n * one by one. Then more.\n *\n * @since 0.1.0\n */",
    "Reads lines, one by one."
  ],
  ["behind the first line of a script", "#!/usr/bin/env node\n/** Runs. */\n", "Runs."],
  ["only a tag", "/** @since 0.1.0 */\nexport * from './x'", undefined],
  ["none", 'import x from "x"\n/** Later. */\n', undefined]
])("the first sentence of a module: %s", (_, source, sentence) => {
  assert.strictEqual(firstSentence(source), sentence)
})

describe("the walks", () => {
  const [, walks = ""] = /^## Five walks\n(.*?)^## /ms.exec(document) ?? []
  const steps = walks.split(/^### .*\n/m).slice(1)

  it("there are five", () => {
    assert.lengthOf(steps, 5)
  })

  it.each(steps)("every step begins with a file that exists, and has one sentence: %#", (walk) => {
    const sentences = walk.split(/^\d+\. /m).slice(1)
    assert.isAbove(sentences.length, 8)
    for (const sentence of sentences.map((text) => text.replaceAll(/\s+/g, " ").trim())) {
      const [, path = ""] = /^\[[\w/]+\]\(\.\.\/(packages\/[\w/.-]+\.ts)\) .*[^.]\.$/.exec(sentence) ?? []
      assert.isTrue(path !== "" && existsSync(join(documentPath, "../..", path)), sentence)
    }
  })
})
