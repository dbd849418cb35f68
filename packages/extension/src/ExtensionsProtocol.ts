/**
 * The constants of the Lambda Extensions API: its version, paths, header names
 * and environment variable. The Telemetry and Logs APIs have the same address
 * and the same identifier header, and their constants are here too.
 *
 * Everything here is wire data. The names follow the original Go `api`
 * package, so that a reader who knows that package finds each name
 * (`docs/extensions-api.md` lists them side by side).
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 * @since 0.1.0
 */

/**
 * The path of an Extensions API operation, version prefix included.
 *
 * @category models
 * @since 0.1.0
 */
export type LambdaPath = `/${string}`

/**
 * Name of the environment variable that holds the API address as `host:port`,
 * without a scheme.
 *
 * @category constants
 * @since 0.1.0
 */
export const envLambdaApiHostname = "AWS_LAMBDA_RUNTIME_API"

/**
 * Version of the Extensions API, the first part of every path.
 *
 * @category constants
 * @since 0.1.0
 */
export const version = "2020-01-01"

/**
 * Path of `POST register`.
 *
 * @category constants
 * @since 0.1.0
 */
export const registerEndpoint: LambdaPath = `/${version}/extension/register`

/**
 * Path of the long poll `GET event/next`.
 *
 * @category constants
 * @since 0.1.0
 */
export const eventEndpoint: LambdaPath = `/${version}/extension/event/next`

/**
 * Path of `POST init/error`, accepted only between register and the first next.
 *
 * @category constants
 * @since 0.1.0
 */
export const initErrorEndpoint: LambdaPath = `/${version}/extension/init/error`

/**
 * Path of `POST exit/error`, accepted after register, and refused after init/error (docs/protocol.md#error-reports).
 *
 * @category constants
 * @since 0.1.0
 */
export const exitErrorEndpoint: LambdaPath = `/${version}/extension/exit/error`

/**
 * Path of the Telemetry API's only operation, `PUT`. (AWS's page prints a slash
 * at the end; with it the answer is 404.)
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
 * @category constants
 * @since 0.1.0
 */
export const telemetryEndpoint: LambdaPath = "/2022-07-01/telemetry"

/**
 * Path of the Logs API's only operation, `PUT`. The Telemetry API supersedes it.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html
 * @category constants
 * @since 0.1.0
 */
export const logsEndpoint: LambdaPath = "/2020-08-15/logs"

/**
 * The host under which Lambda reaches a listener inside the environment. Lambda
 * accepts no other host in the URI of a subscription, whatever the listener
 * binds.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
 * @category constants
 * @since 0.1.0
 */
export const sandboxHost = "sandbox.localdomain"

/**
 * The port that Lambda keeps for itself; no listener may use it.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
 * @category constants
 * @since 0.1.0
 */
export const reservedPort = 9001

/**
 * Event type of an invocation.
 *
 * @category constants
 * @since 0.1.0
 */
export const invoke = "INVOKE"

/**
 * Event type of the end of the execution environment.
 *
 * @category constants
 * @since 0.1.0
 */
export const shutdown = "SHUTDOWN"

/**
 * Request header of register: the base name of the extension's file.
 *
 * @category constants
 * @since 0.1.0
 */
export const lambdaExtensionNameHeaderKey = "Lambda-Extension-Name"

/**
 * Response header of register and request header of everything after it.
 *
 * @category constants
 * @since 0.1.0
 */
export const lambdaExtensionIdentifierHeaderKey = "Lambda-Extension-Identifier"

/**
 * Request header of register: optional features, comma separated. Lambda knows
 * a single feature, {@link accountIdFeature}.
 *
 * @category constants
 * @since 0.1.0
 */
export const lambdaExtensionAcceptFeatureHeaderKey = "Lambda-Extension-Accept-Feature"

/**
 * The feature that adds `accountId` to the register answer.
 *
 * @category constants
 * @since 0.1.0
 */
export const accountIdFeature = "accountId"

/**
 * Request header of init/error and exit/error: the error type, such as
 * `Extension.ConfigInvalid`.
 *
 * @category constants
 * @since 0.1.0
 */
export const lambdaErrorHeaderKey = "Lambda-Extension-Function-Error-Type"

/**
 * Response header of next with an INVOKE event, absent with SHUTDOWN. (AWS's
 * page calls it `Lambda-Extension-Identifier`; the service sends this name.)
 *
 * @category constants
 * @since 0.1.0
 */
export const lambdaExtensionEventIdentifierHeaderKey = "Lambda-Extension-Event-Identifier"

/**
 * The full URL of an operation.
 *
 * **Example** (The register URL)
 *
 * ```ts
 * import * as ExtensionsProtocol from "@effect-lambda/extension/ExtensionsProtocol"
 *
 * ExtensionsProtocol.url(ExtensionsProtocol.registerEndpoint, "127.0.0.1:9001")
 * // => "http://127.0.0.1:9001/2020-01-01/extension/register"
 * ```
 *
 * @param path one of the endpoints of this module
 * @param host `host:port`, the value of {@link envLambdaApiHostname}
 * @category constructors
 * @since 0.1.0
 */
export const url = (path: LambdaPath, host: string): string => `http://${host}${path}`

const token = /^[\w!#$%&'*+.^`|~-]+$/
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Whether HTTP allows the text as a method or as the name of a header. RFC 9110 (5.6.2) calls such a text a token.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isToken = (text: string): boolean => token.test(text)

/**
 * Whether HTTP allows the text as the value of a header. Clients treat other characters differently: some throw, and
 * `fetch` quotes the value in its error.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isFieldValue = (text: string): boolean => fieldValue.test(text)
