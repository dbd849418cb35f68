/** The only request of the Telemetry API and the Logs API: checks it, sends it, and reads its answer. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { bodyExcerpt, InvalidRequest, reasonFromResponse, type UnexpectedStatus } from "../../../ExtensionError.ts"
import * as ExtensionsProtocol from "../../../ExtensionsProtocol.ts"
import type { Registration } from "../../../Registration.ts"
import { adopt } from "./adopt.ts"
import { SubscriptionRefused, TelemetryApiError } from "../../TelemetryApiError.ts"
import {
  type Buffering,
  defaultMaxBytes,
  defaultMaxItems,
  defaultTimeout,
  type Destination,
  type Outcome,
  type Subscription
} from "../../TelemetrySubscription.ts"
import { reasonFromClientError } from "../../../internal/api/reasonFromClientError.ts"

/** The Telemetry API or the Logs API. */
export interface Api {
  readonly method: TelemetryApiError["method"]
  readonly url: string
  /** The versions to try, in this order, if the subscription names none. */
  readonly schemaVersions: readonly [string, ...ReadonlyArray<string>]
}

const invalidRequest = (method: TelemetryApiError["method"], description: string) =>
  new TelemetryApiError({ method, reason: new InvalidRequest({ description, cause: undefined }) })

// The wire forms. Lambda compares subscriptions, so equal subscriptions must be equal byte for byte.

const encodeBuffering = (buffering: Buffering) => ({
  maxItems: buffering.maxItems ?? defaultMaxItems,
  maxBytes: buffering.maxBytes ?? defaultMaxBytes,
  timeoutMs: Option.match(Duration.fromInput(buffering.timeout ?? defaultTimeout), {
    onNone: () => Number.NaN,
    onSome: Duration.toMillis
  })
})

const encodeDestination = (destination: Destination) => {
  if (destination.protocol === "TCP") return { protocol: "TCP", port: destination.port }
  const method = destination.method === undefined ? undefined : { method: destination.method }
  if ("uri" in destination) return { protocol: "HTTP", URI: destination.uri, ...method }
  const path = (destination.path ?? "").replace(/^\/*/, "/")
  return { protocol: "HTTP", URI: `http://${ExtensionsProtocol.sandboxHost}:${destination.port}${path}`, ...method }
}

/** The port of a URI, if the URI names one. */
const portOf = (uri: string): number | undefined => {
  const port = /^[^/]*\/\/[^/]*:(\d+)(?:[/?#]|$)/.exec(uri)?.[1]
  return port === undefined ? undefined : Number(port)
}

const outside = (field: string, value: unknown, minimum: number, maximum: number) =>
  `${field} is ${String(value)}, but must be a whole number between ${minimum} and ${maximum}`

const isBetween = (value: number | undefined, minimum: number, maximum: number) =>
  Number.isInteger(value) && value !== undefined && value >= minimum && value <= maximum

/** Finds a mistake that Lambda would refuse or, worse, accept and never serve. */
const findProblem = (
  { destination, types }: Subscription,
  buffering: ReturnType<typeof encodeBuffering>
): string | undefined => {
  if (types.length === 0) return "types is empty, but must name at least one of platform, function and extension"
  if (new Set(types).size < types.length) return `types is ${types.join(", ")}, but must name each type once`
  const { maxBytes, maxItems, timeoutMs } = buffering
  if (!isBetween(maxItems, 1000, 10_000)) return outside("buffering.maxItems", maxItems, 1000, 10_000)
  if (!isBetween(maxBytes, 262_144, 1_048_576)) return outside("buffering.maxBytes", maxBytes, 262_144, 1_048_576)
  if (!isBetween(timeoutMs, 25, 30_000)) return outside("buffering.timeout in milliseconds", timeoutMs, 25, 30_000)
  const port = "uri" in destination ? portOf(destination.uri) : destination.port
  if (port === ExtensionsProtocol.reservedPort) {
    return `the destination has port ${port}, which Lambda keeps for itself; bind another port`
  }
  if (isBetween(port, 1, 65_535)) return undefined
  return "uri" in destination
    ? `destination.uri is ${JSON.stringify(destination.uri)}, but must name a port, as in http://${ExtensionsProtocol.sandboxHost}:4243`
    : outside("destination.port", port, 1, 65_535)
}

// AWS's local emulator for managed instances does not escape the quotes in its messages.
const unescapedRefusal = /^\s*\{"errorType": *"([^"]+)", *"errorMessage": *"(.*)"\}\s*$/s

const reasonFromRefusal = (status: number, body: string): SubscriptionRefused | UnexpectedStatus => {
  const reason = reasonFromResponse(status, body)
  if (reason._tag === "Rejected") {
    return new SubscriptionRefused({ status, errorType: reason.errorType, errorMessage: reason.errorMessage })
  }
  const [, errorType, errorMessage] = unescapedRefusal.exec(body) ?? []
  return errorType === undefined || errorMessage === undefined
    ? reason
    : new SubscriptionRefused({ status, errorType, errorMessage: bodyExcerpt(errorMessage) })
}

/** Whether Lambda refused only the version: then an older version may work. */
const isAboutSchemaVersion = ({ reason }: TelemetryApiError, schemaVersion: string): boolean => {
  if (reason._tag !== "SubscriptionRefused") return false
  const { errorMessage, errorType } = reason
  if (errorType.endsWith("DeserializationError")) {
    return errorMessage.startsWith(`unknown variant \`${schemaVersion}\``)
  }
  return errorType.endsWith("ValidationError") && /schemaVersion/i.test(errorMessage)
}

const decodeText = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.String))

/** Subscribes: one request per schema version that is tried. */
export const subscribe = Effect.fnUntraced(function* (
  client: HttpClient.HttpClient,
  { method, schemaVersions, url }: Api,
  registration: Registration,
  subscription: Subscription
): Effect.fn.Return<Outcome, TelemetryApiError> {
  const buffering = encodeBuffering(subscription.buffering ?? {})
  const destination = encodeDestination(subscription.destination)
  const problem = findProblem(subscription, buffering)
  if (problem !== undefined) return yield* invalidRequest(method, problem)

  const wanted = { schemaVersion: subscription.schemaVersion, types: subscription.types, buffering, destination }
  const adopted = method === "telemetry" ? yield* adopt(registration, wanted) : undefined
  // Nothing is left to ask for.
  if (adopted !== undefined && adopted.missing.length === 0) return adopted.outcome
  const types = adopted === undefined ? subscription.types : adopted.missing

  const attempt = Effect.fnUntraced(function* (schemaVersion: string): Effect.fn.Return<Outcome, TelemetryApiError> {
    const request = HttpClientRequest.put(url, {
      headers: { [ExtensionsProtocol.lambdaExtensionIdentifierHeaderKey]: registration.extensionIdentifier }
    }).pipe(HttpClientRequest.bodyJsonUnsafe({ schemaVersion, types, buffering, destination }))
    const { body, status } = yield* Effect.flatMap(client.execute(request), (response) =>
      Effect.map(response.text, (body) => ({ status: response.status, body }))
    ).pipe(Effect.mapError((error) => new TelemetryApiError({ method, reason: reasonFromClientError(url, error) })))
    if (status === 202) return { _tag: "NotSupported" }
    if (status !== 200) return yield* new TelemetryApiError({ method, reason: reasonFromRefusal(status, body) })
    const isStanding = Option.contains(decodeText(body), "AlreadySubscribed")
    return { _tag: isStanding ? "AlreadySubscribed" : "Subscribed", schemaVersion }
  })

  const [first, ...others] = subscription.schemaVersion === undefined ? schemaVersions : [subscription.schemaVersion]
  let tried = first
  let result = yield* Effect.result(attempt(first))
  for (const schemaVersion of others) {
    if (Result.isSuccess(result) || !isAboutSchemaVersion(result.failure, tried)) break
    tried = schemaVersion
    result = yield* Effect.result(attempt(schemaVersion))
  }
  if (adopted === undefined || Result.isSuccess(result)) return yield* Effect.fromResult(result)
  yield* Effect.logWarning(`no records of ${types.join(", ")} will come. ${result.failure.message}`)
  return adopted.outcome
})
