/**
 * The answers of AWS's emulator of managed instances to a subscription. The emulator checks the JSON, then a schema,
 * then the destination (docs/protocol.md#telemetry-on-managed-instances), and puts its texts into the answers as they
 * are.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { goSyntaxError } from "../../wire/GoSyntaxError.ts"
import * as SandboxHosts from "../../sandbox/SandboxHosts.ts"
import type { Destination, Subscription } from "../Subscription.ts"
import { bufferingLimits, kinds } from "../Subscription.ts"

const fieldOf = (object: unknown, key: string): unknown =>
  Predicate.hasProperty(object, key) ? object[key] : undefined

const isObject = (value: unknown): boolean => Predicate.isReadonlyObject(value) && !Array.isArray(value)

const quote = (names: ReadonlyArray<string>): string => names.map((name) => `'${name}'`).join(", ")

/**
 * The finding about a field that must hold an integer of this range; `undefined` if the field is correct or missing.
 */
const outOfRange = (value: unknown, min: number, max: number): string | undefined => {
  if (value === undefined) return undefined
  if (typeof value !== "number" || !Number.isInteger(value)) return "want integer"
  if (value < min) return `minimum: got ${value}, want ${min}`
  return value > max ? `maximum: got ${value}, want ${max}` : undefined
}

const missingProperties = (value: unknown, required: ReadonlyArray<string>): string | undefined => {
  const missing = required.filter((key) => fieldOf(value, key) === undefined)
  if (missing.length === 0) return undefined
  return missing.length === 1 ? `missing property ${quote(missing)}` : `missing properties ${quote(missing)}`
}

/** The findings of the schema validator, one for each place. */
const findingsOf = (value: unknown): ReadonlyArray<string> => {
  const findings: Array<string> = []
  const find = (at: string, finding: string | undefined): void => {
    if (finding !== undefined) findings.push(`- at '${at}': ${finding}`)
  }
  if (!isObject(value)) return ["- at '': want object"]
  find("", missingProperties(value, ["schemaVersion", "types", "destination"]))
  const schemaVersion = fieldOf(value, "schemaVersion")
  if (schemaVersion !== undefined && schemaVersion !== "2025-01-29") {
    find("/schemaVersion", "value must be '2025-01-29'")
  }
  const types = fieldOf(value, "types")
  if (types !== undefined && !Array.isArray(types)) find("/types", "want array")
  if (Array.isArray(types)) {
    if (types.length === 0) find("/types", "minItems: got 0, want 1")
    types.forEach((type, index) => {
      if (!kinds.some((kind) => kind === type)) find(`/types/${index}`, `value must be one of ${quote(kinds)}`)
    })
  }
  const buffering = fieldOf(value, "buffering")
  if (buffering !== undefined && !isObject(buffering)) find("/buffering", "want object")
  for (const [key, { max, min }] of Object.entries(bufferingLimits)) {
    find(`/buffering/${key}`, outOfRange(fieldOf(buffering, key), min, max))
  }
  const destination = fieldOf(value, "destination")
  if (destination === undefined) return findings
  const protocol = fieldOf(destination, "protocol")
  if (protocol === "HTTP") find("/destination", missingProperties(destination, ["URI"]))
  else if (protocol === "TCP") {
    find("/destination", missingProperties(destination, ["port"]))
    find("/destination/port", outOfRange(fieldOf(destination, "port"), 1, 65_535))
  } else find("/destination/protocol", "value must be one of 'HTTP', 'TCP'")
  return findings
}

const uriPattern = /^https?:\/\/(?<host>[^/:?#]*)(?::(?<port>\d+))?(?:[/?#].*)?$/i

/** The path is dropped, https becomes http, a missing port becomes 80. */
const destinationOf = (destination: unknown): Result.Result<Destination, string> => {
  const port = fieldOf(destination, "port")
  if (fieldOf(destination, "protocol") === "TCP" && typeof port === "number") {
    return Result.succeed({ protocol: "TCP", port })
  }
  const uri = String(fieldOf(destination, "URI"))
  const groups = uriPattern.exec(uri)?.groups
  if (groups === undefined) return Result.fail(`Invalid destination: could not parse URI ${uri}`)
  const host = groups.host ?? ""
  if (!SandboxHosts.names.includes(host)) {
    return Result.fail(`Invalid destination: host must be sandbox.localdomain or sandbox, got ${host}`)
  }
  return Result.succeed({ protocol: "HTTP", host, port: Number(groups.port ?? 80), path: "/", method: "POST" })
}

/** Fails with the text of the answer. */
export const check = (body: string): Result.Result<Subscription, string> =>
  Result.gen(function* () {
    const value = yield* Result.try({
      try: (): unknown => JSON.parse(body),
      catch: () => `failed to parse JSON: ${goSyntaxError(body) ?? "unexpected end of JSON input"}`
    })
    const findings = findingsOf(value)
    if (findings.length > 0) {
      const validator = "jsonschema validation failed with 'telemetry-subscription.json#'"
      return yield* Result.fail(`schema validation error: ${[validator, ...findings].join("\n")}`)
    }
    const types = fieldOf(value, "types")
    const buffering = (key: keyof typeof bufferingLimits): number => {
      const asked = fieldOf(fieldOf(value, "buffering"), key)
      return typeof asked === "number" ? asked : bufferingLimits[key].default
    }
    return {
      api: "telemetry",
      schemaVersion: "2025-01-29",
      types: kinds.filter((kind) => Array.isArray(types) && types.includes(kind)),
      maxItems: buffering("maxItems"),
      maxBytes: buffering("maxBytes"),
      timeoutMs: buffering("timeoutMs"),
      destination: yield* destinationOf(fieldOf(value, "destination"))
    }
  })
