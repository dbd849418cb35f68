/** The report page, as a browser without a script reads it. */
import type { JournalEntry, JournalEvent } from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inflateRawSync } from "node:zlib"
import * as Page from "../src/report/page/Page.ts"
import * as Problems from "../src/report/page/Problems.ts"
import { elementsOf, type Element } from "./support/dom.ts"
import { hostileTexts, journalOf, runOf, start, summaryOf } from "./support/journals.ts"

const pageOf = (run: Page.Report["runs"][number]) => Page.render({ title: "demo", runs: [run] })

const withClass = (elements: ReadonlyArray<Element>, name: string) =>
  elements.filter(({ attributes }) => attributes.class?.split(" ").includes(name))

const textsOf = (elements: ReadonlyArray<Element>) => elements.map(({ text }) => text.replace(/\s+/g, " ").trim())

const unpack = <A>(text: string): ReadonlyArray<A> => JSON.parse(inflateRawSync(Buffer.from(text, "base64")).toString())

const dataOf = (elements: ReadonlyArray<Element>): ReadonlyArray<{ entries: string; folds: Record<string, string> }> =>
  JSON.parse(elements.find(({ attributes }) => attributes.id === "data")?.text ?? "")

describe("a run of three invocations", () => {
  const elements = elementsOf(pageOf(runOf({ invocations: 3, reset: [2] })))
  const columns = withClass(elements, "column")

  it("has a column for init, for each invocation, each freeze and the shutdown", () => {
    assert.deepStrictEqual(textsOf(elements.filter(({ name }) => name === "h4")).slice(0, 8), [
      "Init",
      "Invocation 1",
      "Frozen",
      "Invocation 2",
      "Frozen",
      "Invocation 3",
      "Frozen",
      "Shutdown"
    ])
    assert.strictEqual(columns.length, 8)
    assert.include(columns[2]?.text, "20 s")
  })

  it("has a lane for the platform, the runtime, the extension and telemetry", () => {
    const lanes = ["platform", "runtime", "extension", "telemetry"].flatMap((role) =>
      textsOf(withClass(elements, role))
    )
    assert.deepStrictEqual(lanes, ["platform", "runtime", "demo", "telemetry"])
  })

  it("names each bar and mark for those who do not see it", () => {
    const names = withClass(elements, "item").map(({ attributes }) => attributes["aria-label"] ?? "")
    assert.include(names, "demo starts, 335 ms")
    assert.include(names, "demo holds the invocation open, 8 ms")
    assert.isDefined(names.find((name) => name.endsWith("fault: the connection of next is reset")))
    assert.isDefined(names.find((name) => /^telemetry, .* delivery: telemetry: 3 records/.test(name)))
    for (const { attributes } of withClass(elements, "item")) assert.strictEqual(attributes.role, "button")
  })

  it("has the facts as tables: the budget of each invocation, figures, phases and telemetry", () => {
    const rows = textsOf(elements.filter(({ name }) => name === "tr"))
    assert.include(rows, "1 ✓ ok 5 ms 8 ms by demo 13 ms 0.4 % of 3,000 ms 86 MB request-1")
    assert.include(rows, "demo 300 ms 335 ms 9 ms 20 ms 67 MB")
    assert.include(rows, "Frozen 3 20 s 20 s –")
    const flow = textsOf(withClass(elements, "flow"))
    assert.include(flow[0], "11 emitted for it")
    assert.include(flow[0], "9 delivered to its listener in 3 batches ✕ −2: the environment ended")
  })

  it("links each log line to its place", () => {
    const lines = withClass(elements, "line").filter(({ name }) => name === "li")
    assert.deepStrictEqual(
      textsOf(lines).map((line) => line.replace(/^\S+ ms /, "")),
      ["runtime hello 1", "runtime hello 2", "runtime hello 3"]
    )
  })

  it("the facts of each entry are in the data of the page", () => {
    const [data] = dataOf(elements)
    const entries = unpack<readonly [number, string, string, unknown]>(data?.entries ?? "")
    const exchange = entries.find(([, , what]) => what.startsWith("wire: GET"))
    assert.deepStrictEqual(exchange?.[3], [
      ["request", "GET /2020-01-01/extension/event/next\nlambda-extension-identifier: id"],
      ["answer", '200\n\n{"eventType":"INVOKE","requestId":"request-1","said":"hello 1"}\n\n… 63 of 4096 bytes'],
      ["took", "5 ms"]
    ])
    assert.deepInclude(entries, [
      320,
      "demo",
      "registered for INVOKE, SHUTDOWN",
      [
        ["kind", "external"],
        ["identifier", "id"],
        ["events", '["INVOKE","SHUTDOWN"]']
      ]
    ])
  })
})

it("problems come first, each with a link to a column that exists", () => {
  const elements = elementsOf(pageOf(runOf({ invocations: 40, failed: [7], overran: [20] })))
  const ids = new Set(elements.flatMap(({ attributes }) => attributes.id ?? []))
  const links = elements.filter(({ name }) => name === "a")
  for (const { attributes } of links) assert.isTrue(ids.has(attributes.href?.slice(1) ?? ""), attributes.href)
  const [list] = withClass(elements, "problems")
  const isPlace = ({ attributes }: Element) => attributes.id === links[0]?.attributes.href?.slice(1)
  assert.match(elements.find(isPlace)?.text ?? "", /^\s*Invocation 20\b/)
  assert.include(list?.text, "demo overran: it had not called next when the function's timeout ended invocation 20")
  assert.include(list?.text, "invocation 7 failed: Error: hello 7")
  const position = (className: string) => elements.findIndex(({ attributes }) => attributes.class === className)
  assert.isBelow(position("problems"), position("chart"))
})

describe("many invocations", () => {
  const failed = [500, 600, 700, 800, 900, 950]
  const page = pageOf(
    runOf({
      invocations: 1000,
      failed,
      reset: [100, 200, 300, 400, 600, 800],
      slow: [310, 320, 330, 340, 350]
    })
  )
  const elements = elementsOf(page)

  it("equal ones are folded, and those with a problem and the slowest one are drawn", () => {
    const drawn = textsOf(elements.filter(({ name }) => name === "h4"))
    assert.includeMembers(drawn, [
      "Init",
      "Invocation 1",
      "Invocation 100",
      "Invocation 310",
      "Invocation 350",
      ...failed.map((number) => `Invocation ${number}`),
      "Shutdown"
    ])
    for (const number of [50, 340, 400]) assert.notInclude(drawn, `Invocation ${number}`)
    const folded = drawn.flatMap((text) => (text.startsWith("×") ? Number(text.slice(1).replaceAll(",", "")) : []))
    const shown = drawn.filter((text) => text.startsWith("Invocation ")).length
    assert.strictEqual(folded.reduce((sum, count) => sum + count, 0) + shown, 1000)
    assert.isBelow(withClass(elements, "column").length, 60)
  })

  it("the folded ones are in the data, to be unfolded", () => {
    const [data] = dataOf(elements)
    const folds = Object.values(data?.folds ?? {}).map((text) =>
      unpack<readonly [number, number, number, string]>(text)
    )
    const invocations = folds.flat().reduce((sum, [count]) => sum + count, 0)
    assert.isAbove(invocations, 950)
    assert.include(folds[0]?.[0]?.[3], "Invocation 4")
  })

  it("the file stays small", () => {
    assert.isBelow(Buffer.byteLength(page), 3_000_000)
  })
})

describe("hostile texts", () => {
  const hostile = hostileTexts.join(" ")
  const runs = hostileTexts.map((text) => ({
    ...runOf({
      invocations: 2,
      extension: text,
      errorType: text,
      failed: [2],
      line: () => text,
      requestId: (number) => `${text}${number}`
    }),
    name: text,
    verdict: { status: text, sentence: text, advice: text, aws: text, basis: text, at: [3] }
  }))
  const page = Page.render({ title: hostile, runs })
  const elements = elementsOf(page)

  it("are no markup: the page has its own scripts, styles and links, and no others", () => {
    assert.deepStrictEqual(
      elements.flatMap(({ attributes, name }) => (name === "script" ? [attributes.type ?? "script"] : [])),
      ["application/json", "script"]
    )
    assert.strictEqual(elements.filter(({ name }) => name === "style").length, 1)
    for (const name of ["img", "iframe", "object", "embed", "form", "base"]) {
      assert.isUndefined(
        elements.find((element) => element.name === name),
        name
      )
    }
    for (const { attributes, name } of elements) {
      for (const [attribute, value] of Object.entries(attributes)) {
        assert.isFalse(attribute.startsWith("on") || attribute === "style" || attribute === "src", attribute)
        if (attribute === "href") assert.match(value, name === "link" ? /^data:,$/ : /^#[a-z0-9]+$/)
      }
    }
  })

  it("are shown as they are, with escapes for what cannot be seen", () => {
    const lines = withClass(elements, "text").map(({ text }) => text)
    for (const text of hostileTexts.slice(0, 9)) assert.include(lines, text)
    assert.include(lines, "\\u202egnp.exe\\u202c \\u2066hidden\\u2069 \\u200f")
    assert.include(lines, "lone \uFFFD surrogate \uFFFD")
    assert.include(lines, "NUL \\x00 bell \\x07 escape \\x1b[2J")
  })

  it("are no markup in the data either", () => {
    const entries = dataOf(elements).map(({ entries }) => JSON.stringify(unpack<unknown>(entries)))
    assert.strictEqual(entries.length, hostileTexts.length)
    assert.include(entries[10], "\\\\u202egnp")
    assert.isTrue(page.isWellFormed())
    assert.notInclude(page, "\0")
  })
})

describe("other ways of a run", () => {
  const columnsOf = (journal: ReadonlyArray<JournalEvent>) => {
    const entries = journal.map((event, index): JournalEntry => ({ ...event, index, at: start + 10 * index }))
    const elements = elementsOf(pageOf({ name: "demo", journal: entries, summary: summaryOf(entries) }))
    return textsOf(withClass(elements, "column"))
  }
  const titlesOf = (journal: ReadonlyArray<JournalEvent>) =>
    columnsOf(journal).map((text) => text.replace(/ \d+ ms.*$/, ""))
  const invoked = (requestId: string): JournalEvent => ({
    _tag: "InvocationStarted",
    requestId,
    deadlineMs: start + 3000,
    invokedFunctionArn: "arn",
    traceHeader: "",
    lambdaSegmentId: "",
    tenantId: ""
  })
  const done = (requestId: string): JournalEvent => ({
    _tag: "InvocationDone",
    requestId,
    status: "success",
    errorType: undefined,
    extensionOverheadMs: 0,
    maxMemoryBytes: undefined
  })
  const init: ReadonlyArray<JournalEvent> = [
    { _tag: "InitStarted", phase: "init" },
    { _tag: "ProcessStarted", source: "runtime", pid: 1 },
    { _tag: "NextCalled", source: "runtime" },
    { _tag: "InitEnded", phase: "init", status: "success", errorType: undefined }
  ]

  it("invocations that overlap, as on managed instances, are one column", () => {
    const titles = titlesOf([
      ...init,
      invoked("a"),
      invoked("b"),
      done("a"),
      invoked("c"),
      done("b"),
      done("c"),
      invoked("d")
    ])
    assert.deepStrictEqual(titles, ["Init", "Idle", "Invocations 1 to 3", "Idle", "Invocation 4"])
  })

  it("a restore from a snapshot is a column, and the thaw in it is no end", () => {
    const columns = columnsOf([
      ...init,
      { _tag: "Frozen" },
      { _tag: "SnapshotTaken", connections: 1, problem: undefined },
      { _tag: "RestoreStarted" },
      { _tag: "Thawed", frozenMs: 20 },
      { _tag: "RestoreEnded", status: "success", errorType: undefined },
      invoked("a"),
      done("a")
    ])
    assert.match(columns[3] ?? "", /^Restore 20 ms of 10 s ✓ ok/)
    assert.match(columns.at(-1) ?? "", /^Invocation 1 /)
    assert.strictEqual(columns.length, 6)
  })

  it("an init inside an invocation, as of AWS's emulator, is no column", () => {
    assert.deepStrictEqual(titlesOf([invoked("a"), ...init, done("a")]), ["Invocation 1"])
  })
})

it("the lines of the function that the sink of a scenario took are compared with those that were printed", () => {
  const run = runOf({ invocations: 3, line: (number) => `conform-0123abcd-${number} a line` })
  const { name, journal, summary } = run
  const elements = elementsOf(pageOf({ name, journal, summary, sink: { requests: 2, bytes: 100, lines: 1 } }))
  assert.deepStrictEqual(textsOf(withClass(elements, "flow")).slice(1), [
    "At the sink 2 requests 100 bytes 3 lines of the function printed 1 lines of the function taken ✕ −2"
  ])
})

it("a line of a megabyte is cut, and its length is said", () => {
  const page = pageOf(runOf({ invocations: 3, line: () => "x".repeat(1_000_000) }))
  assert.isBelow(page.length, 200_000)
  assert.include(page, "999,400 characters more")
})

it("a hundred thousand different problems take linear time", () => {
  const journal = Array.from({ length: 100_000 }, (_, index): JournalEntry => {
    const path = "/2020-01-01/extension/register"
    const refused = { method: "POST", path, status: 403, errorType: "Extension.NameMismatch" }
    return { _tag: "ApiRefused", ...refused, message: `no ${index}`, index, at: start + index }
  })
  // With all sentences after each entry it took hours.
  const problems = Problems.of(summaryOf(journal), journal, [])
  assert.lengthOf(problems, 100_000)
  assert.strictEqual(problems[150]?.position, 150)
})

it("the policy of the page lets nothing load, and only its own script and style run", () => {
  const elements = elementsOf(pageOf(runOf({ invocations: 1 })))
  const policy = elements.find(({ attributes }) => attributes["http-equiv"] === "Content-Security-Policy")
  const hash = (name: string) => {
    const text = elements.findLast((element) => element.name === name)?.text ?? ""
    return `'sha256-${createHash("sha256").update(text).digest("base64")}'`
  }
  assert.strictEqual(
    policy?.attributes.content,
    `default-src 'none'; style-src ${hash("style")}; script-src ${hash("script")}; img-src data:; base-uri 'none'; form-action 'none'`
  )
})

it("verdicts are listed with the worst first, and those that fail are open", () => {
  const verdict = { sentence: "seen", advice: "change it", aws: "ends it", basis: "seen" }
  const run = runOf({ invocations: 1 })
  const statuses = ["pass", "not applicable", "fail", "warn"]
  const elements = elementsOf(
    Page.render({
      title: "conform",
      runs: statuses.map((status) => {
        const { journal, summary } = run
        return { name: `next/${status}`, journal, summary, verdict: Object.assign({ status, at: [2] }, verdict) }
      })
    })
  )
  const rows = textsOf(elements.filter(({ name }) => name === "tr"))
  assert.deepStrictEqual(rows.slice(1, 5), [
    "✕ fail next/fail seen",
    "△ warn next/warn seen",
    "✓ pass next/pass seen",
    "· not applicable next/not applicable seen"
  ])
  const open = elements.flatMap(({ attributes, name }) => (name === "details" ? ["open" in attributes] : []))
  assert.deepStrictEqual(open, [true, true, false, false])
  assert.include(withClass(elements, "evidence")[0]?.text, "registered for INVOKE, SHUTDOWN")
})

it("a journal that has lost its beginning, or has no entries, makes a page too", () => {
  const journal = journalOf({ invocations: 5 }).slice(30)
  assert.include(pageOf({ name: "late", journal, summary: summaryOf(journal) }), "the first 30 entries")
  const empty = elementsOf(pageOf({ name: "empty", journal: [], summary: summaryOf([]) }))
  assert.include(textsOf(empty).join(), "Nothing was run.")
})

it.effect("the file is written whole, or the reason is told and nothing is left", () =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "page-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
    const report = { title: "demo", runs: [runOf({ invocations: 1 })] }
    const file = join(folder, "reports/run.html")
    yield* Page.write(file, report)
    assert.strictEqual(readFileSync(file, "utf8"), Page.render(report))
    assert.deepStrictEqual(readdirSync(join(folder, "reports")), ["run.html"])
    const error = yield* Effect.flip(Page.write("/proc/none/run.html", report))
    assert.include(String(error.cause), "/proc/none/run.html cannot be written")
    assert.isFalse(existsSync("/proc/none"))
  })
)

it("the start of the run is told", () => {
  assert.strictEqual(start % 1000, 0)
  assert.include(pageOf(runOf({ invocations: 1 })), "2026-11-28 18:13:07 UTC")
})
