/** The JUnit file: a strict parser reads it, it has the form that CI systems take, and text is never markup. */
import { assert, it } from "@effect/vitest"
import * as Junit from "../src/report/Junit.ts"
import { countsOf, type Element, parse, problemsOf, schemaProblemsOf } from "./support/junit.ts"

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

it("hostile names, messages and outputs come out of the parser as they went in, and the schema takes them", async () => {
  const cases = hostile.flatMap((text): ReadonlyArray<Junit.Case> => [
    { name: text, group: text, millis: 1234, outcome: { _tag: "Passed" }, output: text },
    { name: text, group: text, millis: 0, outcome: { _tag: "Failed", type: text, message: text, details: text } },
    { name: text, group: text, millis: 5, outcome: { _tag: "Skipped", message: text }, output: text }
  ])
  const xml = Junit.render({ name: hostile.join(" "), cases })
  assert.deepStrictEqual(await schemaProblemsOf(xml), [])
  const document = parse(xml)
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
      assert.strictEqual(child.text, text)
      if (child.tag === "failure") assert.strictEqual(attribute("message", child), text)
    }
  }
})

it("every character does, also one that no XML can hold", async () => {
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
  const xml = Junit.render({ name: "any", cases })
  assert.deepStrictEqual(await schemaProblemsOf(xml), [])
  const document = parse(xml)
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

it("the schema refuses what Jenkins has no place for", async () => {
  const cases = '<testcase/><testcase name="b"><skipped message="why"/></testcase><testcase name="c"><note/></testcase>'
  const found = (await schemaProblemsOf(`<testsuites><testsuite tests="3">${cases}</testsuite></testsuites>`)).join()
  assert.match(found, /'testsuite': The attribute 'name' is required/)
  assert.match(found, /'testcase': The attribute 'name' is required/)
  assert.match(found, /'skipped', attribute 'message'.* is not allowed/)
  assert.match(found, /'note': This element is not expected/)
})
