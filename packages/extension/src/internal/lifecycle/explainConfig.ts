/** A missing variable, named in the failure of a `Config`. */
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

const named = (message: string) => Object.assign(new Error(message), { name: "ConfigError", stack: undefined })

/** The failure of a `Config` names a schema and a path, but the reader of the log sets variables. */
const explainError = (error: unknown): Effect.Effect<unknown> => {
  if (!Predicate.isTagged(error, "ConfigError") || !Predicate.hasProperty(error, "cause")) return Effect.succeed(error)
  const { cause } = error
  if (!Schema.isSchemaError(cause) || cause.issue._tag !== "Pointer") return Effect.succeed(error)
  const path = cause.issue.path.filter((part) => typeof part === "string" || typeof part === "number")
  const variable = path.join("_")
  if (variable === "") return Effect.succeed(error)
  return Effect.gen(function* () {
    const provider = yield* ConfigProvider.ConfigProvider
    const node = yield* Effect.orElseSucceed(provider.load(path), () => undefined)
    // Without the value, which may be secret. The text of the issue has it in no case.
    return node === undefined
      ? named(`the variable ${variable} is not set`)
      : named(`the variable ${variable} has a value that does not fit: ${cause.message.split("\n", 1).join("")}`)
  })
}

/** A cause in which failures of a `Config` say which variable they miss, for the log and for Lambda. */
export const explainConfig = <E>(cause: Cause.Cause<E>): Effect.Effect<Cause.Cause<unknown>> =>
  Effect.map(
    Effect.forEach(cause.reasons, (reason) => {
      if (Cause.isFailReason(reason))
        return Effect.map(explainError(reason.error), (error) => Cause.fail(error).reasons)
      if (Cause.isDieReason(reason))
        return Effect.map(explainError(reason.defect), (defect) => Cause.die(defect).reasons)
      return Effect.succeed([reason])
    }),
    (reasons) => Cause.fromReasons(reasons.flat())
  )
