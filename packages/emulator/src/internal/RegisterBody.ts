/** The JSON body of register, with the errors of Go's `encoding/json` (spec: Extensions API, register, row 2 and 3). */
import * as Predicate from "effect/Predicate"
import { goSyntaxError } from "./GoSyntaxError.ts"

export type RegisterBody =
  | { readonly _tag: "Valid"; readonly events: ReadonlyArray<string> }
  | { readonly _tag: "Invalid"; readonly message: string }

const invalid = (message: string): RegisterBody => ({ _tag: "Invalid", message })

const goType = (value: unknown): string => {
  if (Array.isArray(value)) return "array"
  return typeof value === "boolean" ? "bool" : typeof value
}

/** Go takes `Events` for `events`, and of several the last one. */
const fieldOf = (body: object, name: string): unknown =>
  Object.entries(body).findLast(([key]) => key.toLowerCase() === name.toLowerCase())?.[1] ?? []

export const parseRegisterBody = (body: string): RegisterBody => {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return invalid(goSyntaxError(body) ?? "unexpected end of JSON input")
  }
  if (value === null) return { _tag: "Valid", events: [] }
  if (!Predicate.isReadonlyObject(value)) {
    return invalid(`json: cannot unmarshal ${goType(value)} into Go value of type handler.RegisterRequest`)
  }
  const events = fieldOf(value, "events")
  const keys = fieldOf(value, "configurationKeys")
  const badEvents = firstBadValue(events)
  if (badEvents !== undefined) {
    return invalid(
      `json: cannot unmarshal ${badEvents.found} into Go struct field .events of type ${badEvents.element ? "core.Event" : "[]core.Event"}`
    )
  }
  const badKeys = firstBadValue(keys)
  if (badKeys !== undefined) {
    return invalid(
      `json: cannot unmarshal ${badKeys.found} into Go struct field .configurationKeys of type ${badKeys.element ? "string" : "[]string"}`
    )
  }
  if (Array.isArray(keys) && keys.length > 0) {
    return invalid("configurationKeys are deprecated; use environment variables instead")
  }
  // Go decodes null in a list of strings to "".
  return {
    _tag: "Valid",
    events: Array.isArray(events) ? events.map((event) => (event === null ? "" : String(event))) : []
  }
}

const firstBadValue = (value: unknown): { readonly found: string; readonly element: boolean } | undefined => {
  if (value === null) return undefined
  if (!Array.isArray(value)) return { found: goType(value), element: false }
  const bad: unknown = value.find((element) => element !== null && typeof element !== "string")
  return bad === undefined ? undefined : { found: goType(bad), element: true }
}
