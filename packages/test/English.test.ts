/** The English of comments, messages, documents and names of tests keeps within the limits of projects that read well. */
import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { readMarkdown } from "./english/documents.ts"
import * as Report from "./english/report.ts"
import { sentencesOf, type Text } from "./english/sentences.ts"
import { readAll } from "./english/sources.ts"

const textOf = (text: string): Text => ({ file: "file", line: 1, text })
const brokenBy = (text: string) => sentencesOf(textOf(text)).flatMap(({ broken }) => broken)

describe("the project", () => {
  const groups = Report.read(join(import.meta.dirname, "../.."))

  it.each(groups)("$name", (group) => assert.deepStrictEqual(Report.excesses([group]), []))

  it("has every group, and enough sentences in each", () => {
    const sizes = new Map(groups.map(({ name, sentences }) => [name, sentences.length]))
    for (const group of ["documents", "names of tests", "packages/extension", "packages/emulator"]) {
      assert.isAbove(sizes.get(group) ?? 0, 800, group)
    }
    assert.isAbove(sizes.get("messages") ?? 0, 600)
  })

  it("reads the stub and the loader, which are scripts in templates", () => {
    const sentences = groups.flatMap(({ sentences }) => sentences)
    const inScript = (file: string, words: RegExp) =>
      sentences.some((sentence) => sentence.file.endsWith(file) && words.test(sentence.words))
    assert.isTrue(inScript("/Stub.ts", /^the answer to register is not HTTP$/))
    assert.isTrue(inScript("/Stub.ts", /^Registers this extension with Lambda/))
    assert.isTrue(inScript("/Loader.ts", /^the program could not be loaded:/))
    assert.isTrue(inScript("/Loader.ts", /^Writes a line to the log, reports init\/error/))
  })
})

describe("a rule", () => {
  it.each([
    ["opener", "What the sink refuses is dropped.", "The batch is dropped if the sink refuses it."],
    ["opener", "Where the queue is full, records are lost.", "If the queue is full, records are lost."],
    ["opener", "Whoever calls next waits for the flush.", "A program that calls next waits for the flush."],
    ["opener", "One of the sinks failed twice.", "The first sink failed twice."],
    ["opener", "It is sent again after the rest.", "The batch is sent again after the rest."],
    ["opener", "**It is sent** again after the rest.", "**The batch** is sent again after the rest."],
    ["opener", "Of two bodies the first is kept.", "The first of two bodies is kept."],
    ["opener", "`Of` two bodies the first is kept.", "`Offer` keeps the first of two bodies."],
    ["opener", "Those that wait are sent at the end.", "Records that wait are sent at the end."],
    ["where", "The batch waits where the sink rests.", "The batch waits if the sink rests."],
    ["where", "Lambda answers 403 where the name is unknown.", "Lambda answers 403 if the name is unknown."],
    ["odd", "Each request has a connection of its own.", "Each request has a separate connection."],
    ["odd", "The extension registers anew after a reset.", "The extension registers again after a reset."],
    ["odd", "A sink shall not log each batch.", "A sink must not log each batch."],
    ["odd", "The handler runs meanwhile on its fiber.", "The handler runs on its fiber during that time."],
    ["odd", "The place is kept for whoever comes next.", "The place is kept for the next program."],
    ["odd", "The log cannot be had before init.", "The log does not exist before init."],
    ["odd", "The folder stands in for the layer.", "The folder is used as the layer."],
    ["long", `The sink ${"very ".repeat(28)}rarely fails.`, `The sink ${"very ".repeat(26)}rarely fails.`]
  ] as const)("%s: %j is refused, %j is not", (rule, bad, good) => {
    assert.isTrue(brokenBy(bad).includes(rule))
    assert.deepStrictEqual(brokenBy(good), [])
  })
})

describe("a text", () => {
  it.each([
    [
      "sentences, each with its line",
      "The sink rests now.\nThe batch is kept\nfor it.",
      [
        [1, "The sink rests now."],
        [2, "The batch is kept for it."]
      ]
    ],
    [
      "the paragraphs and items of a list",
      "# The title of it\n\n- the first item here\n- the second item here",
      [
        [1, "The title of it"],
        [3, "the first item here"],
        [4, "the second item here"]
      ]
    ],
    [
      "the cells of a table",
      "| the key | the value is a number |\n| --- | --- |\n| a \\| b | it is the default value |",
      [
        [1, "the value is a number"],
        [3, "it is the default value"]
      ]
    ],
    [
      "nothing of an example",
      "The first line here.\n```ts\nconst it = of what is here\n```\nThe last line here.",
      [
        [1, "The first line here."],
        [5, "The last line here."]
      ]
    ],
    [
      "sentences that open with bold words or a link",
      "The sink rests for now. **It is tried** again later. [The table](a.md) says when.",
      [
        [1, "The sink rests for now."],
        [1, "**It is tried** again later."],
        [1, "[The table](a.md) says when."]
      ]
    ],
    ["nothing with fewer than four words", "Too few words.", []]
  ] satisfies ReadonlyArray<readonly [string, string, ReadonlyArray<readonly [number, string]>]>)(
    "has %s",
    (_, text, expected) => {
      const found = readMarkdown(textOf(text)).flatMap(sentencesOf)
      assert.deepStrictEqual(
        found.map(({ line, words }): readonly [number, string] => [line, words]),
        expected
      )
    }
  )
})

describe("a source", () => {
  const read = (code: string) => {
    const folder = mkdtempSync(join(tmpdir(), "english-"))
    try {
      const path = join(folder, "source.ts")
      writeFileSync(path, code)
      const { comments, messages, titles } = readAll([path]).get(path) ?? assert.fail("the file is not read")
      const placed = (texts: ReadonlyArray<Text>) =>
        texts.flatMap(sentencesOf).map(({ line, words }) => `${line}: ${words}`)
      return { comments: placed(comments), messages: placed(messages), titles: placed(titles) }
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  it.each([
    ["a line of the log", "Effect.logWarning(`the sink ${name} failed ${n} times`)", "1: the sink … failed … times"],
    [
      "a getter",
      "class A {\n  get message() {\n    return `${this.a} is not known here`\n  }\n}",
      "3: … is not known here"
    ],
    [
      "a sum of texts",
      'fail("the name is wrong" +\n  ", so the " + what + " is refused")',
      "1: the name is wrong, so the … is refused"
    ],
    ["a flag", 'Flag.withDescription("The name of the layer")', "1: The name of the layer"],
    ["a property", 'const f = { code: "x", advice: "zip the folder again" }', "1: zip the folder again"],
    ["a branch inside of a text", 'const a = `${b ? "" : "and the log is closed"}`', "1: and the log is closed"],
    [
      "a text of a script",
      'const stub = `#!/bin/bash\n# A remark of it here\na() {\n  echo "no answer to register"\n}\n`',
      "4: no answer to register"
    ]
  ])("has a message in %s", (_, code, expected) => assert.deepStrictEqual(read(code).messages, [expected]))

  it.each([
    ["an import", 'import * as A from "of what it is/here"'],
    ["a type", 'type A = "of what it is here"'],
    ["a command", 'const a = "curl -fsS http://127.0.0.1:9001/2015-03-31/functions | jq .name"'],
    ["the words of AWS", 'refuse(env, "Extension with this name already registered")']
  ])("has no message in %s", (_, code) => assert.deepStrictEqual(read(code).messages, []))

  it("has comments of lines, of blocks, at ends of lines and in scripts, and none in texts", () => {
    const code = [
      "/**",
      " * Says what it does.",
      " * @since 0.1.0",
      " */",
      'const a = "http://host // this is a text"',
      "  // The first line",
      "  // and the second.",
      "const b = 1 // The end of a line.",
      "const c = `",
      "# A remark of a script.",
      "a",
      "b",
      "`",
      "const d = /[/] [*] this is an expression/"
    ].join("\n")
    assert.sameMembers(read(code).comments, [
      "2: Says what it does.",
      "6: The first line and the second.",
      "8: The end of a line.",
      "10: A remark of a script."
    ])
  })

  it("has the titles of tests in every spelling", () => {
    const code = [
      'describe("a sink that fails once", () => {})',
      'it.effect("the batch is sent again", () => a)',
      'it.each([1])("the number %s is taken", () => {})',
      'it.live.each(a)("the name $name is taken", () => {})',
      'other("this is no title at all")'
    ].join("\n")
    assert.deepStrictEqual(read(code).titles, [
      "1: a sink that fails once",
      "2: the batch is sent again",
      "3: the number %s is taken",
      "4: the name $name is taken"
    ])
  })
})

describe("a failure", () => {
  const groups = [
    {
      name: "messages",
      sentences: sentencesOf({ file: "a.ts", line: 7, text: "It is sent again now. Those wait for it." })
    }
  ]

  it("says the group, the rule, the limit, and each place with its sentence", () =>
    assert.deepStrictEqual(Report.excesses(groups), [
      'messages: 100.0 % of 2 sentences break the rule "opener" (open with the thing: subject and verb first); the limit is 3.0 %',
      "  a.ts:7  It is sent again now.\n  a.ts:7  Those wait for it."
    ]))

  it("is none below the limit", () => {
    const good = sentencesOf(textOf("The batch is sent again. ".repeat(70)))
    assert.deepStrictEqual(
      Report.excesses([{ name: "messages", sentences: [...good, ...(groups[0]?.sentences ?? [])] }]),
      []
    )
  })

  it("is none for a single sentence of a small group", () => {
    const [{ name, sentences } = assert.fail("no group")] = groups
    assert.deepStrictEqual(Report.excesses([{ name, sentences: sentences.slice(0, 1) }]), [])
  })

  it("is a row of the table too", () => {
    assert.match(Report.table(groups), /^messages +2 +100\.0 % +0\.0 % +0\.0 % +0\.0 %$/m)
    assert.match(Report.table(groups), /^limits +3\.0 % +1\.5 % +1\.0 % +4\.0 %$/m)
  })
})
