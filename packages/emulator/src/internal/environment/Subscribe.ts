/**
 * Subscriptions to the Telemetry and the Logs API: what the real service answers (spec: 3.2, 4), and what AWS's
 * emulator of managed instances does (spec: 3.4). Both are closed as soon as init has ended: that is the first check.
 */
import * as Result from "effect/Result"
import type { Source } from "../../Journal.ts"
import * as Wire from "../wire/Wire.ts"
import { refuse } from "./Refusal.ts"
import type { Environment, Exchange, Extension, ExtensionsRequest } from "./State.ts"
import { record, reply } from "./State.ts"
import * as ManagedSubscription from "../telemetry/lmi/Subscription.ts"
import type { Refusal } from "../telemetry/Subscription.ts"
import * as Subscription from "../telemetry/Subscription.ts"

type SubscribeRequest = ExtensionsRequest & { readonly route: "telemetry" | "logs" }

const apiNames = { telemetry: "Telemetry", logs: "Logs" } as const

interface Accepted {
  readonly exchange: Exchange
  readonly name: string
  readonly source: Source
  readonly subscription: Subscription.Subscription
}

const accept = (env: Environment, { exchange, name, source, subscription }: Accepted, answer: Wire.WireResponse) => {
  const { api, schemaVersion, types } = subscription
  env.subscriptions.push({ name, api, key: Subscription.keyOf(subscription) })
  env.commands.push({ _tag: "Subscribe", source, subscription })
  const destination = Subscription.describeDestination(subscription.destination)
  record(env, { _tag: "TelemetrySubscription", source, api, state: "Subscribed", types, schemaVersion, destination })
  reply(env, exchange, answer)
}

const subscribeReal = (env: Environment, request: SubscribeRequest, { name, source }: Extension): void => {
  const { body, exchange, route: api } = request
  const refuseAttempt = ({ kind, message, status, types }: Refusal): void => {
    const errorType = `${apiNames[api]}.${kind}`
    refuse(env, request, errorType, message, Wire.subscriptionError(status, errorType, message))
    // The attempt is recorded too.
    const state = kind === "AccessDenied" ? "Forbidden" : "Validation error"
    const unknown = { schemaVersion: undefined, destination: undefined }
    record(env, { _tag: "TelemetrySubscription", source, api, state, types, ...unknown })
  }
  const checked = Subscription.check(api, body)
  if (Result.isFailure(checked)) return refuseAttempt(checked.failure)
  const subscription = checked.success
  const { schemaVersion, types } = subscription
  const own = env.subscriptions.filter((subscribed) => subscribed.name === name)
  const other = own.find((subscribed) => subscribed.api !== api)
  if (other !== undefined) {
    const message = `The extension ${name} is already subscribed to the ${apiNames[other.api]}API. You must either subscribe to the LogsAPI or the TelemetryAPI`
    return refuseAttempt({ status: 400, kind: "AccessDenied", message, types })
  }
  const key = Subscription.keyOf(subscription)
  if (!own.some((subscribed) => subscribed.key === key)) {
    return accept(env, { exchange, name, source, subscription }, Wire.subscribed("OK"))
  }
  const destination = Subscription.describeDestination(subscription.destination)
  const state = "Already subscribed"
  record(env, { _tag: "TelemetrySubscription", source, api, state, types, schemaVersion, destination })
  reply(env, exchange, Wire.subscribed("AlreadySubscribed"))
}

/** Refuses a subscription after init; the text of managed instances has a word less. */
const refuseClosed = (env: Environment, request: Pick<SubscribeRequest, "exchange" | "route">): void => {
  const name = apiNames[request.route]
  const message = `${name} API subscription is closed${env.options.profile === "lmi" ? "" : " already"}`
  refuse(env, request, `${name}.SubscriptionClosed`, message)
}

const refuseManaged = (env: Environment, exchange: Exchange, message: string): void =>
  refuse(
    env,
    { exchange, route: "telemetry" },
    "ValidationError",
    message,
    Wire.managedSubscriptionError("ValidationError", message)
  )

const subscribeManaged = (env: Environment, request: SubscribeRequest, { name, source }: Extension): void => {
  const { body, exchange } = request
  const checked = ManagedSubscription.check(body)
  if (Result.isFailure(checked)) return refuseManaged(env, exchange, checked.failure)
  const subscription = checked.success
  const isConnecting = [...env.connecting.values()].some((other) => other.name === name)
  if (isConnecting || env.subscriptions.some((subscribed) => subscribed.name === name)) {
    const message = "Internal Server Error"
    return refuse(env, request, "InternalServerError", message, Wire.apiError(500, "InternalServerError", message))
  }
  if (subscription.destination.protocol === "HTTP") {
    return accept(env, { exchange, name, source, subscription }, Wire.managedSubscribed)
  }
  env.connecting.set(exchange, { name, source, subscription })
  env.commands.push({ _tag: "Connect", exchange, port: subscription.destination.port })
}

/** A managed instance has tried to connect to a TCP listener; `problem` says why that failed. */
export const connected = (env: Environment, exchange: Exchange, problem: string | undefined): void => {
  const waiting = env.connecting.get(exchange)
  env.connecting.delete(exchange)
  if (waiting === undefined) return
  if (env.phase._tag !== "Init") return refuseClosed(env, { exchange, route: "telemetry" })
  if (problem !== undefined) {
    return refuseManaged(env, exchange, `Invalid destination: could not TCP dial provided address ${problem}`)
  }
  accept(env, { exchange, ...waiting }, Wire.managedSubscribed)
}

export const subscribe = (env: Environment, request: SubscribeRequest, extension: Extension): void => {
  if (env.phase._tag !== "Init") return refuseClosed(env, request)
  if (env.options.profile === "lmi") subscribeManaged(env, request, extension)
  else subscribeReal(env, request, extension)
}
