/**
 * The hand-over from a stub that registered before this process began.
 *
 * Lambda starts the function's runtime only when every extension has registered, so a stub that registers before any
 * JavaScript is loaded takes the start of Node off every cold start. The stub passes the results on in environment
 * variables, which are removed once they are read: a child process must not take them for variables meant for it.
 *
 * @since 0.1.0
 */
import { EventType } from "@effect-lambda/extension/ExtensionEvent"
import { envLambdaApiHostname, eventEndpoint } from "@effect-lambda/extension/ExtensionsProtocol"
import { readResponse, type Registration } from "@effect-lambda/extension/Registration"
import type { InheritedConnection } from "./LambdaHttpClient.ts"

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

/**
 * The file descriptor of an open connection to Lambda. With it the program need not open a connection before its first
 * request.
 *
 * @category constants
 * @since 0.1.0
 */
export const descriptorVariable = "EFFECT_LAMBDA_API_DESCRIPTOR"

/**
 * Whether the stub has sent the first next over that connection: `1`. The program reads the answer as its first event.
 *
 * @category constants
 * @since 0.1.0
 */
export const nextSentVariable = "EFFECT_LAMBDA_NEXT_SENT"

/**
 * The body of the subscription to telemetry that the stub has made; missing if it made none.
 *
 * @category constants
 * @since 0.1.0
 */
export const subscriptionVariable = "EFFECT_LAMBDA_TELEMETRY_SUBSCRIPTION"

/**
 * The facts about this extension that are known before it runs: its name, and its registration if there is one. A stub
 * whose register failed hands over only the name; the extension then registers itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Identity {
  readonly extensionName: string
  readonly registration?: Registration
  readonly connection?: InheritedConnection
}

/**
 * The name of this extension: the name that a stub registered, otherwise the base name of the executed file, suffix
 * included, which Lambda expects.
 *
 * @param file path of the executed file, `process.argv[1]`
 * @category getters
 * @since 0.1.0
 */
export const extensionName = (env: NodeJS.ProcessEnv, file: string): string =>
  env[nameVariable] || file.slice(file.lastIndexOf("/") + 1)

/**
 * Whether the loader of a layer has said that the program threw while it was loaded, and ends the process for that.
 *
 * @category getters
 * @since 0.1.0
 */
export const hasLoadFailed = (env: NodeJS.ProcessEnv): boolean => env["EFFECT_LAMBDA_LOAD_FAILED"] !== undefined

/**
 * Whether `effect-lambda build` runs the program once, to learn from its log what it is.
 *
 * @category getters
 * @since 0.1.0
 */
export const isTrial = (env: NodeJS.ProcessEnv): boolean => env["EFFECT_LAMBDA_TRIAL"] === "1"

const variables = [
  nameVariable,
  identifierVariable,
  eventsVariable,
  responseVariable,
  descriptorVariable,
  nextSentVariable,
  subscriptionVariable
]

/**
 * Reads and removes the variables.
 *
 * An identifier is adopted even if the rest of the hand-over cannot be read: the extension is registered, and Lambda
 * would refuse a second register.
 *
 * @param env the environment, changed in place
 * @param file path of the executed file, `process.argv[1]`
 * @category constructors
 * @since 0.1.0
 */
export const take = (env: NodeJS.ProcessEnv, file: string): Identity => {
  const name = extensionName(env, file)
  // A stub may leave the carriage return of the header line.
  const extensionIdentifier = env[identifierVariable]?.trim()
  const response = env[responseVariable] ?? ""
  const eventList = env[eventsVariable] ?? ""
  const descriptor = env[descriptorVariable] ?? ""
  const hasPolled = env[nextSentVariable] === "1"
  const subscription = env[subscriptionVariable]
  const runtimeApi = env[envLambdaApiHostname]
  for (const variable of variables) delete env[variable]
  if (!extensionIdentifier) return { extensionName: name }
  return {
    extensionName: name,
    ...(runtimeApi !== undefined &&
      /^\d+$/.test(descriptor) && {
        connection: {
          runtimeApi,
          descriptor: Number(descriptor),
          ...(hasPolled && { sent: `GET ${eventEndpoint}` })
        }
      }),
    registration: {
      functionName: env["AWS_LAMBDA_FUNCTION_NAME"] ?? "",
      functionVersion: env["AWS_LAMBDA_FUNCTION_VERSION"] ?? "",
      handler: "",
      ...readResponse(response),
      extensionName: name,
      extensionIdentifier,
      ...(hasPolled && { hasPolled }),
      ...(subscription !== undefined && { subscription }),
      events: EventType.literals.filter((event) => eventList.split(",").includes(event))
    }
  }
}
