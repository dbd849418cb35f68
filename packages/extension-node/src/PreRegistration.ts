/**
 * The hand-over from a stub that registered before this process began.
 *
 * Lambda starts the function's runtime only when every extension has
 * registered, so a stub that registers before any JavaScript is loaded takes
 * the start of Node off every cold start. It passes on what it learned in four
 * environment variables, which are removed once they are read: a child process
 * must not mistake them for its own.
 *
 * @since 0.1.0
 */
import { EventType } from "@effect-lambda/extension/ExtensionEvent"
import { RegisterResponse, type Registration } from "@effect-lambda/extension/Registration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { basename } from "./internal/node.ts"

/**
 * The name the stub registered (or tried to register) under.
 *
 * @category constants
 * @since 0.1.0
 */
export const nameVariable = "EFFECT_LAMBDA_EXTENSION_NAME"

/**
 * The identifier of the register answer.
 *
 * @category constants
 * @since 0.1.0
 */
export const identifierVariable = "EFFECT_LAMBDA_EXTENSION_IDENTIFIER"

/**
 * The events the stub registered for, comma separated; may be empty.
 *
 * @category constants
 * @since 0.1.0
 */
export const eventsVariable = "EFFECT_LAMBDA_EXTENSION_EVENTS"

/**
 * The body of the register answer.
 *
 * @category constants
 * @since 0.1.0
 */
export const responseVariable = "EFFECT_LAMBDA_REGISTER_RESPONSE"

const decodeResponse = Schema.decodeUnknownOption(Schema.fromJsonString(RegisterResponse))
const decodeEvents = Schema.decodeUnknownOption(Schema.Array(EventType))

/**
 * What is known of this extension before it runs: its name, and its
 * registration if there is a complete one. A stub whose register failed hands
 * over the name alone; the extension then registers itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Identity {
  readonly extensionName: string
  readonly registration?: Registration
}

/**
 * Reads and removes the four variables. Without them the name is the base name
 * of the executed file, suffix included, which is what Lambda expects.
 *
 * @param env the environment, changed in place
 * @param file path of the executed file, `process.argv[1]`
 * @category constructors
 * @since 0.1.0
 */
export const take = (env: NodeJS.ProcessEnv, file: string): Identity => {
  const extensionName = env[nameVariable] ?? basename(file)
  const extensionIdentifier = env[identifierVariable]
  const events = decodeEvents((env[eventsVariable] ?? "").split(",").filter((event) => event !== ""))
  const response = decodeResponse(env[responseVariable])
  for (const variable of [nameVariable, identifierVariable, eventsVariable, responseVariable]) delete env[variable]
  if (!extensionIdentifier || Option.isNone(events) || Option.isNone(response)) return { extensionName }
  return {
    extensionName,
    registration: { ...response.value, extensionName, extensionIdentifier, events: events.value }
  }
}
