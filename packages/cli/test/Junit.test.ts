/** The JUnit file: a strict parser reads it, it has the form that CI systems take, and text is never markup. */
import { assert, it } from "@effect/vitest"
import * as Junit from "../src/report/Junit.ts"
import { countsOf, type Element, parse, problemsOf } from "./support/junit.ts"

const hostile = [
  "plain",
  "",
  "<script>alert(1)</script></style>",
  "]]> <![CDATA[ &amp; &#0; &lt;",
  "\u0000 \u0008 \u000b \u001b[31m \u007f \u0085 \u2028",
  "\ud800 lone \udc00, whole \ud83d\ude00",
  "\ufffe \uffff \ufdd0",
  "two\nlines\r\nand\ta tab",
  `"quotes" 'and' more`
]

/** The text that a reader gets: everything that XML 1.0 can hold. */
const readable = (text: string) =>
  // eslint-disable-next-line no-control-regex -- XML has no place for these
  text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")

const attribute = (name: string, { attributes }: Element) => attributes[name]

it("hostile names, messages and outputs come out of the parser as they went in", () => {
  const cases = hostile.flatMap((text): ReadonlyArray<Junit.Case> => [
    { name: text, group: text, millis: 1234, outcome: { _tag: "Passed" }, output: text },
    { name: text, group: text, millis: 0, outcome: { _tag: "Failed", type: text, message: text, details: text } },
    { name: text, group: text, millis: 5, outcome: { _tag: "Skipped", message: text }, output: text }
  ])
  const document = parse(Junit.render({ name: hostile.join(" "), cases }))
  assert.deepStrictEqual(problemsOf(document), [])
  const [suite] = document.children
  if (suite === undefined) return assert.fail("no suite")
  assert.deepInclude(
    Object.fromEntries(Object.entries(suite.attributes).map(([name, value]) => [name, Number(value)])),
    countsOf(suite)
  )
  assert.strictEqual(attribute("time", suite), "11.151")
  for (const [index, one] of suite.children.entries()) {
    const text = readable(hostile[Math.floor(index / 3)] ?? "")
    assert.strictEqual(attribute("name", one), text)
    assert.strictEqual(attribute("classname", one), text)
    for (const child of one.children) {
      if (child.tag !== "skipped") assert.strictEqual(child.text, text)
      if (child.tag !== "system-out") assert.strictEqual(attribute("message", child), text)
    }
  }
})

it("every character does, also one that no XML can hold", () => {
  const texts = Array.from({ length: 1024 }, (_, block) =>
    String.fromCharCode(...Array.from({ length: 64 }, (_, offset) => block * 64 + offset))
  )
  const cases = texts.map((name): Junit.Case => ({
    name,
    group: "any",
    millis: 1,
    outcome: { _tag: "Passed" },
    output: name
  }))
  const document = parse(Junit.render({ name: "any", cases }))
  assert.deepStrictEqual(problemsOf(document), [])
  assert.deepStrictEqual(
    document.children[0]?.children.map((one) => [attribute("name", one), one.children[0]?.text]),
    texts.map((text) => [readable(text), readable(text)])
  )
})

it("the check of the form finds what is wrong", () => {
  const of = (xml: string) => problemsOf(parse(xml))
  assert.deepStrictEqual(of("<testsuites><testcase/></testsuites>").slice(0, 1), ["<testsuites> holds <testcase>"])
  assert.includeMembers(
    [...of('<testsuite name="a" tests="one"/>')],
    ["<testsuite> has no time", "tests is no number: one"]
  )
  assert.throws(() => parse("<testsuites>\u0000</testsuites>"))
})
