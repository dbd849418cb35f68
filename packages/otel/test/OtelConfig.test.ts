/** The variables of the layer: what they mean, which win, and what is said of a wrong one. */
import { OtelConfig } from "@effect-lambda/otel"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

type Env = Readonly<Record<string, string>>

const read = (env: Env) =>
  Effect.provideService(OtelConfig.settings, ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...env } }))

const own = { EFFECT_LAMBDA_OTLP_ENDPOINT: "https://otlp.example.com" }

const plain = (headers: OtelConfig.Backend["headers"] | undefined) =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, Redacted.value(value)]))

describe("the endpoint of a signal", () => {
  it.effect.each<readonly [string, Env, Readonly<Partial<Record<OtelConfig.Signal, string>>>]>([
    [
      "the base has the paths of the signals behind it",
      own,
      {
        traces: "https://otlp.example.com/v1/traces",
        metrics: "https://otlp.example.com/v1/metrics",
        logs: "https://otlp.example.com/v1/logs"
      }
    ],
    [
      "a path of the base stays, with or without its slash, and so does its query",
      { EFFECT_LAMBDA_OTLP_ENDPOINT: "https://otlp.example.com/api/otlp/?tenant=a" },
      {
        traces: "https://otlp.example.com/api/otlp/v1/traces?tenant=a",
        metrics: "https://otlp.example.com/api/otlp/v1/metrics?tenant=a",
        logs: "https://otlp.example.com/api/otlp/v1/logs?tenant=a"
      }
    ],
    [
      "the endpoint of one signal is taken as it is",
      { ...own, EFFECT_LAMBDA_OTLP_LOGS_ENDPOINT: "http://logs.example.com:8080/otlp" },
      {
        traces: "https://otlp.example.com/v1/traces",
        metrics: "https://otlp.example.com/v1/metrics",
        logs: "http://logs.example.com:8080/otlp"
      }
    ],
    [
      "the known variable is read if the extension has none",
      { OTEL_EXPORTER_OTLP_ENDPOINT: "https://known.example.com:4318" },
      {
        traces: "https://known.example.com:4318/v1/traces",
        metrics: "https://known.example.com:4318/v1/metrics",
        logs: "https://known.example.com:4318/v1/logs"
      }
    ],
    [
      "the extension's base wins over a known endpoint of one signal",
      { ...own, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://known.example.com/v1/traces" },
      {
        traces: "https://otlp.example.com/v1/traces",
        metrics: "https://otlp.example.com/v1/metrics",
        logs: "https://otlp.example.com/v1/logs"
      }
    ],
    [
      "a known endpoint of one signal on this machine says nothing, and the known base does",
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: "https://known.example.com",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://localhost:4318/v1/traces"
      },
      {
        traces: "https://known.example.com/v1/traces",
        metrics: "https://known.example.com/v1/metrics",
        logs: "https://known.example.com/v1/logs"
      }
    ],
    [
      "a collector on another port of this machine is a backend",
      { EFFECT_LAMBDA_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:14318/v1/traces" },
      { traces: "http://127.0.0.1:14318/v1/traces" }
    ],
    [
      "so is the usual port if the layer does not listen there",
      { EFFECT_LAMBDA_OTLP_TRACES_ENDPOINT: "http://localhost:4318/v1/traces", EFFECT_LAMBDA_OTLP_RECEIVER: "false" },
      { traces: "http://localhost:4318/v1/traces" }
    ],
    [
      "an empty variable is one that is not set",
      { ...own, EFFECT_LAMBDA_OTLP_TRACES_ENDPOINT: " ", EFFECT_LAMBDA_OTLP_METRICS_EXPORTER: "" },
      {
        traces: "https://otlp.example.com/v1/traces",
        metrics: "https://otlp.example.com/v1/metrics",
        logs: "https://otlp.example.com/v1/logs"
      }
    ],
    [
      "a signal that is switched off has none",
      { ...own, EFFECT_LAMBDA_OTLP_LOGS_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none" },
      { traces: "https://otlp.example.com/v1/traces" }
    ],
    [
      "what keeps an SDK from sending logs does not keep the layer from it, nor does a disabled SDK",
      { ...own, OTEL_LOGS_EXPORTER: "none", OTEL_SDK_DISABLED: "true", OTEL_TRACES_EXPORTER: "console" },
      {
        traces: "https://otlp.example.com/v1/traces",
        metrics: "https://otlp.example.com/v1/metrics",
        logs: "https://otlp.example.com/v1/logs"
      }
    ]
  ])("%s", ([, env, urls]) =>
    Effect.gen(function* () {
      const { backends } = yield* read(env)
      assert.deepStrictEqual(
        Object.fromEntries(Object.entries(backends).map(([signal, backend]) => [signal, backend?.url])),
        { ...urls }
      )
    })
  )

  it.effect("is not set for a signal whose sibling has one: that is said and no failure", () =>
    Effect.gen(function* () {
      const { unsent } = yield* read({ EFFECT_LAMBDA_OTLP_TRACES_ENDPOINT: "https://otlp.example.com/v1/traces" })
      assert.deepStrictEqual(unsent, ["metrics", "logs"])
    })
  )
})

describe("what belongs to an endpoint", () => {
  it.effect("a key in a known variable does not reach the backend of the extension", () =>
    Effect.gen(function* () {
      const { backends } = yield* read({
        ...own,
        OTEL_EXPORTER_OTLP_ENDPOINT: "https://known.example.com",
        OTEL_EXPORTER_OTLP_HEADERS: "api-key=secret-of-known",
        OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"
      })
      assert.deepStrictEqual(plain(backends.traces?.headers), {})
      assert.strictEqual(backends.traces?.protocol, "http/protobuf")
    })
  )

  it.effect(
    "the other variables of the extension hold for a known endpoint, if it has no endpoint of its variables",
    () =>
      Effect.gen(function* () {
        const { backends } = yield* read({
          OTEL_EXPORTER_OTLP_ENDPOINT: "https://known.example.com",
          OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
          OTEL_EXPORTER_OTLP_LOGS_HEADERS: "api-key=known",
          OTEL_EXPORTER_OTLP_TIMEOUT: "5000",
          EFFECT_LAMBDA_OTLP_HEADERS: "api-key=own",
          EFFECT_LAMBDA_OTLP_PROTOCOL: "http/json"
        })
        assert.deepStrictEqual(plain(backends.logs?.headers), { "api-key": "own" })
        assert.deepInclude(backends.logs, { protocol: "http/json", timeoutMillis: 5000 })
      })
  )

  it.effect("and not if one signal has an endpoint of them: a key must not reach another backend", () =>
    Effect.gen(function* () {
      const { backends } = yield* read({
        OTEL_EXPORTER_OTLP_ENDPOINT: "https://known.example.com",
        EFFECT_LAMBDA_OTLP_TRACES_ENDPOINT: "https://own.example.com/v1/traces",
        EFFECT_LAMBDA_OTLP_HEADERS: "api-key=own"
      })
      assert.deepStrictEqual(plain(backends.traces?.headers), { "api-key": "own" })
      assert.deepStrictEqual(plain(backends.logs?.headers), {})
    })
  )

  it.effect("headers are decoded, secret, and those of a signal win", () =>
    Effect.gen(function* () {
      const { backends } = yield* read({
        ...own,
        EFFECT_LAMBDA_OTLP_HEADERS: "Authorization=Basic%20YTpi , x-scope = a=b,",
        EFFECT_LAMBDA_OTLP_LOGS_HEADERS: "x-logs=1"
      })
      assert.deepStrictEqual(plain(backends.traces?.headers), { authorization: "Basic YTpi", "x-scope": "a=b" })
      assert.deepStrictEqual(plain(backends.logs?.headers), { "x-logs": "1" })
      assert.notInclude(JSON.stringify(backends), "YTpi")
      assert.notInclude(String(backends.traces?.headers.authorization), "YTpi")
    })
  )

  it.effect("protocol, compression and time limit have the defaults of OpenTelemetry, and can be set", () =>
    Effect.gen(function* () {
      const { traces } = (yield* read(own)).backends
      assert.deepInclude(traces, { protocol: "http/protobuf", gzip: false, timeoutMillis: 10_000 })
      const { backends } = yield* read({
        ...own,
        EFFECT_LAMBDA_OTLP_PROTOCOL: "HTTP/JSON",
        EFFECT_LAMBDA_OTLP_COMPRESSION: "gzip",
        EFFECT_LAMBDA_OTLP_TIMEOUT: "2500"
      })
      assert.deepInclude(backends.metrics, { protocol: "http/json", gzip: true, timeoutMillis: 2500 })
    })
  )
})

describe("the other variables", () => {
  it.effect("have defaults", () =>
    Effect.gen(function* () {
      const { backends: _, ...rest } = yield* read(own)
      assert.deepStrictEqual(rest, {
        unsent: [],
        switchedOff: {},
        temporality: "delta",
        sampler: { _tag: "AlwaysOn" },
        xrayParent: "link",
        serverSpan: "auto",
        platformEvents: false,
        retryOn500: false,
        flushTimeoutMillis: undefined,
        receiverPort: 4318,
        serviceName: undefined,
        attributes: {},
        mask: [],
        remove: [],
        minimumSeverity: undefined,
        notes: []
      })
    })
  )

  it.effect.each<readonly [Env, Partial<OtelConfig.Settings>]>([
    [
      { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" },
      { sampler: { _tag: "TraceIdRatio", ratio: 0.25 } }
    ],
    [
      { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "1", EFFECT_LAMBDA_OTLP_SAMPLER_ARG: "0.25" },
      { sampler: { _tag: "TraceIdRatio", ratio: 0.25 } }
    ],
    [
      { EFFECT_LAMBDA_OTLP_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" },
      { sampler: { _tag: "TraceIdRatio", ratio: 0.25 } }
    ],
    [{ OTEL_TRACES_SAMPLER: "parentbased_always_on" }, { sampler: { _tag: "AlwaysOn" } }],
    [{ OTEL_TRACES_SAMPLER: "parentbased_always_off" }, { sampler: { _tag: "AlwaysOff" } }],
    [
      {
        OTEL_TRACES_SAMPLER: "always_off",
        EFFECT_LAMBDA_OTLP_SAMPLER: "traceidratio",
        EFFECT_LAMBDA_OTLP_SAMPLER_ARG: "1"
      },
      { sampler: { _tag: "TraceIdRatio", ratio: 1 } }
    ],
    [{ EFFECT_LAMBDA_OTLP_SAMPLER: "xray" }, { sampler: { _tag: "XRay" } }],
    [{ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "CUMULATIVE" }, { temporality: "cumulative" }],
    [{ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "lowmemory" }, { temporality: "delta" }],
    [
      { OTEL_SERVICE_NAME: "orders", OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=prod,team=a%2Cb" },
      { serviceName: "orders", attributes: { "deployment.environment.name": "prod", team: "a,b" } }
    ],
    [
      { EFFECT_LAMBDA_OTLP_PARENT: "xray", EFFECT_LAMBDA_OTLP_SERVER_SPAN: "never" },
      { xrayParent: "parent", serverSpan: "never" }
    ],
    [
      { EFFECT_LAMBDA_OTLP_MASK: "password, *token*", EFFECT_LAMBDA_OTLP_MINIMUM_SEVERITY: "warn" },
      { mask: ["password", "*token*"], minimumSeverity: "WARN" }
    ],
    [{ EFFECT_LAMBDA_OTLP_RECEIVER_PORT: " 14318 " }, { receiverPort: 14_318 }],
    [{ EFFECT_LAMBDA_OTLP_RECEIVER: " False " }, { receiverPort: undefined }],
    [{ EFFECT_LAMBDA_OTLP_PLATFORM_EVENTS: "TRUE" }, { platformEvents: true }],
    [{ EFFECT_LAMBDA_OTLP_RETRY_ON_500: "true" }, { retryOn500: true }],
    [{ EFFECT_LAMBDA_OTLP_FLUSH_TIMEOUT: " 250 " }, { flushTimeoutMillis: 250 }],
    [{ EFFECT_LAMBDA_OTLP_FLUSH_TIMEOUT: "" }, { flushTimeoutMillis: undefined }],
    [
      { EFFECT_LAMBDA_OTLP_MASK: " , ", EFFECT_LAMBDA_OTLP_REMOVE: "a,,b " },
      { mask: [], remove: ["a", "b"] }
    ],
    [{ EFFECT_LAMBDA_OTLP_SAMPLER: " ALWAYS_OFF " }, { sampler: { _tag: "AlwaysOff" } }],
    [
      { OTEL_RESOURCE_ATTRIBUTES: " a = b=c , d=%20e%20 ,f=, g%2Ch=1,,a=2 ," },
      { attributes: { a: "2", d: " e ", f: "", "g,h": "1" } }
    ],
    [
      { OTEL_SERVICE_NAME: " ", OTEL_RESOURCE_ATTRIBUTES: "" },
      { serviceName: undefined, attributes: {} }
    ],
    [{ EFFECT_LAMBDA_OTLP_RECEIVER: "false" }, { receiverPort: undefined }]
  ])("%j", ([env, expected]) =>
    Effect.gen(function* () {
      assert.deepInclude(yield* read({ ...own, ...env }), expected)
    })
  )

  it.effect.each<Env>([{}, { EFFECT_LAMBDA_OTLP_SAMPLER: "xray" }, { OTEL_TRACES_SAMPLER: "jaeger_remote" }])(
    "an argument without a sampler that has one is said: %j",
    (env) =>
      Effect.gen(function* () {
        const { notes } = yield* read({ ...own, ...env, EFFECT_LAMBDA_OTLP_SAMPLER_ARG: "0.25" })
        assert.strictEqual(
          notes.at(-1),
          "EFFECT_LAMBDA_OTLP_SAMPLER_ARG has no effect, since the sampler is not traceidratio"
        )
      })
  )

  it.effect("a sampler that only an SDK can be is said and not followed", () =>
    Effect.gen(function* () {
      const { notes, sampler } = yield* read({
        ...own,
        OTEL_TRACES_SAMPLER: "Jaeger_Remote",
        OTEL_TRACES_SAMPLER_ARG: "endpoint=x"
      })
      assert.strictEqual(sampler._tag, "AlwaysOn")
      assert.strictEqual(notes.length, 1)
    })
  )
})

const secret = "s3cret"

describe("a wrong value", () => {
  it.effect.each<readonly [variable: string, value: string, words: RegExp, env?: Env]>([
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", `otlp.example.com:4318/${secret}`, /begins with neither http/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", `https://user:${secret}@otlp.example.com`, /has credentials in it/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", `http://localhost:4318/?key=${secret}`, /in a circle: name the backend/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", "http://127.0.0.2:4318", /in a circle/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", "http://[::1]:4317", /in a circle/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", "http://[::ffff:127.0.0.1]:4318", /in a circle/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", "http://[::FFFF:7F00:1]:4318", /in a circle/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", "http://sandbox.localdomain:4318", /in a circle/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", "http://localhost.localdomain:4318", /in a circle/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", "http://localhost6.localdomain6:4318", /in a circle/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", "HTTP://My.LOCALHOST.:4318", /in a circle/],
    [
      "EFFECT_LAMBDA_OTLP_ENDPOINT",
      "http://localhost:14318",
      /in a circle/,
      { EFFECT_LAMBDA_OTLP_RECEIVER_PORT: "14318" }
    ],
    ["EFFECT_LAMBDA_OTLP_LOGS_ENDPOINT", "http://0.0.0.0:4318/v1/logs", /in a circle/],
    ["EFFECT_LAMBDA_OTLP_ENDPOINT", "", /is not set: it is the address of the backend/],
    [
      "EFFECT_LAMBDA_OTLP_PROTOCOL",
      "grpc",
      /is grpc, which this layer does not speak: set EFFECT_LAMBDA_OTLP_PROTOCOL=http\/protobuf/
    ],
    ["EFFECT_LAMBDA_OTLP_METRICS_PROTOCOL", "thrift", /none of http\/protobuf, http\/json/],
    ["EFFECT_LAMBDA_OTLP_COMPRESSION", "zstd", /none of none, gzip/],
    ["EFFECT_LAMBDA_OTLP_TIMEOUT", "10s", /not a whole number from 1 to 60000 milliseconds/],
    ["EFFECT_LAMBDA_OTLP_TIMEOUT", "0", /not a whole number/],
    ...["0", "-5", "1.5", "1e3", "2 seconds", "60001"].map(
      (value) => ["EFFECT_LAMBDA_OTLP_FLUSH_TIMEOUT", value, /not a whole number from 1 to 60000 milliseconds/] as const
    ),
    ["EFFECT_LAMBDA_OTLP_HEADERS", `${secret}`, /that is not name=value/],
    ["EFFECT_LAMBDA_OTLP_HEADERS", `a=1,=${secret}`, /number 2, that is not name=value/],
    ["EFFECT_LAMBDA_OTLP_HEADERS", `key=${secret}%zz`, /with a % that two hexadecimal digits do not follow/],
    ["EFFECT_LAMBDA_OTLP_HEADERS", `key=${secret}%0A`, /a character that no header has/],
    ["EFFECT_LAMBDA_OTLP_HEADERS", `ke y=${secret}`, /a character that no header has/],
    ["EFFECT_LAMBDA_OTLP_TRACES_EXPORTER", "zipkin", /none of otlp, none/],
    ["EFFECT_LAMBDA_OTLP_SAMPLER", "sometimes", /none of always_on, always_off, traceidratio, xray/],
    ["OTEL_TRACES_SAMPLER", "alwayson", /none of always_on/],
    ["OTEL_TRACES_SAMPLER_ARG", "2", /not a number from 0 to 1/, { OTEL_TRACES_SAMPLER: "traceidratio" }],
    [
      "OTEL_TRACES_SAMPLER_ARG",
      "half",
      /not a number from 0 to 1/,
      { OTEL_TRACES_SAMPLER: "parentbased_traceidratio" }
    ],
    [
      "EFFECT_LAMBDA_OTLP_SAMPLER_ARG",
      "-1",
      /not a number from 0 to 1/,
      { EFFECT_LAMBDA_OTLP_SAMPLER: "traceidratio" }
    ],
    ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both", /none of delta, cumulative, lowmemory/],
    ["OTEL_RESOURCE_ATTRIBUTES", "team", /that is not name=value/],
    ["OTEL_RESOURCE_ATTRIBUTES", "a=1,=2", /number 2, that is not name=value/],
    ["OTEL_RESOURCE_ATTRIBUTES", `a=1,b=%${secret}`, /number 2, with a % that two hexadecimal digits do not follow/],
    ["OTEL_RESOURCE_ATTRIBUTES", `a=${secret}%c3`, /with a % that two hexadecimal digits do not follow/],
    ["EFFECT_LAMBDA_OTLP_SERVER_SPAN", "perhaps", /none of auto, always, never/],
    ["EFFECT_LAMBDA_OTLP_PARENT", "both", /none of link, xray/],
    ["EFFECT_LAMBDA_OTLP_PLATFORM_EVENTS", "yes", /none of true, false/],
    ["EFFECT_LAMBDA_OTLP_RECEIVER_PORT", "70000", /not a whole number from 1 to 65535/],
    ["EFFECT_LAMBDA_OTLP_MINIMUM_SEVERITY", "loud", /none of trace, debug/]
  ])("%s=%s fails with the name of the variable and without its value", ([variable, value, words, env]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read({ ...own, ...env, [variable]: value }))
      assert.strictEqual(error._tag, "OtelConfigError")
      assert.include(error.message, variable)
      assert.match(error.message, words)
      assert.notInclude(error.message, secret)
    })
  )

  it.effect("of a known variable is named as such", () =>
    Effect.gen(function* () {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "https://known.example.com:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }
      const { message } = yield* Effect.flip(read(env))
      assert.match(message, /^the variable OTEL_EXPORTER_OTLP_PROTOCOL is grpc/)
    })
  )

  it.effect("is no backend: the address of this machine is said not to be one", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(read({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318" }))
      assert.match(
        message,
        /^the variable EFFECT_LAMBDA_OTLP_ENDPOINT is not set: .*\(OTEL_EXPORTER_OTLP_ENDPOINT names this machine/
      )
      assert.strictEqual(message.split("\n").length, 1)
    })
  )

  it.effect("is none if the variables cannot be read", () =>
    Effect.gen(function* () {
      const cause = new ConfigProvider.SourceError({ message: "the vault is sealed" })
      const vault = ConfigProvider.make(() => Effect.fail(cause))
      const error = yield* Effect.flip(Effect.provideService(OtelConfig.settings, ConfigProvider.ConfigProvider, vault))
      assert.strictEqual(error._tag, "ConfigError")
      assert.include(error.message, "the vault is sealed")
    })
  )

  it.effect("is every signal switched off", () =>
    Effect.gen(function* () {
      const none = {
        EFFECT_LAMBDA_OTLP_TRACES_EXPORTER: "none",
        EFFECT_LAMBDA_OTLP_METRICS_EXPORTER: "none",
        EFFECT_LAMBDA_OTLP_LOGS_EXPORTER: "none"
      }
      const { message } = yield* Effect.flip(read({ ...own, ...none }))
      assert.match(message, /switch off every signal/)
    })
  )
})
