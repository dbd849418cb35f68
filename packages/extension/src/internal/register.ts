import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Deadline from "../Deadline.ts"
import { ExtensionsApiError, Unreachable } from "../ExtensionError.ts"
import type { EventType } from "../ExtensionEvent.ts"
import { ExtensionsApi } from "../ExtensionsApi.ts"
import * as ExtensionsProtocol from "../ExtensionsProtocol.ts"
import { LambdaEnvironment } from "../LambdaEnvironment.ts"

// Lambda answers register at once and allows ten seconds for all of init.
const retryBudget = Duration.seconds(3)
const answerBudget = Duration.seconds(5)

const retrySchedule = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("500 millis")]).pipe(
  Schedule.upTo({ duration: retryBudget })
)

/** Registers, or adopts the registration that the environment hands over. */
export const register = Effect.fnUntraced(function* (options: {
  readonly name?: string | undefined
  readonly events: ReadonlyArray<EventType>
}) {
  const environment = yield* LambdaEnvironment
  const api = yield* ExtensionsApi
  const isManaged = environment.initializationType === "lambda-managed-instances"
  const events = isManaged ? options.events.filter((event) => event !== "INVOKE") : options.events
  if (events.length < options.events.length) {
    yield* Effect.logInfo(
      `Lambda Managed Instances: there is no INVOKE event, registering for ${events.join() || "nothing"} only`
    )
  }

  if (Option.isSome(environment.registration)) {
    const registration = environment.registration.value
    const missing = events.filter((event) => !registration.events.includes(event))
    if (missing.length > 0) {
      yield* Effect.logWarning(
        `this process was registered beforehand for ${registration.events.join(", ") || "no events"}; ` +
          `${missing.join(", ")} will not arrive`
      )
    }
    return registration
  }

  const name = options.name ?? environment.extensionName
  if (name !== environment.extensionName) {
    yield* Effect.logWarning(
      `registering as "${name}", but this file is called "${environment.extensionName}": Lambda knows an external ` +
        "extension by the base name of its file, and will take this one for an internal extension and wait for the file"
    )
  }

  const answer = yield* api
    .register({ name, events })
    .pipe(
      Effect.retry({ schedule: retrySchedule, while: (error) => error.reason._tag === "Unreachable" }),
      (attempts) => Deadline.attempt(attempts, Duration.toMillis(answerBudget))
    )
  if (Option.isSome(answer)) return yield* answer.value
  return yield* new ExtensionsApiError({
    method: "register",
    reason: new Unreachable({
      url: ExtensionsProtocol.url(ExtensionsProtocol.registerEndpoint, environment.runtimeApi),
      cause: `no answer within ${Duration.format(answerBudget)}`
    })
  })
})
