/** The poll for the next event: it survives lost connections and refusals. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import { defaultShutdown } from "../../Deadline.ts"
import type { ExtensionsApiError } from "../../ExtensionError.ts"
import type { ExtensionEvent, ShutdownEvent } from "../../ExtensionEvent.ts"
import type { ExtensionsApi } from "../../ExtensionsApi.ts"
import * as ExtensionMetrics from "../../ExtensionMetrics.ts"
import type { Registration } from "../../Registration.ts"

// A loop, since `Effect.retry` with a `Schedule` makes the bundle of an extension without telemetry 2 % larger.
const firstDelay = 100
const longestDelay = 1000
const refusalsUntilEnd = 3

/** A SHUTDOWN that Lambda did not announce: the same end, with the usual two seconds from now. */
export const unannouncedShutdown = (shutdownReason: string): Effect.Effect<ShutdownEvent> =>
  Effect.map(Clock.currentTimeMillis, (now) => ({
    eventType: "SHUTDOWN",
    deadlineMs: now + Duration.toMillis(defaultShutdown),
    shutdownReason
  }))

/**
 * The meaning of a failed poll. `lost`: the connection was lost, or an earlier
 * poll is still open. `undecodable`: an event came but cannot be read.
 * `refused`: Lambda does not want this extension any more, or the request
 * cannot even be sent.
 */
const classify = (error: ExtensionsApiError): "lost" | "undecodable" | "refused" => {
  switch (error.reason._tag) {
    case "Unreachable":
      return "lost"
    case "InvalidResponse":
      return "undecodable"
    case "Rejected":
      return error.reason.isPollStanding ? "lost" : "refused"
    default:
      return "refused"
  }
}

/** Polls, after a first failure, until there is an event, or until Lambda refuses for good. */
const recover = Effect.fnUntraced(function* (
  api: ExtensionsApi["Service"],
  registration: Registration,
  first: ExtensionsApiError
): Effect.fn.Return<ExtensionEvent> {
  let error = first
  let wasParked = true
  let delay = firstDelay
  let refusals = 0
  let isLost = false
  while (true) {
    switch (classify(error)) {
      case "lost": {
        refusals = 0
        if (!isLost || wasParked) {
          isLost = true
          yield* Metric.update(ExtensionMetrics.pollsLost, 1)
          yield* Effect.logWarning(
            `the poll was lost, and one event may be lost with it; the extension polls again. ${error.message}`
          )
        }
        break
      }
      case "undecodable": {
        refusals = 0
        yield* Metric.update(ExtensionMetrics.eventsUndecodable, 1)
        yield* Effect.logError(`an event could not be decoded and is skipped. ${error.message}`)
        break
      }
      case "refused": {
        refusals++
        if (refusals === refusalsUntilEnd) {
          yield* Effect.logError(`next failed for good; the extension ends as at SHUTDOWN. ${error.message}`)
          return yield* unannouncedShutdown("next-refused")
        }
        break
      }
    }
    yield* Effect.sleep(delay)
    delay = Math.min(delay * 2, longestDelay)
    const sentAt = yield* Clock.currentTimeMillis
    const result = yield* Effect.result(api.nextEvent(registration))
    // A poll that waited longer than any back-off was parked again, so its loss is a new loss.
    wasParked = (yield* Clock.currentTimeMillis) - sentAt > longestDelay
    if (Result.isSuccess(result)) {
      if (isLost) yield* Effect.logInfo("the poll for events works again")
      return result.success
    }
    error = result.failure
  }
})

/**
 * The next event, whatever happens before it. A lost poll is repeated without
 * end: exit is never safe, and the process is frozen or killed with its
 * environment. A final refusal becomes an unannounced SHUTDOWN.
 */
export const poll = (api: ExtensionsApi["Service"], registration: Registration): Effect.Effect<ExtensionEvent> =>
  Effect.catch(api.nextEvent(registration), (error) => recover(api, registration, error))
