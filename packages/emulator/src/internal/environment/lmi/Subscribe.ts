/** A subscription on a managed instance, as AWS's emulator has it (docs/protocol.md#telemetry-on-managed-instances). */
import * as Result from "effect/Result"
import * as Subscription from "../../telemetry/lmi/Subscription.ts"
import * as SubscriptionAnswers from "../../wire/lmi/SubscriptionAnswers.ts"
import * as Wire from "../../wire/Wire.ts"
import { refuse } from "../Refusal.ts"
import type { Exchange } from "../../wire/Requests.ts"
import type { Environment, Extension } from "../State.ts"
import type { SubscribeRequest } from "../Subscriptions.ts"
import { accept, refuseClosed } from "../Subscriptions.ts"

const refuseInvalid = (env: Environment, exchange: Exchange, message: string): void =>
  refuse(
    env,
    { exchange, route: "telemetry" },
    "ValidationError",
    message,
    SubscriptionAnswers.subscriptionError("ValidationError", message)
  )

export const subscribe = (env: Environment, request: SubscribeRequest, { name, source }: Extension): void => {
  const { body, exchange } = request
  const checked = Subscription.check(body)
  if (Result.isFailure(checked)) return refuseInvalid(env, exchange, checked.failure)
  const subscription = checked.success
  const isConnecting = [...env.connecting.values()].some((other) => other.name === name)
  if (isConnecting || env.subscriptions.some((subscribed) => subscribed.name === name)) {
    const message = "Internal Server Error"
    return refuse(env, request, "InternalServerError", message, Wire.apiError(500, "InternalServerError", message))
  }
  if (subscription.destination.protocol === "HTTP") {
    return accept(env, { body, exchange, name, source, subscription }, SubscriptionAnswers.subscribed)
  }
  env.connecting.set(exchange, { body, name, source, subscription })
  env.commands.push({ _tag: "Connect", exchange, port: subscription.destination.port })
}

/** A managed instance has tried to connect to a TCP listener; `problem` says why that failed. */
export const connected = (env: Environment, exchange: Exchange, problem: string | undefined): void => {
  const waiting = env.connecting.get(exchange)
  env.connecting.delete(exchange)
  if (waiting === undefined) return
  if (env.phase._tag !== "Init") return refuseClosed(env, { exchange, route: "telemetry" })
  if (problem !== undefined) {
    return refuseInvalid(env, exchange, `Invalid destination: could not TCP dial provided address ${problem}`)
  }
  accept(env, { exchange, ...waiting }, SubscriptionAnswers.subscribed)
}
