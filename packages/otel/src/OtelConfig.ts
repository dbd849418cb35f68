/**
 * The variables that configure the layer, read into {@link Settings}.
 *
 * The function and its extensions share one environment, so the `OTEL_*` variables that configure the SDK of the function
 * reach the extension too. The variables `EFFECT_LAMBDA_OTLP_*` are those of the extension alone. Without
 * them it takes `OTEL_EXPORTER_OTLP_*`, unless that endpoint is this machine: there the SDK sends to the extension.
 *
 * A value that cannot be is a failure with the name of its variable, so that init fails as it does if a variable is missing.
 *
 * @see https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 * @since 0.1.0
 */
import * as TelemetrySink from "@effect-lambda/extension/telemetry/TelemetrySink"
import * as Config from "effect/Config"
import type { SourceError } from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import {
  firstOf,
  headers,
  integer,
  oneOf,
  type OtelConfigError,
  pairs,
  type Variable,
  variable,
  wrong
} from "./internal/config/variables.ts"
import type { Signal } from "./internal/wire/schema.ts"
import type { Temporality } from "./Metrics.ts"
import * as Sampling from "./Sampling.ts"

export { OtelConfigError } from "./internal/config/variables.ts"
export type { Signal } from "./internal/wire/schema.ts"

/**
 * The three signals.
 *
 * @category constants
 * @since 0.1.0
 */
export const signals: ReadonlyArray<Signal> = ["traces", "metrics", "logs"]

/**
 * The backend of a signal: its address, and the form of requests.
 *
 * - `url`: the whole URL, such as `https://otlp.example.com/v1/traces`
 * - `headers`: names in lower case
 * - `protocol`: the content of a body: protobuf, or JSON
 * - `gzip`: whether bodies of 1 KiB and more are compressed
 * - `timeoutMillis`: how long one attempt may take
 *
 * @category models
 * @since 0.1.0
 */
export interface Backend {
  readonly url: string
  readonly headers: Readonly<Record<string, Redacted.Redacted<string>>>
  readonly protocol: "http/protobuf" | "http/json"
  readonly gzip: boolean
  readonly timeoutMillis: number
}

/**
 * The meaning of the variables.
 *
 * - `backends`: where each signal is sent; a signal that is switched off, or has no endpoint, has none
 * - `unsent`: the signals that have no endpoint, though another one has
 * - `switchedOff`: for each signal that is switched off the variable that is `none`
 * - `temporality`: of the metrics of the extension
 * - `sampler`: which invocations have spans
 * - `xrayParent`: whether Lambda's X-Ray segment is the parent of an invocation, or a link of it
 * - `serverSpan`: whether the span of an invocation is of the kind SERVER. `auto`: unless the SDK of the function made one
 * - `platformEvents`: whether every event of Lambda becomes a log record
 * - `retryOn500`: whether a request that was answered 500 is sent again, against OTLP's specification
 * - `flushTimeoutMillis`: how long next is held for a flush at most; `undefined` if the variable is not set
 * - `receiverPort`: the port on which the SDK of the function sends; `undefined` if nothing listens
 * - `serviceName`, `attributes`: of the resource
 * - `mask`, `remove`, `minimumSeverity`: what leaves the environment of a log
 * - `notes`: lines for the log about variables that are known and have no effect here
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly backends: Readonly<Partial<Record<Signal, Backend>>>
  readonly unsent: ReadonlyArray<Signal>
  readonly switchedOff: Readonly<Partial<Record<Signal, string>>>
  readonly temporality: Temporality
  readonly sampler: Sampling.Sampler
  readonly xrayParent: "link" | "parent"
  readonly serverSpan: "auto" | "always" | "never"
  readonly platformEvents: boolean
  readonly retryOn500: boolean
  readonly flushTimeoutMillis: number | undefined
  readonly receiverPort: number | undefined
  readonly serviceName: string | undefined
  readonly attributes: Readonly<Record<string, string>>
  readonly mask: ReadonlyArray<string>
  readonly remove: ReadonlyArray<string>
  readonly minimumSeverity: string | undefined
  readonly notes: ReadonlyArray<string>
}

/** The port of OTLP over HTTP, on which the extension listens by default. */
const defaultReceiverPort = 4318

/** The port of OTLP over gRPC: the extension listens there too, to say that it does not speak it. */
const grpcPort = 4317

const own = "EFFECT_LAMBDA_OTLP"
const known = "OTEL_EXPORTER_OTLP"

/** Whether the host of a URL, which is in lower case, is this machine, as a function and its extensions see it. */
const isThisMachine = (hostname: string) =>
  /^(?:(?:.+\.)?localhost[46]?(?:\.localdomain[46]?)?|sandbox\.localdomain|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])\.?$/.test(
    hostname
  )

const portOf = ({ port, protocol }: URL) => (port === "" ? (protocol === "https:" ? 443 : 80) : Number(port))

/** The URL in a variable. */
const urlOf = ({ name, value }: Variable): Effect.Effect<URL, OtelConfigError> => {
  const problem = TelemetrySink.whyNoUrl(value)
  return problem === undefined
    ? Effect.succeed(new URL(value))
    : Effect.fail(wrong(name, `has a value that ${problem}`))
}

interface Found {
  readonly url: string
  /** The variables beside the endpoint: those of the extension, or those that everybody knows. */
  readonly prefix: string
}

interface Search {
  readonly found?: Found
  /** A variable with the address of this machine, which says nothing about the backend. */
  readonly passedOver?: string
}

/** The endpoint of a signal. The variables of a prefix belong together: a key must not reach another backend. */
const endpointOf = Effect.fnUntraced(function* (signal: Signal, receiverPort: number | undefined) {
  let passedOver: string | undefined
  for (const prefix of [own, known]) {
    const whole = yield* variable(`${prefix}_${signal.toUpperCase()}_ENDPOINT`)
    const base = yield* variable(`${prefix}_ENDPOINT`)
    for (const given of [whole, base]) {
      if (given === undefined) continue
      const url = yield* urlOf(given)
      if (isThisMachine(url.hostname)) {
        if (prefix === known) {
          passedOver = given.name
          continue
        }
        if (receiverPort !== undefined && [receiverPort, grpcPort].includes(portOf(url))) {
          return yield* wrong(
            given.name,
            "is the address on which this layer itself listens, so everything would be sent in a circle: name the backend"
          )
        }
      }
      if (given === base) url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/${signal}`
      return { found: { url: url.href, prefix } } satisfies Search
    }
  }
  return { ...(passedOver !== undefined && { passedOver }) } satisfies Search
})

const protocols = ["http/protobuf", "http/json"] as const

const protocolOf = (given: Variable | undefined): Effect.Effect<Backend["protocol"], OtelConfigError> => {
  if (given === undefined) return Effect.succeed("http/protobuf")
  if (given.value.toLowerCase() === "grpc") {
    return Effect.fail(
      wrong(
        given.name,
        `is grpc, which this layer does not speak: set ${own}_PROTOCOL=http/protobuf, and in ${own}_ENDPOINT the address at ` +
          "which the backend takes OTLP over HTTP, often port 4318"
      )
    )
  }
  return oneOf(given, protocols)
}

/** The bounds of a time in a variable. */
const milliseconds = { minimum: 1, maximum: 60_000, unit: " milliseconds" }

// Of OpenTelemetry. A flush before next is bounded by `flushTimeoutMillis` besides.
const defaultTimeoutMillis = 10_000

const backendOf = Effect.fnUntraced(function* (signal: Signal, url: string, prefixes: ReadonlyArray<string>) {
  const beside = (name: string) =>
    firstOf(...prefixes.flatMap((prefix) => [`${prefix}_${signal.toUpperCase()}_${name}`, `${prefix}_${name}`]))
  const given = {
    headers: yield* beside("HEADERS"),
    protocol: yield* beside("PROTOCOL"),
    compression: yield* beside("COMPRESSION"),
    timeout: yield* beside("TIMEOUT")
  }
  const compression = given.compression === undefined ? "none" : yield* oneOf(given.compression, ["none", "gzip"])
  return {
    url,
    headers: given.headers === undefined ? {} : yield* headers(given.headers),
    protocol: yield* protocolOf(given.protocol),
    gzip: compression === "gzip",
    timeoutMillis: given.timeout === undefined ? defaultTimeoutMillis : yield* integer(given.timeout, milliseconds)
  } satisfies Backend
})

/**
 * The variable that switches a signal off. The function's `OTEL_LOGS_EXPORTER=none` is not asked: it is set to keep an SDK from
 * sending logs, and the extension gets them from Lambda.
 */
const switchOf = Effect.fnUntraced(function* (signal: Signal) {
  const name = `${signal.toUpperCase()}_EXPORTER`
  const ours = yield* variable(`${own}_${name}`)
  if (ours !== undefined) return (yield* oneOf(ours, ["otlp", "none"])) === "none" ? ours.name : undefined
  const theirs = signal === "logs" ? undefined : yield* variable(`OTEL_${name}`)
  return theirs?.value.toLowerCase() === "none" ? theirs.name : undefined
})

const readBackends = Effect.fnUntraced(function* (receiverPort: number | undefined) {
  const backends: Partial<Record<Signal, Backend>> = {}
  const unsent: Array<Signal> = []
  const switchedOff: Partial<Record<Signal, string>> = {}
  let passedOver: string | undefined
  const endpoint = yield* firstOf(
    `${own}_ENDPOINT`,
    ...signals.map((signal) => `${own}_${signal.toUpperCase()}_ENDPOINT`)
  )
  for (const signal of signals) {
    const off = yield* switchOf(signal)
    if (off !== undefined) {
      switchedOff[signal] = off
      continue
    }
    const search: Search = yield* endpointOf(signal, receiverPort)
    passedOver ??= search.passedOver
    if (search.found === undefined) {
      unsent.push(signal)
      continue
    }
    const { prefix, url } = search.found
    // If the extension has no endpoint of its variables, the others of them are for the one that everybody knows.
    backends[signal] = yield* backendOf(signal, url, endpoint === undefined ? [own, known] : [prefix])
  }
  if (Object.keys(backends).length > 0) return { backends, unsent, switchedOff }
  if (unsent.length === 0) {
    return yield* wrong(
      `${own}_TRACES_EXPORTER`,
      `and its siblings for metrics and logs switch off every signal, so nothing would be sent: remove the layer instead`
    )
  }
  return yield* wrong(
    `${own}_ENDPOINT`,
    "is not set: it is the address of the backend, such as https://otlp.example.com:4318" +
      (passedOver === undefined ? "" : ` (${passedOver} names this machine, where the SDK of the function sends)`)
  )
})

// Samplers that ask a service, which only an SDK does.
const samplersOfSdks = /^(?:parentbased_)?jaeger_remote$/i

const readSampler = Effect.fnUntraced(function* () {
  const given = yield* firstOf(`${own}_SAMPLER`, "OTEL_TRACES_SAMPLER")
  const ours = yield* variable(`${own}_SAMPLER_ARG`)
  const argument = ours ?? (yield* variable("OTEL_TRACES_SAMPLER_ARG"))
  const notes: Array<string> = []
  let sampler = Sampling.alwaysOn
  if (given !== undefined && samplersOfSdks.test(given.value)) {
    notes.push(
      `${given.name}=${given.value} is a sampler of the function's SDK: the extension samples every invocation`
    )
  } else if (given !== undefined) {
    // The parent of an invocation is X-Ray, whose `Sampled=0` means nothing on a function without active tracing.
    const name = given.value.toLowerCase().replace(/^parentbased_/, "")
    const alone = Sampling.parse(name)
    if (Result.isFailure(alone)) return yield* wrong(given.name, `has a value that ${alone.failure}`)
    const parsed = Sampling.parse(name, argument?.value)
    if (Result.isFailure(parsed)) {
      return yield* wrong(argument?.name ?? given.name, `has a value that ${parsed.failure}`)
    }
    sampler = parsed.success
  }
  if (ours !== undefined && sampler._tag !== "TraceIdRatio") {
    notes.push(`${ours.name} has no effect, since the sampler is not traceidratio`)
  }
  return { sampler, notes }
})

const readTemporality = Effect.fnUntraced(function* () {
  const name = "METRICS_TEMPORALITY_PREFERENCE"
  const given = yield* firstOf(`${own}_${name}`, `${known}_${name}`)
  if (given === undefined) return "delta"
  // `lowmemory` is delta for every kind of metric that the extension has.
  return (yield* oneOf(given, ["delta", "cumulative", "lowmemory"])) === "cumulative" ? "cumulative" : "delta"
})

const readFlag = Effect.fnUntraced(function* (name: string, otherwise: boolean) {
  const given = yield* variable(`${own}_${name}`)
  return given === undefined ? otherwise : (yield* oneOf(given, ["true", "false"])) === "true"
})

const readChoice = Effect.fnUntraced(function* <const Value extends string>(
  name: string,
  otherwise: NoInfer<Value>,
  values: ReadonlyArray<Value>
) {
  const given = yield* variable(`${own}_${name}`)
  return given === undefined ? otherwise : yield* oneOf(given, values)
})

const readNames = Effect.fnUntraced(function* (name: string) {
  const given = yield* variable(`${own}_${name}`)
  return (given?.value.split(",") ?? []).map((each) => each.trim()).filter((each) => each !== "")
})

const readReceiverPort = Effect.fnUntraced(function* () {
  if (!(yield* readFlag("RECEIVER", true))) return undefined
  const given = yield* variable(`${own}_RECEIVER_PORT`)
  return given === undefined ? defaultReceiverPort : yield* integer(given, { minimum: 1, maximum: 65_535 })
})

const readFlushTimeout = Effect.fnUntraced(function* () {
  const given = yield* variable(`${own}_FLUSH_TIMEOUT`)
  return given === undefined ? undefined : yield* integer(given, milliseconds)
})

const severities = ["trace", "debug", "info", "warn", "error", "fatal"] as const

/**
 * Reads the variables.
 *
 * @category constructors
 * @since 0.1.0
 */
export const settings: Effect.Effect<Settings, OtelConfigError | Config.ConfigError> = Effect.gen(
  function* (): Effect.fn.Return<Settings, OtelConfigError | SourceError> {
    const receiverPort = yield* readReceiverPort()
    const { notes, sampler } = yield* readSampler()
    const attributes = yield* variable("OTEL_RESOURCE_ATTRIBUTES")
    const severity = yield* variable(`${own}_MINIMUM_SEVERITY`)
    return {
      ...(yield* readBackends(receiverPort)),
      temporality: yield* readTemporality(),
      sampler,
      xrayParent: (yield* readChoice("PARENT", "link", ["link", "xray"])) === "xray" ? "parent" : "link",
      serverSpan: yield* readChoice("SERVER_SPAN", "auto", ["auto", "always", "never"]),
      platformEvents: yield* readFlag("PLATFORM_EVENTS", false),
      retryOn500: yield* readFlag("RETRY_ON_500", false),
      flushTimeoutMillis: yield* readFlushTimeout(),
      receiverPort,
      serviceName: (yield* variable("OTEL_SERVICE_NAME"))?.value,
      attributes: attributes === undefined ? {} : Object.fromEntries(yield* pairs(attributes)),
      mask: yield* readNames("MASK"),
      remove: yield* readNames("REMOVE"),
      minimumSeverity: severity === undefined ? undefined : (yield* oneOf(severity, severities)).toUpperCase(),
      notes
    }
  }
).pipe(Effect.mapError((error) => (error._tag === "SourceError" ? new Config.ConfigError(error) : error)))
