/** The tables of options in the documents: every option of the interface, in its order, with the default its comment says. */
import * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { defaults } from "../extension/test/defaults/all.ts"
import { membersOf } from "./support/Types.ts"

const root = join(import.meta.dirname, "../..")

const ofLibrary = [
  ["docs/telemetry.md", "Telemetry", ["FlushOptions", "Options"]],
  ["docs/telemetry.md", "TelemetrySubscription", ["ReceiverOptions"]],
  ["docs/telemetry.md", "TelemetrySink", ["HttpOptions"]],
  ["docs/extensions-api.md", "Extension", ["CommonOptions", "RunOptions"]]
] as const
const ofOtel = [["docs/otel.md", "Otel", ["Options"]]] as const

const pathsOf = (module: string, interfaces: ReadonlyArray<string>) => interfaces.map((name) => `${module}.${name}`)
const pathsIn = (documents: typeof ofLibrary | typeof ofOtel) =>
  documents.flatMap(([, module, interfaces]) => pathsOf(module, interfaces))
const members = new Map([...membersOf("extension", pathsIn(ofLibrary)), ...membersOf("otel", pathsIn(ofOtel))])

const tableOf = (document: string, module: string) => {
  const text = readFileSync(join(root, document), "utf8")
  const [, table = ""] = new RegExp(`<!-- options: ${module} -->(.*?)<!-- /options -->`, "s").exec(text) ?? []
  return Array.from(table.matchAll(/^\| `(\w+)` +\| (.*?) *\|/gm), ([, option, standard = ""]) => ({
    option,
    standard
  }))
}

it.each([...ofLibrary, ...ofOtel])("%s: the options of %s", (document, module, interfaces) => {
  const options = pathsOf(module, interfaces).flatMap((path) => members.get(path) ?? [])
  const table = tableOf(document, module)
  assert.isAbove(table.length, 1)
  assert.deepStrictEqual(
    table.map(({ option }) => option),
    options.map(({ name }) => name)
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
  const buffering = tableOf("docs/telemetry.md", "TelemetrySubscription").find(({ option }) => option === "buffering")
  const { defaultMaxBytes, defaultMaxItems, defaultTimeout } = TelemetrySubscription
  const timeout = Duration.toMillis(Duration.fromInputUnsafe(defaultTimeout))
  assert.strictEqual(buffering?.standard, `${timeout} ms, ${defaultMaxItems} records, ${defaultMaxBytes / 2 ** 20} MiB`)
})

// Each of these is run by packages/extension/test/Defaults.test.ts; those of Otel are in packages/otel/test/Init.test.ts.
it("the defaults that the comments say are those of the code", () => {
  const shown = defaults.map(({ module, option, standard }) => `${module}.${option}: ${standard}`)
  const said = ofLibrary.flatMap(([document, module]) =>
    tableOf(document, module).flatMap(({ option, standard }) =>
      standard === "" ? [] : [`${module}.${option}: ${standard}`]
    )
  )
  assert.sameMembers(shown, said)
})
