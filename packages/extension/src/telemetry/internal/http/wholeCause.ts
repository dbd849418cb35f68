/** The text of a cause with the causes inside it. */
import * as Predicate from "effect/Predicate"
import { causeText } from "../../../ExtensionError.ts"

const innerOf = (cause: unknown): unknown => {
  try {
    if (Predicate.hasProperty(cause, "errors") && Array.isArray(cause.errors)) return cause.errors[0]
    return Predicate.hasProperty(cause, "cause") ? cause.cause : undefined
  } catch {
    // A cause that throws when it is read cannot be printed either.
    return undefined
  }
}

/** With the causes of the cause: `fetch` says "fetch failed" and keeps there what has happened. */
export const whole = (cause: unknown, depth = 0): string => {
  const text = causeText(cause)
  const inner = innerOf(cause)
  if (inner === undefined || depth === 3) return text
  const rest = whole(inner, depth + 1)
  if (text === "") return rest
  // Many an error quotes its cause at its end.
  return text.endsWith(rest) ? text : `${text}: ${rest}`
}
