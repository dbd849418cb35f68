/**
 * The tables of `docs/otel.md`: every variable that the code reads, with its default, and no other; and every name that a backend
 * sees.
 */
import { OtelConfig } from "@effect-lambda/otel"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"

const document = readFileSync(join(import.meta.dirname, "../../../docs/otel.md"), "utf8")
const own = "EFFECT_LAMBDA_OTLP_"
const endpoint = "https://otlp.example.com"

/** The variables that are read if these are set. */
const readWith = Effect.fnUntraced(function* (env: Readonly<Record<string, string>>) {
  const names = new Set<string>()
  const provider = ConfigProvider.make(([name = ""]) =>
    Effect.sync(() => {
      names.add(String(name))
      const value = env[name]
      return value === undefined ? undefined : ConfigProvider.makeValue(value)
    })
  )
  const settings = yield* Effect.provideService(OtelConfig.settings, ConfigProvider.ConfigProvider, provider)
  return { names, settings }
})

const rows = Array.from(
  document.matchAll(/^\| (`[A-Z_0-9]+`(?:, `[A-Z_0-9]+`)*) \| (.*?) \| (.*) \|$/gm),
  ([, names = "", standard = "", text = ""]) => ({
    names: [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    standard,
    text
  })
)
const documented = rows.flatMap(({ names, text }) => [
  ...names,
  // The three endpoints are in the text of their row.
  ...[...text.matchAll(/`([A-Z]+_ENDPOINT)`/g)].map(([, name]) => name)
])
const ofSignal = /^(?:TRACES|METRICS|LOGS)_(HEADERS|PROTOCOL|COMPRESSION|TIMEOUT)$/

describe("docs/otel.md", () => {
  it.effect("has every variable that is read, and the layer reads each that it has", () =>
    Effect.gen(function* () {
      const names = new Set<string>()
      const all = [
        { [`${own}ENDPOINT`]: endpoint },
        { [`${own}ENDPOINT`]: endpoint, [`${own}SAMPLER`]: "traceidratio" },
        { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER: "traceidratio" }
      ]
      for (const env of all) for (const name of (yield* readWith(env)).names) names.add(name)
      const ours = [...names].flatMap((name) => (name.startsWith(own) ? [name.slice(own.length)] : []))
      const single = ours.flatMap((name) => ofSignal.exec(name)?.[1] ?? [])
      assert.sameMembers(
        ours.filter((name) => !ofSignal.test(name)),
        documented
      )
      assert.includeMembers(documented, single)
      const others = [...names].filter((name) => !name.startsWith(own) && !name.startsWith("OTEL_EXPORTER_OTLP_"))
      assert.isAbove(others.length, 4)
      for (const name of others) assert.include(document, `\`${name}\``)
    })
  )

  it.effect("has the defaults of the code", () =>
    Effect.gen(function* () {
      const { settings } = yield* readWith({ [`${own}ENDPOINT`]: endpoint })
      const { gzip, headers, protocol, timeoutMillis } = settings.backends.logs ?? assert.fail("there is a backend")
      const values: Readonly<Record<string, string>> = {
        ENDPOINT: "`OTEL_EXPORTER_OTLP_ENDPOINT`",
        HEADERS: Object.keys(headers).length === 0 ? "none" : "some",
        PROTOCOL: `\`${protocol}\``,
        COMPRESSION: gzip ? "`gzip`" : "`none`",
        TIMEOUT: String(timeoutMillis),
        // That of the library, which a test in Answers.test.ts shows.
        FLUSH_TIMEOUT: settings.flushTimeoutMillis === undefined ? "2000" : "another",
        RETRY_ON_500: `\`${settings.retryOn500}\``,
        TRACES_EXPORTER: settings.unsent.length === 0 ? "`otlp`" : "`none`",
        METRICS_TEMPORALITY_PREFERENCE: `otherwise \`${settings.temporality}\``,
        SAMPLER: settings.sampler._tag === "AlwaysOn" ? "otherwise `always_on`" : settings.sampler._tag,
        PARENT: `\`${settings.xrayParent}\``,
        SERVER_SPAN: `\`${settings.serverSpan}\``,
        PLATFORM_EVENTS: `\`${settings.platformEvents}\``,
        MASK: settings.mask.length + settings.remove.length === 0 ? "none" : "some",
        MINIMUM_SEVERITY: settings.minimumSeverity ?? "none",
        RECEIVER: `\`${settings.receiverPort !== undefined}\``,
        RECEIVER_PORT: String(settings.receiverPort)
      }
      assert.deepStrictEqual(
        rows.map(({ names }) => names[0]),
        Object.keys(values)
      )
      for (const { names, standard } of rows) assert.isTrue(standard.endsWith(values[names[0] ?? ""] ?? "?"), names[0])
    })
  )

  it("has the name of every metric and attribute", () => {
    const sources = globSync(join(import.meta.dirname, "../src/**/*.ts"))
    const names = sources.flatMap((file) =>
      [
        ...readFileSync(file, "utf8").matchAll(
          /"((?:effect_lambda|faas|aws\.lambda|cloud|error|event|service)\.[a-z_.]+)"/g
        )
      ].map(([, name = ""]) => name)
    )
    assert.isAbove(names.length, 30)
    for (const name of names) {
      // Names of one row are shortened.
      assert.isTrue(
        [name, name.replace("effect_lambda", "")].some((each) => document.includes(`\`${each}\``)),
        name
      )
    }
  })
})
