/** The environment variables of the processes (docs/protocol.md#environment-variables). */
import * as DateTime from "effect/DateTime"
import * as NodePath from "node:path"
import NodeProcess from "node:process"
import type { Profile } from "../../Profile.ts"
import { credentialsPath } from "../wire/Routes.ts"
import type { InitializationType } from "./Settings.ts"

/** Variables that an extension never sees on the real service. */
const hidden = new Set([
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_XRAY_CONTEXT_MISSING",
  "AWS_XRAY_DAEMON_ADDRESS",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
  "_AWS_XRAY_DAEMON_ADDRESS",
  "_AWS_XRAY_DAEMON_PORT",
  "_HANDLER"
])

/**
 * Variables that rapid takes away from extensions, besides every name that starts with `_`
 * (docs/protocol.md#environment-variables).
 */
const hiddenByRapid = new Set(["AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS"])

export interface VariablesOptions {
  readonly profile: Profile
  readonly runtimeApi: string
  readonly functionName: string
  readonly functionVersion: string
  readonly handler: string
  readonly memorySize: number
  readonly initializationType: InitializationType
  readonly region: string
  readonly credentials: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken?: string
  }
  /** The token with which the processes ask for their credentials under SnapStart. */
  readonly credentialsToken: string
  readonly environment: Readonly<Record<string, string>>
  readonly logFormat: "text" | "json"
  readonly taskRoot: string
  /** The directory that the processes have as `/opt`. */
  readonly opt: string
  /** The name of the log stream. */
  readonly instanceId: string
}

/** The name of the log stream, `at` epoch milliseconds; telemetry calls it the instance id. */
export const logStreamName = (functionVersion: string, at: number): string =>
  `${DateTime.formatIsoDateUtc(DateTime.makeUnsafe(at)).replaceAll("-", "/")}/[${functionVersion}]emulator`

/** A snapshot has no credentials: each environment restored from it would have the same ones, and they expire. */
const credentials = (options: VariablesOptions): Record<string, string> =>
  options.initializationType === "snap-start"
    ? {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${options.runtimeApi}${credentialsPath}`,
        AWS_CONTAINER_AUTHORIZATION_TOKEN: options.credentialsToken
      }
    : {
        AWS_ACCESS_KEY_ID: options.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: options.credentials.secretAccessKey,
        ...(options.credentials.sessionToken === undefined
          ? undefined
          : { AWS_SESSION_TOKEN: options.credentials.sessionToken })
      }

/** A customer's variables replace these. If the profile tells no format, the option alone sets them. */
const logging = ({ logFormat, profile }: VariablesOptions): Record<string, string> => {
  if (logFormat === "json") return { AWS_LAMBDA_LOG_FORMAT: "JSON", AWS_LAMBDA_LOG_LEVEL: "INFO" }
  return profile.tellsLogFormat ? { AWS_LAMBDA_LOG_FORMAT: "Text" } : {}
}

/**
 * Nothing of the emulator's own environment leaks into its children. Like Lambda's `/var/lang/bin`, the directory of
 * the Node that runs the emulator comes first in PATH, so that `#!/usr/bin/env node` finds it.
 */
const platform = (options: VariablesOptions): Record<string, string> => ({
  PATH: `${NodePath.dirname(NodeProcess.execPath)}:/usr/local/bin:/usr/bin:/bin:${options.opt}/bin`,
  LANG: "en_US.UTF-8",
  TZ: ":UTC",
  ...logging(options),
  ...options.environment,
  ...credentials(options),
  AWS_REGION: options.region,
  AWS_DEFAULT_REGION: options.region,
  AWS_LAMBDA_FUNCTION_NAME: options.functionName,
  AWS_LAMBDA_FUNCTION_VERSION: options.functionVersion,
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(options.memorySize),
  AWS_LAMBDA_INITIALIZATION_TYPE: options.initializationType,
  AWS_LAMBDA_RUNTIME_API: options.runtimeApi
})

/**
 * AWS's emulator counts its own environment among the customer's variables. Extensions there see variables that only
 * the runtime has on Lambda; rapid takes away a few.
 */
export const forExtension = (options: VariablesOptions): Record<string, string> => {
  const { showsRuntimeVariables } = options.profile
  const taken = showsRuntimeVariables ? hiddenByRapid : hidden
  const all = Object.entries(showsRuntimeVariables ? forRuntime(options, {}) : platform(options))
  return Object.fromEntries(all.filter(([name]) => !taken.has(name) && !name.startsWith("_")))
}

/** The variables by which a managed runtime finds the libraries of layers. */
const libraries = (language: "node" | "python", { opt, taskRoot }: VariablesOptions): Record<string, string> => {
  const native = { LD_LIBRARY_PATH: `${taskRoot}:${taskRoot}/lib:${opt}/lib` }
  if (language === "python") return { ...native, PYTHONPATH: `${opt}/python` }
  const [major] = NodeProcess.versions.node.split(".")
  return { ...native, NODE_PATH: `${opt}/nodejs/node${major}/node_modules:${opt}/nodejs/node_modules:${taskRoot}` }
}

/** `own` are the function's alone, `language` is that of a handler file. */
export const forRuntime = (
  options: VariablesOptions,
  own: Readonly<Record<string, string>>,
  language?: "node" | "python"
): Record<string, string> => ({
  // These are not reserved: a customer's values replace them.
  AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
  AWS_XRAY_DAEMON_ADDRESS: "169.254.79.129:2000",
  ...(language === undefined ? undefined : libraries(language, options)),
  ...platform({ ...options, environment: { ...options.environment, ...own } }),
  _HANDLER: options.handler,
  LAMBDA_TASK_ROOT: options.taskRoot,
  LAMBDA_RUNTIME_DIR: "/var/runtime",
  // A snapshot has no log stream yet.
  ...(options.initializationType !== "snap-start" && {
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${options.functionName}`,
    AWS_LAMBDA_LOG_STREAM_NAME: options.instanceId
  }),
  _AWS_XRAY_DAEMON_ADDRESS: "169.254.79.129",
  _AWS_XRAY_DAEMON_PORT: "2000"
})
