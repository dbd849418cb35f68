/**
 * The request and the answer of register, and the {@link Registration} that every later call needs.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html#extensions-registration-api-a
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { EventType } from "./ExtensionEvent.ts"

/**
 * Body of register.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RegisterRequest = /*#__PURE__*/ Schema.Struct({ events: /*#__PURE__*/ Schema.Array(EventType) })

/**
 * @category models
 * @since 0.1.0
 */
export interface RegisterRequest extends Schema.Schema.Type<typeof RegisterRequest> {}

/**
 * Answer of register. A field that the answer leaves out is `""` in a {@link Registration}.
 *
 * - `handler`: may be empty
 * - `accountId`: present only if Lambda knows the `accountId` feature (AWS's
 *   local emulator does not)
 *
 * @category schemas
 * @since 0.1.0
 */
export const RegisterResponse = Schema.Struct({
  functionName: Schema.String,
  functionVersion: Schema.String,
  handler: Schema.String,
  accountId: Schema.optionalKey(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface RegisterResponse extends Schema.Schema.Type<typeof RegisterResponse> {}

/**
 * The fields that a body of the register answer has. The status and the identifier make a registration: a body that is
 * empty, is not JSON, or has other types only gives fewer fields.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readResponse = (body: string): Partial<RegisterResponse> => {
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch {
    return {}
  }
  if (!Predicate.isReadonlyObject(answer)) return {}
  const fields = Object.entries(answer).filter(
    ([name, value]) => Object.hasOwn(RegisterResponse.fields, name) && typeof value === "string"
  )
  return Object.fromEntries(fields)
}

/**
 * Proof of a successful register, which next and the error reports require. `ExtensionsApi.register` gives it, or a
 * stub that registered before this process began and handed the answer over.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Registration = /*#__PURE__*/ Schema.Struct({
  ...RegisterResponse.fields,
  /** The name of the extension at register. */
  extensionName: Schema.String,
  /** Value of `Lambda-Extension-Identifier`; valid as long as the execution environment. */
  extensionIdentifier: Schema.NonEmptyString,
  /** The events that the extension registered for. */
  events: /*#__PURE__*/ Schema.Array(EventType),
  /** Whether the stub has sent the first next too: for Lambda the init of this extension is over. */
  hasPolled: /*#__PURE__*/ Schema.optionalKey(Schema.Boolean),
  /** The body of the subscription to telemetry that the stub has made, which Lambda has taken. */
  subscription: /*#__PURE__*/ Schema.optionalKey(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export interface Registration extends Schema.Schema.Type<typeof Registration> {}
