/**
 * The content of a subscription, and the answers of the real service to a subscription that it refuses
 * (docs/protocol.md#subscribe, docs/protocol.md#answers-to-a-subscription, docs/protocol.md#logs-api). The service
 * reads JSON strictly, field by field, and stops at the first mistake; then it checks the values and names all findings
 * at once; the destination comes last.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as SandboxHosts from "../sandbox/SandboxHosts.ts"
import type { LogsVersion, SchemaVersion, TelemetryVersion } from "./Projection.ts"
import type { TelemetryType } from "./TelemetryEvent.ts"

export type TelemetryApi = "telemetry" | "logs"

export type Destination =
  | {
      readonly protocol: "HTTP"
      /** A name of the sandbox. */
      readonly host: string
      readonly port: number
      readonly path: string
      readonly method: "POST" | "PUT"
    }
  | { readonly protocol: "TCP"; readonly port: number }

export interface Subscription {
  readonly api: TelemetryApi
  readonly schemaVersion: SchemaVersion
  readonly types: ReadonlyArray<TelemetryType>
  readonly maxItems: number
  readonly maxBytes: number
  readonly timeoutMs: number
  readonly destination: Destination
}

/** A refusal of the telemetry service. `kind` is the error type without its prefix. */
export interface Refusal {
  readonly status: 400 | 403
  readonly kind: "DeserializationError" | "ValidationError" | "AccessDenied"
  readonly message: string
  /** The types that could be read: the event about the attempt names them. */
  readonly types: ReadonlyArray<string>
}

const telemetryVersions: ReadonlyArray<TelemetryVersion> = ["2022-07-01", "2022-12-13", "2025-01-29"]
const logsVersions: ReadonlyArray<LogsVersion> = ["2020-08-15", "2021-03-18"]
const versions: ReadonlyArray<SchemaVersion> = [...logsVersions, ...telemetryVersions]

export const kinds: ReadonlyArray<TelemetryType> = ["platform", "function", "extension"]

/** Names of single events are read, and refused afterwards (docs/protocol.md#answers-to-a-subscription). */
const eventNames = [
  "platform.start",
  "platform.end",
  "platform.report",
  "platform.fault",
  "platform.extension",
  "platform.logsSubscription",
  "platform.telemetrySubscription",
  "platform.logsDropped",
  "platform.runtimeDone",
  "platform.initStart",
  "platform.initRuntimeDone",
  "platform.initReport",
  "platform.restoreStart",
  "platform.restoreRuntimeDone",
  "platform.restoreReport"
]

/** Limits of buffering, in the order of the checks (docs/protocol.md#buffering). */
export const bufferingLimits = {
  maxItems: { min: 1000, max: 10_000, default: 10_000 },
  maxBytes: { min: 262_144, max: 1_048_576, default: 262_144 },
  timeoutMs: { min: 25, max: 30_000, default: 1000 }
} as const

const bufferingKeys = ["timeoutMs", "maxBytes", "maxItems"] as const

const list = (names: ReadonlyArray<string>): string => names.map((name) => `\`${name}\``).join(", ")

const either = (names: ReadonlyArray<string>): string =>
  names.length === 2 ? `\`${names[0]}\` or \`${names[1]}\`` : `one of ${list(names)}`

const endOf = (text: string): string => {
  const lines = text.split("\n")
  return `at line ${lines.length} column ${lines.at(-1)?.length ?? 0}`
}

/** The position of the service's parser: behind the value (its exact columns are not known). */
const place = (body: string, value: unknown): string => {
  const token = JSON.stringify(value)
  const found = body.indexOf(token)
  return endOf(found === -1 ? body : body.slice(0, found + token.length))
}

const describe = (value: unknown): string => {
  if (value === null) return "null"
  if (typeof value === "string") return `string ${JSON.stringify(value)}`
  if (typeof value === "number") {
    return Number.isInteger(value) ? `integer \`${value}\`` : `floating point \`${value}\``
  }
  if (typeof value === "boolean") return `boolean \`${value}\``
  return Array.isArray(value) ? "sequence" : "map"
}

const parseJson = (text: string): Result.Result<unknown, string> =>
  Result.try({
    try: (): unknown => JSON.parse(text),
    catch: () => (text.trim() === "" ? "EOF while parsing a value at line 1 column 0" : `expected value ${endOf(text)}`)
  })

/** Reads a text that is one of `known`; `undefined` if it is missing. */
const variant = <A extends string>(
  body: string,
  value: unknown,
  known: ReadonlyArray<A>
): Result.Result<A | undefined, string> => {
  if (value === undefined) return Result.succeed(undefined)
  if (typeof value !== "string") {
    return Result.fail(`invalid type: ${describe(value)}, expected string or map ${place(body, value)}`)
  }
  const found = known.find((name) => name === value)
  if (found !== undefined) return Result.succeed(found)
  return Result.fail(`unknown variant \`${value}\`, expected ${either(known)} ${place(body, value)}`)
}

const integer = (body: string, value: unknown): Result.Result<number | undefined, string> =>
  value === undefined || value === null || (typeof value === "number" && Number.isInteger(value) && value >= 0)
    ? Result.succeed(value ?? undefined)
    : Result.fail(`invalid type: ${describe(value)}, expected u32 ${place(body, value)}`)

const missing = (body: string, field: string): string => `missing field \`${field}\` ${endOf(body)}`

const fieldOf = (object: unknown, key: string): unknown =>
  Predicate.hasProperty(object, key) ? object[key] : undefined

const isObject = (value: unknown): boolean => Predicate.isReadonlyObject(value) && !Array.isArray(value)

/** A body that could be read. Its values may still be refused. */
interface Request {
  readonly schemaVersion: SchemaVersion | undefined
  readonly types: ReadonlyArray<string>
  readonly buffering: { readonly [Key in (typeof bufferingKeys)[number]]: number | undefined }
  readonly destination:
    | { readonly protocol: "HTTP"; readonly uri: string; readonly method: "POST" | "PUT" }
    | { readonly protocol: "TCP"; readonly port: number }
}

const topLevel = ["schemaVersion", "types", "buffering", "destination"]

const readDestination = (body: string, value: unknown): Result.Result<Request["destination"], string> =>
  Result.gen(function* () {
    if (value === undefined) return yield* Result.fail(missing(body, "destination"))
    if (!isObject(value)) {
      return yield* Result.fail(`invalid type: ${describe(value)}, expected a destination ${place(body, value)}`)
    }
    const protocol = yield* variant(body, fieldOf(value, "protocol"), ["HTTP", "TCP"])
    if (protocol === undefined) return yield* Result.fail(missing(body, "protocol"))
    if (protocol === "TCP") {
      const port = yield* integer(body, fieldOf(value, "port"))
      if (port === undefined) return yield* Result.fail(missing(body, "port"))
      if (port > 65_535) {
        return yield* Result.fail(`invalid value: integer \`${port}\`, expected u16 ${place(body, port)}`)
      }
      return { protocol, port }
    }
    const uri = fieldOf(value, "URI")
    if (uri === undefined) return yield* Result.fail(missing(body, "URI"))
    if (typeof uri !== "string") {
      return yield* Result.fail(`invalid type: ${describe(uri)}, expected a string ${place(body, uri)}`)
    }
    const method = yield* variant(body, fieldOf(value, "method"), ["POST", "PUT"])
    yield* variant(body, fieldOf(value, "encoding"), ["JSON"])
    return { protocol, uri, method: method ?? "POST" }
  })

const read = (body: string): Result.Result<Request, string> =>
  Result.gen(function* () {
    const value = yield* parseJson(body)
    if (!isObject(value) || !Predicate.isReadonlyObject(value)) {
      return yield* Result.fail(`invalid type: ${describe(value)}, expected a subscription ${place(body, value)}`)
    }
    const stranger = Object.keys(value).find((key) => !topLevel.includes(key))
    if (stranger !== undefined) {
      const where = place(body, stranger)
      return yield* Result.fail(`unknown field \`${stranger}\`, expected one of ${list(topLevel)} ${where}`)
    }
    const schemaVersion = yield* variant(body, fieldOf(value, "schemaVersion"), versions)
    const types = fieldOf(value, "types")
    if (types === undefined) return yield* Result.fail(missing(body, "types"))
    if (!Array.isArray(types)) {
      return yield* Result.fail(`invalid type: ${describe(types)}, expected a sequence ${place(body, types)}`)
    }
    const names = new Set<string>()
    for (const type of types) names.add((yield* variant(body, type ?? null, [...eventNames, ...kinds])) ?? "")
    const buffering = fieldOf(value, "buffering")
    if (buffering !== undefined && buffering !== null && !isObject(buffering)) {
      return yield* Result.fail(`invalid type: ${describe(buffering)}, expected buffering ${place(body, buffering)}`)
    }
    return {
      schemaVersion,
      types: [...names],
      buffering: {
        timeoutMs: yield* integer(body, fieldOf(buffering, "timeoutMs")),
        maxBytes: yield* integer(body, fieldOf(buffering, "maxBytes")),
        maxItems: yield* integer(body, fieldOf(buffering, "maxItems"))
      },
      destination: yield* readDestination(body, fieldOf(value, "destination"))
    }
  })

/** The types of a body that was refused, for the event about the attempt. */
const attemptedTypes = (body: string): ReadonlyArray<string> => {
  const types = Result.match(parseJson(body), {
    onFailure: () => undefined,
    onSuccess: (value) => fieldOf(value, "types")
  })
  return Array.isArray(types) ? types.filter((type): type is string => typeof type === "string") : []
}

const uriPattern = /^(?<scheme>[a-z][a-z0-9+.-]*):\/\/(?<host>[^/:?#]*)(?::(?<port>\d+))?(?<path>[/?#].*)?$/i

const isTelemetryVersion = (version: SchemaVersion | undefined): version is TelemetryVersion =>
  telemetryVersions.some((known) => known === version)
const isLogsVersion = (version: SchemaVersion): version is LogsVersion =>
  logsVersions.some((known) => known === version)

/** The version to write, or why this API does not have it. */
const versionOf = (api: TelemetryApi, asked: SchemaVersion | undefined): Result.Result<SchemaVersion, string> => {
  if (api === "telemetry") {
    return isTelemetryVersion(asked)
      ? Result.succeed(asked)
      : Result.fail(`TelemetryAPI only supports the SchemaVersion released after ${logsVersions.at(-1)}`)
  }
  const version = asked ?? "2020-08-15"
  return isLogsVersion(version)
    ? Result.succeed(version)
    : Result.fail(`LogsAPI only supports the following SchemaVersion: ${logsVersions.join(", ")}`)
}

/** Reads and checks the body of a subscription as the real service does. */
export const check = (api: TelemetryApi, body: string): Result.Result<Subscription, Refusal> =>
  Result.gen(function* () {
    const request = yield* Result.mapError(read(body), (message): Refusal => ({
      status: 400,
      kind: "DeserializationError",
      message,
      types: attemptedTypes(body)
    }))
    const { buffering, destination, types } = request
    const refuse = (status: 400 | 403, kind: Refusal["kind"], message: string) =>
      Result.fail<Refusal>({ status, kind, message, types })

    const findings: Array<string> = []
    const schemaVersion = versionOf(api, request.schemaVersion)
    if (Result.isFailure(schemaVersion)) findings.push(schemaVersion.failure)
    for (const key of bufferingKeys) {
      const { max, min } = bufferingLimits[key]
      const value = buffering[key] ?? bufferingLimits[key].default
      if (value < min || value > max) findings.push(`${key} should be between ${min} and ${max}`)
    }
    const uri = destination.protocol === "HTTP" ? uriPattern.exec(destination.uri)?.groups : undefined
    const port = destination.protocol === "TCP" ? destination.port : Number(uri?.port)
    if (destination.protocol === "HTTP" && uri === undefined) findings.push("URI is not valid")
    else if (Number.isNaN(port)) findings.push("URI port is not provided")
    else if (port < 1 || port > 65_535) findings.push("port should be between 1 and 65535")
    if (types.length === 0) findings.push("types should not be empty")
    const wanted = kinds.filter((kind) => types.includes(kind))
    if (wanted.length < types.length) findings.push("Unrecognized enum variant")
    if (findings.length > 0 || Result.isFailure(schemaVersion)) {
      return yield* refuse(400, "ValidationError", findings.join("; "))
    }

    if (uri !== undefined && !SandboxHosts.names.includes(uri.host ?? "")) {
      return yield* refuse(403, "AccessDenied", "Only 'sandbox.localdomain' hostname is supported.")
    }
    if (uri !== undefined && uri.scheme !== "http") {
      return yield* refuse(403, "AccessDenied", "Only 'http' scheme is supported.")
    }
    const { host = "", path = "/" } = uri ?? {}
    return {
      api,
      schemaVersion: schemaVersion.success,
      types: wanted,
      maxItems: buffering.maxItems ?? bufferingLimits.maxItems.default,
      maxBytes: buffering.maxBytes ?? bufferingLimits.maxBytes.default,
      timeoutMs: buffering.timeoutMs ?? bufferingLimits.timeoutMs.default,
      destination:
        destination.protocol === "TCP"
          ? { protocol: "TCP", port }
          : { protocol: "HTTP", host, port, path: path.startsWith("/") ? path : `/${path}`, method: destination.method }
    }
  })

/**
 * The same text for the same parameters: an identical subscription is not made twice
 * (docs/protocol.md#answers-to-a-subscription).
 */
export const keyOf = (subscription: Subscription): string => JSON.stringify(subscription)

/** The destination of deliveries, for people. */
export const describeDestination = (destination: Destination): string =>
  destination.protocol === "TCP"
    ? `tcp://sandbox.localdomain:${destination.port}`
    : `http://${destination.host}:${destination.port}${destination.path}`
