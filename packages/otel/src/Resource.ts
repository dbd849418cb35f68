/**
 * The resource of all signals: the function, where it runs, and the name of the service.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/resource/faas/
 * @since 0.1.0
 */
import type * as OtlpResource from "effect/observability/OtlpResource"
import manifest from "../package.json" with { type: "json" }
import * as Attributes from "./Attributes.ts"

/**
 * The conventions that the names of all attributes and metrics follow.
 *
 * @category constants
 * @since 0.1.0
 */
export const schemaUrl = "https://opentelemetry.io/schemas/1.44.0"

/**
 * The instrumentation scope of all signals: this package and its version.
 *
 * @category constants
 * @since 0.1.0
 */
export const scope = { name: manifest.name, version: manifest.version }

/**
 * The parts of a resource.
 *
 * - `functionName`, `functionVersion`, `memorySize` (in MB), `region`: the variables of the function
 * - `accountId`: from the answer to register
 * - `serviceName`: `OTEL_SERVICE_NAME`; default: `service.name` of `attributes`, else the name of the function
 * - `attributes`: `OTEL_RESOURCE_ATTRIBUTES`; they win over what is found out
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly functionName: string
  readonly functionVersion: string
  readonly memorySize: number
  readonly region: string
  readonly accountId?: string | undefined
  readonly serviceName?: string | undefined
  readonly attributes?: Readonly<Record<string, string>> | undefined
}

const mebibyte = 1_048_576

/**
 * The resource of a function. The ARN is no part of it, since it belongs to an invocation, and `process.*` is none, since the
 * extension is another process than the function.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): OtlpResource.Resource => ({
  attributes: Attributes.entries({
    "cloud.provider": "aws",
    "cloud.platform": "aws_lambda",
    "cloud.region": options.region,
    ...(options.accountId === undefined ? undefined : { "cloud.account.id": options.accountId }),
    "faas.name": options.functionName,
    "faas.version": options.functionVersion,
    "faas.max_memory": options.memorySize * mebibyte,
    "service.name": options.functionName,
    ...options.attributes,
    ...(options.serviceName ? { "service.name": options.serviceName } : undefined)
  }),
  droppedAttributesCount: 0
})

/**
 * The resource of one environment, with `faas.instance`: the `instanceId` of `platform.initStart`, which is the name of the log
 * stream. Spans and logs have it. On metrics it makes every environment a series, which only cumulative metrics need. An instance
 * that the resource has already, from `OTEL_RESOURCE_ATTRIBUTES`, stays.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withInstance = (resource: OtlpResource.Resource, instanceId: string): OtlpResource.Resource =>
  resource.attributes.some(({ key }) => key === "faas.instance")
    ? resource
    : { ...resource, attributes: [...resource.attributes, ...Attributes.entries({ "faas.instance": instanceId })] }
