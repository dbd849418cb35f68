/**
 * The environment of an external extension: the variables Lambda gives it, as
 * `Config`, and the service with the few facts the rest of the library needs.
 *
 * Lambda hides ten of the function's variables from extensions (`_HANDLER`,
 * `LAMBDA_TASK_ROOT`, the log group and stream, …); they are not here. The
 * handler is part of the register answer, the log stream of
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
export const functionName = Config.String("AWS_LAMBDA_FUNCTION_NAME")

/**
 * Version of the function, `AWS_LAMBDA_FUNCTION_VERSION` (`$LATEST` or a number).
 *
 * @category config
 * @since 0.1.0
 */
export const functionVersion = Config.String("AWS_LAMBDA_FUNCTION_VERSION")

/**
 * Memory of the function in MB, `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`; extensions
 * share it.
 *
 * @category config
 * @since 0.1.0
 */
export const functionMemorySize = Config.Int("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")

/**
 * The AWS region, `AWS_REGION`.
 *
 * @category config
 * @since 0.1.0
 */
export const region = Config.String("AWS_REGION")

/**
 * The access key of the function's role, `AWS_ACCESS_KEY_ID`.
 *
 * @category config
 * @since 0.1.0
 */
export const accessKeyId = Config.Redacted("AWS_ACCESS_KEY_ID")

/**
 * The secret key of the function's role, `AWS_SECRET_ACCESS_KEY`.
 *
 * @category config
 * @since 0.1.0
 */
export const secretAccessKey = Config.Redacted("AWS_SECRET_ACCESS_KEY")

/**
 * The session token of the function's role, `AWS_SESSION_TOKEN`.
 *
 * @category config
 * @since 0.1.0
 */
export const sessionToken = Config.Redacted("AWS_SESSION_TOKEN")

/**
 * How the execution environment is initialised, an open enumeration.
 *
 * @category schemas
 * @since 0.1.0
 */
export const InitializationType = Schema.Union([
  Schema.Literals(["on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances"]),
  Schema.StringForLiteralAutocomplete
])

/**
 * @category models
 * @since 0.1.0
 */
export type InitializationType = typeof InitializationType.Type

/**
 * How this environment is initialised, `AWS_LAMBDA_INITIALIZATION_TYPE`;
 * `on-demand` where the variable is missing (local emulators).
 *
 * @category config
 * @since 0.1.0
 */
export const initializationType: Config.Config<InitializationType> = Config.String(
  "AWS_LAMBDA_INITIALIZATION_TYPE"
).pipe(Config.withDefault("on-demand"))

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
 * What the library needs to know of the process it runs in.
 *
 * - `runtimeApi`: `host:port` of the Extensions API
 * - `extensionName`: base name of the executed file, the name Lambda expects
 * - `initializationType`: decides which events exist
 * - `registration`: a registration made before this process began, if any
 *
 * @category services
 * @since 0.1.0
 */
export class LambdaEnvironment extends Context.Service<
  LambdaEnvironment,
  {
    readonly runtimeApi: string
    readonly extensionName: string
    readonly initializationType: InitializationType
    readonly registration: Option.Option<Registration>
  }
>()("@effect-lambda/extension/LambdaEnvironment") {}

const hostAndPort = /^(\[[0-9A-Fa-f:.]+\]|[^\s/:[\]]+)(:\d{1,5})?$/

const runtimeApi = Effect.gen(function* () {
  const variable = ExtensionsProtocol.envLambdaApiHostname
  const value = yield* Config.option(Config.String(variable))
  if (Option.isNone(value) || value.value === "") {
    return yield* new LambdaEnvironmentError({
      variable,
      message:
        `${variable} is not set: not running inside Lambda or the emulator; ` +
        "try `npx @effect-lambda/cli emulate`, or `npm start` in the effect-lambda repository to see one run."
    })
  }
  if (!hostAndPort.test(value.value)) {
    return yield* new LambdaEnvironmentError({
      variable,
      message: `${variable} must be host:port without a scheme, such as 127.0.0.1:9001, but is ${JSON.stringify(value.value)}.`
    })
  }
  return value.value
})

/**
 * The service from the variables of the current `ConfigProvider`.
 *
 * @param options.extensionName base name of the executed file
 * @param options.registration a registration made before this process began
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly extensionName: string
  readonly registration?: Registration | undefined
}) {
  return LambdaEnvironment.of({
    runtimeApi: yield* runtimeApi,
    extensionName: options.extensionName,
    initializationType: yield* initializationType,
    registration: Option.fromUndefinedOr(options.registration)
  })
})

/**
 * Layer of {@link make}. It fails with a {@link LambdaEnvironmentError} that
 * says what to do where the program does not run as an extension.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: {
  readonly extensionName: string
  readonly registration?: Registration | undefined
}): Layer.Layer<LambdaEnvironment, LambdaEnvironmentError | Config.ConfigError> =>
  Layer.effect(LambdaEnvironment, make(options))
