/** The tables of options in the documents: every option of the interface, in its order, with the default its comment says. */
import { assert, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")
const read = (path: string) => readFileSync(join(root, path), "utf8")
const source = (module: string) => read(`packages/extension/src/${module}.ts`)

/** The properties of an interface, with their comments as one line. */
const optionsOf = (module: string, name: string) => {
  const [, body = ""] = new RegExp(`^export interface ${name}\\b.*?\\{\\n(.*?)^\\}`, "ms").exec(source(module)) ?? []
  return Array.from(
    body.matchAll(/(?:^ {2}\/\*\*((?:(?!\*\/).)*)\*\/\n)?^ {2}readonly (\w+)\??:/gms),
    ([, comment = "", option]) => ({
      option,
      comment: comment.replaceAll(/\s*\n\s*\*?\s*/g, " ")
    })
  )
}

const tableOf = (document: string, marker: string) => {
  const [, table = ""] = new RegExp(`<!-- options: ${marker} -->(.*?)<!-- /options -->`, "s").exec(read(document)) ?? []
  return Array.from(table.matchAll(/^\| `(\w+)` +\| (.*?) *\|/gm), ([, option, standard = ""]) => ({
    option,
    standard
  }))
}

it.each<readonly [string, string, Record<string, ReadonlyArray<string>>]>([
  [
    "docs/telemetry.md",
    "Telemetry",
    { "telemetry/FlushStrategy": ["FlushOptions"], "telemetry/Telemetry": ["Options"] }
  ],
  ["docs/telemetry.md", "TelemetryReceiver", { "telemetry/TelemetryReceiver": ["Options"] }],
  ["docs/telemetry.md", "TelemetrySink", { "telemetry/TelemetrySink": ["HttpOptions"] }],
  ["docs/extensions-api.md", "Extension", { "internal/lifecycle/options": ["CommonOptions", "RunOptions"] }]
])("%s: the options of %s", (document, module, interfaces) => {
  const options = Object.entries(interfaces).flatMap(([file, names]) => names.flatMap((name) => optionsOf(file, name)))
  const table = tableOf(document, module)
  assert.isAbove(table.length, 4)
  assert.deepStrictEqual(
    table.map(({ option }) => option),
    options.map(({ option }) => option)
  )
  for (const [index, { option, standard }] of table.entries()) {
    const { comment = "" } = options[index] ?? {}
    // Elsewhere: TelemetrySubscription.
    if (option === "buffering") continue
    const [, said] = /Default: (.*)/.exec(comment) ?? []
    if (standard === "") assert.isUndefined(said, option)
    else assert.include(said, standard, option)
  }
})

it("the defaults of buffering are those of TelemetrySubscription", () => {
  const buffering = tableOf("docs/telemetry.md", "TelemetryReceiver").find(({ option }) => option === "buffering")
  assert.strictEqual(buffering?.standard, "25 ms, 1000 records, 1 MiB")
  assert.match(source("telemetry/TelemetrySubscription"), /defaultMaxItems = 1000$/m)
  assert.match(source("telemetry/TelemetrySubscription"), /defaultMaxBytes = 1_048_576$/m)
  assert.match(source("telemetry/TelemetrySubscription"), /defaultTimeout: Duration.Input = "25 millis"$/m)
})

it("the defaults that the comments say are those of the code", () => {
  for (const code of [
    'options.batch?.maxAge ?? "5 seconds"',
    "batch.maxRecords ?? 1000",
    "batch.maxBytes ?? 1024 * 1024",
    'options.flushTimeout ?? "2 seconds"',
    'options.grace ?? "25 millis"',
    'options.quiet ?? "200 millis"'
  ]) {
    assert.include(source("telemetry/internal/delivery/session"), code)
  }
  assert.include(source("telemetry/Telemetry"), 'options.exportTimeout ?? "5 seconds"')
  assert.include(source("telemetry/Telemetry"), 'options.longestRest ?? "1 minute"')
  assert.include(source("telemetry/Telemetry"), 'Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 3 }))')
  assert.include(source("telemetry/TelemetryReceiver"), "options.queue?.maxRecords ?? 50_000")
  assert.include(source("telemetry/TelemetryReceiver"), "options.queue?.maxBytes ?? 32 * mebibyte")
  assert.include(source("telemetry/TelemetryReceiver"), "maxBodyBytes = 8 * mebibyte")
  assert.include(source("internal/lifecycle/supervise"), "defaultInitTimeout = Duration.seconds(8)")
  assert.include(source("internal/lifecycle/run"), "defaultMargin = Duration.millis(200)")
  assert.include(source("internal/lifecycle/run"), 'onDefect = "idle", onFailure = "continue"')
})
