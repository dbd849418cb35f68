/**
 * The environment of an external extension: the variables that Lambda gives it,
 * as `Config`, and the service with the few facts that the rest of the library
 * needs.
 *
 * Lambda hides ten of the function's variables from extensions (`_HANDLER`,
 * `LAMBDA_TASK_ROOT`, the log group and stream, …), so they are not here. The
 * handler is part of the register answer, and the log stream is part of
 * `platform.initStart`.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html#runtimes-extensions-api-lifecycle
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as ExtensionsProtocol from "./ExtensionsProtocol.ts"
import type { Registration } from "./Registration.ts"

/**
 * Name of the function, `AWS_LAMBDA_FUNCTION_NAME`.
 *
 * @category config
 * @since 0.1.0
 */
export const functionName = /*#__PURE__*/ Config.String("AWS_LAMBDA_FUNCTION_NAME")

/**
 * Version of the function, `AWS_LAMBDA_FUNCTION_VERSION` (`$LATEST` or a number).
 *
 * @category config
 * @since 0.1.0
 */
export const functionVersion = /*#__PURE__*/ Config.String("AWS_LAMBDA_FUNCTION_VERSION")

/**
 * Memory of the function in MB, `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`; extensions
 * share it.
 *
 * @category config
 * @since 0.1.0
 */
export const functionMemorySize = /*#__PURE__*/ Config.Int("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")

/**
 * The AWS region, `AWS_REGION`.
 *
 * @category config
 * @since 0.1.0
 */
export const region = /*#__PURE__*/ Config.String("AWS_REGION")

/**
 * The access key of the function's role, `AWS_ACCESS_KEY_ID`. With SnapStart
 * the three variables with credentials are missing: ask the provider chain of
 * an AWS SDK for credentials when you need them.
 *
 * @category config
 * @since 0.1.0
 */
export const accessKeyId = /*#__PURE__*/ Config.Redacted("AWS_ACCESS_KEY_ID")

/**
 * The secret key of the function's role, `AWS_SECRET_ACCESS_KEY`.
 *
 * @category config
 * @since 0.1.0
 */
export const secretAccessKey = /*#__PURE__*/ Config.Redacted("AWS_SECRET_ACCESS_KEY")

/**
 * The session token of the function's role, `AWS_SESSION_TOKEN`.
 *
 * @category config
 * @since 0.1.0
 */
export const sessionToken = /*#__PURE__*/ Config.Redacted("AWS_SESSION_TOKEN")

const initializationTypeVariable = "AWS_LAMBDA_INITIALIZATION_TYPE"

/**
 * How the execution environment is initialised, an open enumeration.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitializationType = /*#__PURE__*/ Schema.Union([
  /*#__PURE__*/ Schema.Literals(["on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances"]),
  Schema.StringForLiteralAutocomplete
])

/**
 * @category models
 * @since 0.1.0
 */
export type InitializationType = typeof InitializationType.Type

/**
 * How this environment is initialised, `AWS_LAMBDA_INITIALIZATION_TYPE`;
 * `on-demand` if the variable is missing (local emulators).
 *
 * @category config
 * @since 0.1.0
 */
export const initializationType: Config.Config<InitializationType> = /*#__PURE__*/ Config.withDefault(
  /*#__PURE__*/ Config.String(initializationTypeVariable),
  "on-demand"
)

/**
 * The environment does not fit an extension: a variable is missing or wrong.
 *
 * @category errors
 * @since 0.1.0
 */
export class LambdaEnvironmentError extends Schema.TaggedError<LambdaEnvironmentError>(
  "@effect-lambda/extension/LambdaEnvironmentError"
)("LambdaEnvironmentError", {
  variable: Schema.String,
  message: Schema.String
}) {}

/**
 * The facts that the library needs about its process.
 *
 * @category services
 * @since 0.1.0
 */
export class LambdaEnvironment extends Context.Service<
  LambdaEnvironment,
  {
    /** `host:port` of the Extensions API. */
    readonly runtimeApi: string
    /** Base name of the executed file, the name that Lambda expects. */
    readonly extensionName: string
    /** How the environment is initialised, which decides the events that exist. */
    readonly initializationType: InitializationType
    /** A registration made before this process began. */
    readonly registration: Option.Option<Registration>
    /** Whether this is the trial run of a build, in which the program tells what it is. Default: no. */
    readonly isTrial?: boolean | undefined
  }
>()("@effect-lambda/extension/LambdaEnvironment") {}

const hostAndPort = /^(\[[0-9A-Fa-f:.]+\]|[^\s/:[\]]+)(:\d{1,5})?$/

const runtimeApi = (value: string | undefined): Effect.Effect<string, LambdaEnvironmentError> => {
  const variable = ExtensionsProtocol.envLambdaApiHostname
  if (value === undefined || value === "") {
    return Effect.fail(
      new LambdaEnvironmentError({
        variable,
        message:
          `${variable} is not set: this process does not run inside Lambda or the emulator; ` +
          "try `npm start` in the effect-lambda repository, or run this file with @effect-lambda/emulator."
      })
    )
  }
  if (hostAndPort.test(value)) return Effect.succeed(value)
  return Effect.fail(
    new LambdaEnvironmentError({
      variable,
      message: `${variable} must be host:port without a scheme, such as 127.0.0.1:9001, but is ${JSON.stringify(value)}.`
    })
  )
}

/**
 * The facts of a process, as its host knows them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The variables of the process. They are read at once, without `Config`, which would slow down every cold start. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Base name of the executed file. */
  readonly extensionName: string
  /** A registration made before this process began. */
  readonly registration?: Registration | undefined
  /** Whether this is the trial run of a build, in which the program tells what it is. Default: no. */
  readonly isTrial?: boolean | undefined
}

/**
 * The service from the variables of a process.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<LambdaEnvironment["Service"], LambdaEnvironmentError> =>
  Effect.map(runtimeApi(options.variables[ExtensionsProtocol.envLambdaApiHostname]), (runtimeApi) => ({
    runtimeApi,
    extensionName: options.extensionName,
    initializationType: options.variables[initializationTypeVariable] ?? "on-demand",
    registration: Option.fromUndefinedOr(options.registration),
    isTrial: options.isTrial === true
  }))

/**
 * Layer of {@link make}. If the program does not run as an extension, the layer
 * fails with a {@link LambdaEnvironmentError} that says what to do.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<LambdaEnvironment, LambdaEnvironmentError> =>
  Layer.effect(LambdaEnvironment, make(options))
