/** The JSON body of register, with the errors of Go's `encoding/json` (docs/protocol.md#refusals-of-register). */
import * as Predicate from "effect/Predicate"
import { goSyntaxError } from "../wire/GoSyntaxError.ts"

export type RegisterBody =
  | { readonly _tag: "Valid"; readonly events: ReadonlyArray<string> }
  | { readonly _tag: "Invalid"; readonly message: string }

const invalid = (message: string): RegisterBody => ({ _tag: "Invalid", message })

const goType = (value: unknown): string => {
  if (Array.isArray(value)) return "array"
  return typeof value === "boolean" ? "bool" : typeof value
}

/** Go's name of the type it decodes into, since 1.24 with the struct that has the field. */
const requestType = 'struct { handler.RegisterRequest; ConfigurationKeys []string "json:\\"configurationKeys\\"" }'

const fields: Readonly<Record<string, { readonly path: string; readonly element: string }>> = {
  events: { path: ".RegisterRequest.events", element: "core.Event" },
  configurationkeys: { path: ".configurationKeys", element: "string" }
}

export const parseRegisterBody = (body: string): RegisterBody => {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return invalid(goSyntaxError(body) ?? "unexpected end of JSON input")
  }
  if (value === null) return { _tag: "Valid", events: [] }
  if (!Predicate.isReadonlyObject(value)) {
    return invalid(`json: cannot unmarshal ${goType(value)} into Go value of type ${requestType}`)
  }
  // Go takes `Events` for `events`, uses the last of several values, and names the first value of a wrong type.
  const decoded = new Map<string, ReadonlyArray<string>>()
  for (const [key, listed] of Object.entries(value)) {
    const name = key.toLowerCase()
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (field === undefined) continue
    const { element, path } = field
    if (listed !== null && !Array.isArray(listed)) {
      return invalid(`json: cannot unmarshal ${goType(listed)} into Go struct field ${path} of type []${element}`)
    }
    const elements: ReadonlyArray<unknown> = listed ?? []
    const bad = elements.find((member) => member !== null && typeof member !== "string")
    if (bad !== undefined) {
      return invalid(`json: cannot unmarshal ${goType(bad)} into Go struct field ${path} of type ${element}`)
    }
    // Go decodes null in a list of strings to "", and half of a surrogate pair to U+FFFD.
    decoded.set(
      name,
      elements.map((member) => (member === null ? "" : String(member).toWellFormed()))
    )
  }
  if ((decoded.get("configurationkeys") ?? []).length > 0) {
    return invalid("configurationKeys are deprecated; use environment variables instead")
  }
  return { _tag: "Valid", events: decoded.get("events") ?? [] }
}
