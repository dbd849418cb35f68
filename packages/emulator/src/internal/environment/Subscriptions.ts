/** The answers of every profile to a subscription: it is taken, or refused since init has ended. */
import * as Subscription from "../telemetry/Subscription.ts"
import type { Source } from "../Source.ts"
import type * as Wire from "../wire/Wire.ts"
import { refuse } from "./Refusal.ts"
import type { Exchange, ExtensionRequest } from "../wire/Requests.ts"
import type { Environment } from "./State.ts"
import { record, reply } from "./State.ts"

export type SubscribeRequest = ExtensionRequest & { readonly route: "telemetry" | "logs" }

export const apiNames = { telemetry: "Telemetry", logs: "Logs" } as const

interface Accepted {
  readonly body: string
  readonly exchange: Exchange
  readonly name: string
  readonly source: Source
  readonly subscription: Subscription.Subscription
}

export const accept = (
  env: Environment,
  { body, exchange, name, source, subscription }: Accepted,
  answer: Wire.WireResponse
) => {
  const { api, schemaVersion, types } = subscription
  env.subscriptions.push({ name, api, key: Subscription.keyOf(subscription) })
  env.commands.push({ _tag: "Subscribe", source, subscription })
  const destination = Subscription.describeDestination(subscription.destination)
  const state = "Subscribed"
  record(env, { _tag: "TelemetrySubscription", source, api, state, types, schemaVersion, destination, body })
  reply(env, exchange, answer)
}

/** Refuses a subscription after init. */
export const refuseClosed = (env: Environment, request: Pick<SubscribeRequest, "exchange" | "route">): void => {
  const name = apiNames[request.route]
  const message = `${name} API subscription is ${env.options.profile.subscriptionClosed}`
  refuse(env, request, `${name}.SubscriptionClosed`, message)
}
