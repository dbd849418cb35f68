/** The body of register as Go's `encoding/json` reads it: names of fields count in upper and lower case. */
import { assert, it } from "@effect/vitest"
import { parseRegisterBody } from "../src/internal/environment/RegisterBody.ts"

it.each<readonly [string, ReturnType<typeof parseRegisterBody>]>([
  ['{"Events":["INVOKE"]}', { _tag: "Valid", events: ["INVOKE"] }],
  ['{"events":["INVOKE"],"EVENTS":["SHUTDOWN"]}', { _tag: "Valid", events: ["SHUTDOWN"] }],
  ['{"events":["INVOKE"],"Events":null}', { _tag: "Valid", events: [] }],
  ['{"events":["\\ud800"]}', { _tag: "Valid", events: ["\ufffd"] }],
  ['{"event":["INVOKE"]}', { _tag: "Valid", events: [] }],
  [
    '{"ConfigurationKeys":["A"]}',
    { _tag: "Invalid", message: "configurationKeys are deprecated; use environment variables instead" }
  ]
])("%s", (body, expected) => {
  assert.deepStrictEqual(parseRegisterBody(body), expected)
})

const field = "json: cannot unmarshal %s into Go struct field"

/** As Go 1.26 itself says it, decoding into the struct of AWS's emulator. */
it.each([
  ['{"Events":"INVOKE"}', `${field} .RegisterRequest.events of type []core.Event`, "string"],
  ['{"events":{}}', `${field} .RegisterRequest.events of type []core.Event`, "object"],
  ['{"events":true}', `${field} .RegisterRequest.events of type []core.Event`, "bool"],
  ['{"events":-1e3}', `${field} .RegisterRequest.events of type []core.Event`, "number"],
  ['{"events":[[]]}', `${field} .RegisterRequest.events of type core.Event`, "array"],
  ['{"events":["A",2]}', `${field} .RegisterRequest.events of type core.Event`, "number"],
  ['{"configurationKeys":"a"}', `${field} .configurationKeys of type []string`, "string"],
  ['{"configurationKeys":[1]}', `${field} .configurationKeys of type string`, "number"],
  ['{"events":"x","configurationKeys":1}', `${field} .RegisterRequest.events of type []core.Event`, "string"],
  ['{"configurationKeys":1,"events":"x"}', `${field} .configurationKeys of type []string`, "number"],
  ['{"EVENTS":[1],"events":["INVOKE"]}', `${field} .RegisterRequest.events of type core.Event`, "number"]
])("%s: %s", (body, message, found) => {
  assert.deepStrictEqual(parseRegisterBody(body), { _tag: "Invalid", message: message.replace("%s", found) })
})

it.each(["array", "string", "number", "bool"])("a body that is no object but %s names Go's whole struct", (found) => {
  const body = { array: "[]", string: '"text"', number: "1", bool: "true" }[found] ?? ""
  const request = 'struct { handler.RegisterRequest; ConfigurationKeys []string "json:\\"configurationKeys\\"" }'
  const message = `json: cannot unmarshal ${found} into Go value of type ${request}`
  assert.deepStrictEqual(parseRegisterBody(body), { _tag: "Invalid", message })
})
