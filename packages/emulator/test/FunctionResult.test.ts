/** Results, and the headers of an invocation, as Lambda's runtimes write and read them. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { withFunction } from "./functions.ts"
import { hasPython } from "./support.ts"

/** The payload, or the error document without the lines of its stack. */
const invoke = Effect.fnUntraced(function* (
  emulator: Emulator.Emulator["Service"],
  payload: string,
  options: Emulator.InvokeOptions = {}
) {
  const result = yield* emulator.invoke(payload, options)
  if (result.functionError === undefined) return result.payload
  const { errorMessage, errorType, stackTrace } = JSON.parse(result.payload)
  return { errorType, errorMessage, ...(stackTrace === undefined ? undefined : { stackTrace }) }
})

type Cases = ReadonlyArray<readonly [expression: string, result: unknown]>

const node: Cases = [
  ["undefined", "null"],
  ["({ a: undefined, b: [undefined] })", '{"b":[null]}'],
  ["new Date(0)", '"1970-01-01T00:00:00.000Z"'],
  ["1n", { errorType: "Runtime.JSONStringifyError", errorMessage: "Unable to stringify response body" }],
  [
    "(() => { const a = {}; a.a = a; return a })()",
    { errorType: "Runtime.JSONStringifyError", errorMessage: "Unable to stringify response body" }
  ],
  // The words of an error go into a header, too.
  ['(() => { throw Object.assign(new Error("€"), { name: "Süß\\n" }) })()', { errorType: "Süß\n", errorMessage: "€" }],
  ["(() => { throw null })()", { errorType: "object", errorMessage: "null" }],
  ["1", "1"]
]

const marshalError = (errorMessage: string) => ({
  errorType: "Runtime.MarshalError",
  errorMessage: `Unable to marshal response: ${errorMessage}`,
  stackTrace: []
})

const python: Cases = [
  ["None", "null"],
  ["{1, 2}", marshalError("Object of type set is not JSON serializable")],
  ["{'a': object}", marshalError("Object of type type is not JSON serializable")],
  ["circle", marshalError("Circular reference detected")],
  ["b'raw \\xc3\\xa9'", "raw é"],
  ["{'a': b'text'}", '{"a": "text"}'],
  ["[Decimal('1.10'), Decimal('12345678901234567890.123'), Decimal('NaN')]", "[1.10, 12345678901234567890.123, NaN]"],
  ["float('nan')", "NaN"],
  ["1", "1"]
]

const functions: ReadonlyArray<readonly [name: string, text: string, cases: Cases]> = [
  ["index.mjs", "export const handler = async (expression) => eval(expression)", node],
  [
    "main.py",
    `from decimal import Decimal
circle = []
circle.append(circle)
def handler(event, context):
    return eval(event)
`,
    python
  ]
]

describe("a result", () => {
  it.live.each(functions.filter(([name]) => hasPython || name !== "main.py"))("of %s", ([name, text, cases]) =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction(name, text)
      for (const [expression, expected] of cases) {
        assert.deepStrictEqual(yield* invoke(emulator, JSON.stringify(expression)), expected, expression)
      }
    })
  )
})

describe("the headers of an invocation", () => {
  const clientContext = "Lambda-Runtime-Client-Context"
  const readers: ReadonlyArray<readonly [name: string, text: string, malformed: Readonly<Record<string, unknown>>]> = [
    [
      "index.mjs",
      "export const handler = async (event, { clientContext, identity }) => [clientContext ?? null, identity ?? null]",
      {
        clientContext: `Failed to parse ${clientContext.toLowerCase()} as JSON: `,
        cognitoIdentity: "Failed to parse lambda-runtime-cognito-identity as JSON: ",
        errorType: "Runtime.PlatformError"
      }
    ],
    [
      "main.py",
      `def handler(event, context):
    client = context.client_context
    return [client and client.custom, context.identity.cognito_identity_id]
`,
      {
        clientContext: "Unable to parse Client Context JSON: ",
        cognitoIdentity: "Unable to parse Cognito Identity JSON: ",
        errorType: "Runtime.LambdaContextUnmarshalError"
      }
    ]
  ]
  it.live.each(readers.filter(([name]) => hasPython || name !== "main.py"))(
    "that are empty say nothing to %s, and malformed ones are a clear error",
    ([name, text, malformed]) =>
      Effect.gen(function* () {
        const { emulator } = yield* withFunction(name, text)
        assert.deepStrictEqual(JSON.parse(String(yield* invoke(emulator, "{}"))), [null, null])
        // A header of blanks alone is empty in HTTP.
        const empty = yield* invoke(emulator, "{}", { clientContext: " ", cognitoIdentity: " " })
        assert.deepStrictEqual(JSON.parse(String(empty)), [null, null])
        for (const header of ["clientContext", "cognitoIdentity"] as const) {
          const result = yield* emulator.invoke("{}", { [header]: "{no json" })
          const { errorMessage, errorType } = JSON.parse(result.payload)
          assert.strictEqual(errorType, malformed.errorType)
          assert.isTrue(errorMessage.startsWith(String(malformed[header])), errorMessage)
        }
        // The process lives on.
        assert.deepStrictEqual(JSON.parse(String(yield* invoke(emulator, "{}"))), [null, null])
      })
  )
})
