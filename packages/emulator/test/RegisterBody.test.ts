/** What Go's `encoding/json` makes of the body of register: names of fields count in any case. */
import { assert, it } from "@effect/vitest"
import { parseRegisterBody } from "../src/internal/RegisterBody.ts"

it.each<readonly [string, ReturnType<typeof parseRegisterBody>]>([
  ['{"Events":["INVOKE"]}', { _tag: "Valid", events: ["INVOKE"] }],
  ['{"events":["INVOKE"],"EVENTS":["SHUTDOWN"]}', { _tag: "Valid", events: ["SHUTDOWN"] }],
  ['{"events":["INVOKE"],"Events":null}', { _tag: "Valid", events: [] }],
  ['{"event":["INVOKE"]}', { _tag: "Valid", events: [] }],
  [
    '{"Events":"INVOKE"}',
    { _tag: "Invalid", message: "json: cannot unmarshal string into Go struct field .events of type []core.Event" }
  ],
  [
    '{"ConfigurationKeys":["A"]}',
    { _tag: "Invalid", message: "configurationKeys are deprecated; use environment variables instead" }
  ]
])("%s", (body, expected) => {
  assert.deepStrictEqual(parseRegisterBody(body), expected)
})
