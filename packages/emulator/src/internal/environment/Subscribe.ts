/**
 * Subscriptions to the Telemetry and the Logs API: what the real service answers
 * (docs/protocol.md#answers-to-a-subscription, docs/protocol.md#logs-api), and what AWS's emulator of managed instances
 * does (docs/protocol.md#telemetry-on-managed-instances). Both are closed as soon as init has ended: that is the first
 * check.
 */
import * as Result from "effect/Result"
import type { Refusal } from "../telemetry/Subscription.ts"
import * as Subscription from "../telemetry/Subscription.ts"
import * as Wire from "../wire/Wire.ts"
import * as LmiSubscribe from "./lmi/Subscribe.ts"
import { refuse } from "./Refusal.ts"
import type { Environment, Extension } from "./State.ts"
import { record, reply } from "./State.ts"
import type { SubscribeRequest } from "./Subscriptions.ts"
import { accept, apiNames, refuseClosed } from "./Subscriptions.ts"

const subscribeReal = (env: Environment, request: SubscribeRequest, { name, source }: Extension): void => {
  const { body, exchange, route: api } = request
  const refuseAttempt = ({ kind, message, status, types }: Refusal): void => {
    const errorType = `${apiNames[api]}.${kind}`
    refuse(env, request, errorType, message, Wire.subscriptionError(status, errorType, message))
    // The attempt is recorded too.
    const state = kind === "AccessDenied" ? "Forbidden" : "Validation error"
    const unknown = { schemaVersion: undefined, destination: undefined }
    record(env, { _tag: "TelemetrySubscription", source, api, state, types, ...unknown, body })
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
    return accept(env, { body, exchange, name, source, subscription }, Wire.subscribed("OK"))
  }
  const destination = Subscription.describeDestination(subscription.destination)
  const state = "Already subscribed"
  record(env, { _tag: "TelemetrySubscription", source, api, state, types, schemaVersion, destination, body })
  reply(env, exchange, Wire.subscribed("AlreadySubscribed"))
}

export const subscribe = (env: Environment, request: SubscribeRequest, extension: Extension): void => {
  if (env.phase._tag !== "Init") return refuseClosed(env, request)
  if (env.options.profile.checksBySchema) LmiSubscribe.subscribe(env, request, extension)
  else subscribeReal(env, request, extension)
}
