/** The runbook, docs/operations.md, and the sources say the same: every line of the log, every metric, every filter. */
import * as ExtensionMetrics from "@effect-lambda/extension/ExtensionMetrics"
import * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { assert, describe, it } from "@effect/vitest"
import * as Metric from "effect/Metric"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Loader from "../cli/src/build/entry/Loader.ts"
import * as Stub from "../cli/src/build/entry/Stub.ts"
import { read } from "./support/Messages.ts"

const root = join(import.meta.dirname, "../..")
const page = readFileSync(join(root, "docs/operations.md"), "utf8")

/** The first cells of the tables between two markers, without their backticks. */
const rows = (marker: string): ReadonlyArray<string> =>
  Array.from(
    page.matchAll(new RegExp(`<!-- ${marker} -->(.*?)<!-- /${marker} -->`, "gs")),
    ([, table]) => table ?? ""
  ).flatMap((table) => Array.from(table.matchAll(/^\| `(.*?)` \|/gm), ([, cell]) => cell ?? ""))

// The reason of a failure is logged with it.
const { elsewhere, logged: messages, texts } = read(["extension", "extension-node", "otel"], new Set(["late"]))
const accounting = TelemetryAccounting.line({
  received: 0,
  decoded: 0,
  undecodable: 0,
  droppedByLambda: { records: 0, bytes: 0 },
  consumers: []
}).replaceAll("0", "…")

const bash = (["managed", "node", "auto", "bun", "llrt"] as const)
  .map((runtime) =>
    Stub.render({ name: "NAME", events: ["INVOKE", "SHUTDOWN"], runtime, start: "eager", subscription: "{}" })
  )
  .join("\n")
  .replaceAll(/"?'NAME'"?|\$\{[^}]*\}|\$\w+/g, "…")
const loader = Loader.render({ name: "NAME", minimumNode: "22.19.0" })
  .replaceAll('"22.19.0"', "minimum")
  .replaceAll(/" \+ [^"]* \+ "/g, "…")

const stubProblems = [...new Set(Array.from(bash.matchAll(/problem=(["'])(.+?)\1/g), ([, , text]) => text ?? ""))]
/** The last words of a stub, and how they go on if the first next was sent. */
const lastWords = [...new Set(Array.from(bash.matchAll(/^fail "(.*)"$/gm), ([, text]) => `effect-lambda: ${text}`))]
const stubConsequence = /message\+='(.*)'/.exec(bash)?.[1]
const stubLines = Array.from(bash.matchAll(/echo "(.*)" >&2/g), ([, text]) => text ?? "")
  .flatMap((line) =>
    line.includes("registers itself") ? stubProblems.map((problem) => line.replace(": … (", `: ${problem} (`)) : [line]
  )
  .concat(lastWords, `effect-lambda: …: …${stubConsequence}`)
const loaderLines = Array.from(loader.matchAll(/(?:fail\("[\w.]+", |consequence = )"([^"]*)"/g), ([, text]) =>
  `…: ${text}`.replace(/ $/, " …")
)

/** Says whether a row has this message, with any values in the gaps. */
const isSaidBy = (message: string) => {
  const pattern = new RegExp(
    `^${message
      .split("…")
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`
  )
  return (row: string) => pattern.test(row)
}

describe("the table of lines", () => {
  const table = rows("lines")

  it("has every message of the library", () => {
    assert.isAbove(messages.length, 30)
    for (const message of messages) assert.isTrue(table.some(isSaidBy(message)), `the runbook lacks: ${message}`)
    // A consequence of a policy ends the line of a failure.
    const consequences = ["… failed", "… failed; the extension idles from now on, and the function goes on without it"]
    assert.includeMembers(Array.from(messages), [...consequences, "… failed; the extension exits"])
    assert.include(table, accounting)
  })

  it("has every message of the stub and the loader", () => {
    assert.lengthOf(stubProblems, 5)
    assert.lengthOf(loaderLines, 3)
    for (const message of [...stubLines, ...loaderLines]) {
      assert.isTrue(table.some(isSaidBy(message)), `the runbook lacks: ${message}`)
    }
  })

  it("knows every call whose text is made elsewhere", () => {
    assert.deepStrictEqual(
      elsewhere.toSorted(),
      [
        // FailurePolicy.logFailure, which is given every text above.
        "message",
        // The accounting: TelemetryAccounting.line.
        "line",
        "line"
      ].toSorted()
    )
  })

  it("has nothing that the sources do not say", () => {
    assert.isAbove(table.length, 40)
    const prelude = readFileSync(join(root, "packages/cli/llrt/prelude/stacks.mjs"), "utf8")
    const said = [...texts, ...stubLines, ...loaderLines, prelude].join("\n")
    for (const row of table) {
      for (const part of row.split("…").map((text) => text.trim())) {
        assert.include(said, part, `no source says: ${row}`)
      }
    }
  })

  it("has every term of the metric filters", () => {
    const terms = Array.from(page.matchAll(/^filter \w+ '(.*)'$/gm), ([, pattern]) => pattern ?? "").flatMap(
      (pattern) => Array.from(pattern.matchAll(/"([^"]+)"/g), ([, term]) => term ?? "")
    )
    assert.isAbove(terms.length, 6)
    for (const term of terms)
      assert.isTrue(
        table.some((row) => row.includes(term)),
        `no line has: ${term}`
      )
  })
})

it("the table of events has every name that a line is marked with, and the CLI reads each", () => {
  const isName = (text: string) => /^lambda_extension\.\w+$/.test(text)
  const marked = new Set(texts.filter(isName))
  assert.strictEqual(marked.size, 5)
  assert.sameMembers(
    rows("events").filter((cell) => cell !== "event.name"),
    [...marked]
  )
  assert.sameMembers([...new Set(read(["cli"], new Set()).texts.filter(isName))], [...marked])
})

it("the table of metrics has every counter, with its labels, and no other", () => {
  const counters = [...Object.values(ExtensionMetrics), ...Object.values(TelemetryAccounting)].flatMap((value) =>
    Metric.isMetric(value) ? [value.id] : []
  )
  assert.isAbove(counters.length, 10)
  assert.sameMembers(Array.from(rows("metrics")), counters)
  const { delivered, droppedByQueue, droppedBySink, unsent } = TelemetryAccounting
  const labelled = Array.from(page.matchAll(/^\| `(lambda_extension_\w+)` \| `consumer` \|/gm), ([, name]) => name)
  assert.sameMembers(
    labelled,
    [delivered, droppedByQueue, droppedBySink, unsent].map(({ id }) => id)
  )
})
