/** The registration of this process, made now or adopted. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Deadline from "../../Deadline.ts"
import { ExtensionsApiError, Unreachable } from "../../ExtensionError.ts"
import { ExtensionsApi, type RegisterOptions } from "../../ExtensionsApi.ts"
import * as ExtensionsProtocol from "../../ExtensionsProtocol.ts"
import { LambdaEnvironment } from "../../LambdaEnvironment.ts"
import { whileUnreachable } from "../api/whileUnreachable.ts"

// The wait for register is as long as init may last: inside an invocation init has the function's timeout, 15 minutes at
// most. A register that was sent may still be answered, and Lambda refuses a second register.
const longestInit = Duration.minutes(15)

/** Registers, or adopts the registration that the environment hands over. */
export const register = Effect.fnUntraced(function* (options: RegisterOptions) {
  const environment = yield* LambdaEnvironment
  const isManaged = environment.initializationType === "lambda-managed-instances"
  const events = isManaged ? options.events.filter((event) => event !== "INVOKE") : options.events
  if (events.length < options.events.length) {
    yield* Effect.logInfo(
      `Lambda Managed Instances have no INVOKE event; the extension registers for ${events.join() || "nothing"} only`
    )
  }

  if (Option.isSome(environment.registration)) {
    const registration = environment.registration.value
    const adopted = registration.events
    if (events.some((event) => !adopted.includes(event)) || adopted.some((event) => !events.includes(event))) {
      yield* Effect.logWarning(
        `this process was registered before it started, and gets ${adopted.join(", ") || "no events"}; ` +
          `the program asks for ${events.join(", ") || "none"}: build the layer with the program's events`
      )
    }
    return registration
  }

  const name = options.name ?? environment.extensionName
  if (name !== environment.extensionName) {
    yield* Effect.logWarning(
      `the extension registers as "${name}", but its file is called "${environment.extensionName}": Lambda knows external ` +
        "extensions by the base name of the file, takes this one for an internal extension, and waits for the file"
    )
  }

  const api = yield* ExtensionsApi
  const answer = yield* Deadline.attempt(
    whileUnreachable(api.register({ name, events })),
    Duration.toMillis(longestInit)
  )
  if (Option.isSome(answer)) {
    const registration = yield* answer.value
    if (registration.functionName === "") {
      yield* Effect.logWarning("the answer to register names no function; the extension is registered nevertheless")
    }
    return registration
  }
  return yield* new ExtensionsApiError({
    method: "register",
    reason: new Unreachable({
      url: ExtensionsProtocol.url(ExtensionsProtocol.registerEndpoint, environment.runtimeApi),
      cause: `no answer within ${Duration.format(longestInit)}`
    })
  })
})
