/**
 * Hands events to waiting polls.
 *
 * A release is a stored flag (docs/protocol.md#a-release-is-kept): an extension that polls gets the event now. A busy
 * extension gets the event that is current when it polls next.
 */
import type { Profile } from "../../Profile.ts"
import * as Wire from "../wire/Wire.ts"
import type { Exchange } from "../wire/Requests.ts"
import type { CurrentInvocation, Environment, Extension, Poll } from "./State.ts"
import { record, reply } from "./State.ts"

/**
 * A refused transition; the managed code base has its error texts in lower case
 * (docs/protocol.md#extensions-on-managed-instances).
 */
export const transitionFailed = (
  profile: Profile,
  from: string,
  to: string,
  subject: string,
  error = "State transition is not allowed"
): string => {
  const text = profile.lowerCaseErrors ? `${error.charAt(0).toLowerCase()}${error.slice(1)}` : error
  return `State transition from ${from} to ${to} failed for ${subject}. Error: ${text}`
}

const deliverEvent = (env: Environment, extension: Extension, exchange: Exchange, lost: boolean): void => {
  if (env.phase._tag === "Shutdown") {
    const { deadlineMs, reasonText } = env.phase
    record(env, {
      _tag: "EventDelivered",
      source: extension.source,
      eventType: "SHUTDOWN",
      deadlineMs,
      requestId: undefined,
      shutdownReason: reasonText,
      lost
    })
    return reply(env, exchange, Wire.shutdownEvent(deadlineMs, reasonText))
  }
  if (env.invocation === undefined) {
    // rapid's answer when no event is set; a release always sets one first.
    return reply(env, exchange, Wire.apiError(500, "InternalServerError", "Internal Server Error"))
  }
  const { deadlineMs, request } = env.invocation
  record(env, {
    _tag: "EventDelivered",
    source: extension.source,
    eventType: "INVOKE",
    deadlineMs,
    requestId: request.requestId,
    shutdownReason: undefined,
    lost
  })
  reply(
    env,
    exchange,
    Wire.invokeEvent({
      eventIdentifier: env.newId(),
      deadlineMs,
      requestId: request.requestId,
      invokedFunctionArn: request.invokedFunctionArn,
      traceHeader: request.traceHeader
    })
  )
}

/** Answers the extension's poll if it has one and was released. */
export const settleExtension = (env: Environment, extension: Extension): void => {
  const poll = extension.poll
  if (!extension.released || poll === undefined) return
  extension.released = false
  extension.poll = undefined
  if (extension.state !== "Ready") {
    return reply(
      env,
      poll.exchange,
      Wire.apiError(
        403,
        "Extension.InvalidExtensionState",
        transitionFailed(
          env.options.profile,
          extension.state,
          "Ready",
          `extension ${extension.identifier}`,
          "Concurrent state modification"
        )
      )
    )
  }
  extension.state = "Running"
  deliverEvent(env, extension, poll.exchange, poll.aborted)
}

export const releaseExtension = (env: Environment, extension: Extension): void => {
  extension.released = true
  settleExtension(env, extension)
}

/**
 * Hands out the invocation that the runtime has in hand; asked again, it gets the same one
 * (docs/protocol.md#runtime-next).
 */
export const deliverInvocation = (env: Environment, current: CurrentInvocation, poll: Poll): void => {
  const { deadlineMs, request } = current
  record(env, { _tag: "InvocationDelivered", requestId: request.requestId, lost: poll.aborted })
  // Extensions get the trace header under every profile.
  const hidden = env.options.profile.tellsRuntimeTrace ? {} : { traceHeader: "", contentType: "" }
  reply(env, poll.exchange, Wire.runtimeInvocation({ ...request, ...hidden, deadlineMs }))
}

/** Answers the runtime's oldest poll if it has one and was released. A release wakes a single waiter. */
export const settleRuntime = (env: Environment): void => {
  const runtime = env.runtime
  const poll = runtime.polls[0]
  if (!runtime.released || poll === undefined || env.invocation === undefined) return
  runtime.released = false
  runtime.polls.shift()
  runtime.state = "Running"
  runtime.current = env.invocation
  deliverInvocation(env, env.invocation, poll)
}

export const releaseRuntime = (env: Environment): void => {
  env.runtime.released = true
  settleRuntime(env)
}
