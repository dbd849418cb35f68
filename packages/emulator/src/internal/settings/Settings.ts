/** The settings of the environment: its `Options`, with the defaults of its profile. Times are milliseconds. */
import * as Duration from "effect/Duration"
import * as Net from "node:net"
import type { Profile } from "../../Profile.ts"
import { profiles } from "../../Profile.ts"
import { InvalidOption, InvalidVariable } from "../../EmulatorError.ts"
import * as VariableRules from "./VariableRules.ts"
import * as SandboxHosts from "../sandbox/SandboxHosts.ts"
import type { InitType, Options, TracingMode } from "./Options.ts"

/** The kind of init, by the name that processes and telemetry see. */
export type InitializationType = InitType | "lambda-managed-instances"

export interface Settings {
  readonly profile: Profile
  readonly identity: { readonly functionName: string; readonly functionVersion: string; readonly handler: string }
  /** Further values that the processes find in their variables. */
  readonly variables: {
    readonly region: string
    readonly memorySize: number
    readonly initializationType: InitializationType
    readonly credentials: NonNullable<Options["credentials"]>
    readonly environment: Readonly<Record<string, string>>
  }
  readonly accountId: string
  readonly functionArn: string
  readonly tracing: TracingMode
  readonly timeoutMs: number
  readonly initTimeoutMs: number
  readonly freezeAfterMs: number | undefined
  readonly sandboxAddress: string
}

/** The longest time a timer can be set for, 24 days: also what "infinite" means here, since deadlines are numbers. */
const maxTimerMs = 2_147_483_647

const limitMs = (limit: Duration.Input): number => Math.min(Duration.toMillis(limit), maxTimerMs)

const freezeAfterMs = (freeze: Options["freeze"] = false, profile: Profile): number | undefined => {
  if (freeze === false || !profile.freezes) return undefined
  return freeze === true || freeze.after === undefined ? 0 : limitMs(freeze.after)
}

/** The longest init of an environment that no invocation waits for, unless its function may run even longer. */
const preparedInitMs = 130_000

const initTimeoutMs = (
  { initTimeout, initType = "on-demand" }: Options,
  profile: Profile,
  timeoutMs: number
): number => {
  if (initTimeout !== undefined) return limitMs(initTimeout)
  if (profile.limitsInitByTimeout) return timeoutMs
  return initType === "on-demand" ? 10_000 : Math.max(preparedInitMs, timeoutMs)
}

const initTypeProblem = ({ initType, profile = "real" }: Options): InvalidOption | undefined => {
  const only = profiles[profile].initType
  if (only === undefined || initType === undefined || initType === only) return undefined
  return new InvalidOption({
    option: "initType",
    explanation: `is ${initType}, but profile ${profile} initialises in one way, ${only}. Leave it out, or take profile real.`
  })
}

const tracingProblem = ({ profile = "real", tracing }: Options): InvalidOption | undefined => {
  if (tracing !== "Active" || profiles[profile].tellsRuntimeTrace) return undefined
  return new InvalidOption({
    option: "tracing",
    explanation: `is Active, but profile ${profile} does no tracing. Leave it out, or take profile real.`
  })
}

const wireProblem = ({ wire }: Options): InvalidOption | undefined => {
  const maxBytes = typeof wire === "object" ? wire.maxBytes : undefined
  if (maxBytes === undefined || (Number.isSafeInteger(maxBytes) && maxBytes >= 0)) return undefined
  return new InvalidOption({ option: "wire", explanation: `keeps ${maxBytes} bytes. Give a whole number from 0 on.` })
}

const addressProblem = ({ profile = "real", sandboxAddress }: Options): InvalidOption | undefined => {
  if (sandboxAddress === undefined || sandboxAddress === SandboxHosts.defaultAddress) return undefined
  if (!Net.isIPv4(sandboxAddress) || !sandboxAddress.startsWith("127.")) {
    const explanation = `is ${sandboxAddress}, which is no address of loopback. Give one such as 127.0.0.6.`
    return new InvalidOption({ option: "sandboxAddress", explanation })
  }
  if (profiles[profile].retriesDelivery) return undefined
  const explanation = `is ${sandboxAddress}, but profile ${profile} delivers to ${SandboxHosts.defaultAddress}. Leave it out, or take profile real.`
  return new InvalidOption({ option: "sandboxAddress", explanation })
}

const limitProblem = ({ limits = {} }: Options): InvalidOption | undefined => {
  for (const name of ["memory", "descriptors", "tmp"] as const) {
    const limit = limits[name]
    if (limit === undefined || (Number.isSafeInteger(limit) && limit > 0)) continue
    return new InvalidOption({ option: "limits", explanation: `${name} is ${limit}. Give a whole number from 1 on.` })
  }
  return undefined
}

/** Finds a value that an option and a variable both set, each to something else. */
const twiceProblem = ({ credentials, environment = {}, region }: Options): InvalidOption | undefined => {
  const said = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? region
  const wrong = region === undefined ? undefined : VariableRules.regionProblem(region)
  if (wrong !== undefined) {
    return new InvalidOption({ option: "region", explanation: `${wrong}. Leave it out, or name one.` })
  }
  if (region !== undefined && said !== region) {
    const explanation = `is ${region}, but the variables of the environment say ${said}. Give the region once.`
    return new InvalidOption({ option: "region", explanation })
  }
  if (credentials === undefined || environment["AWS_ACCESS_KEY_ID"] === undefined) return undefined
  const explanation = "are given twice: the variables of the environment have AWS_ACCESS_KEY_ID too. Give them once."
  return new InvalidOption({ option: "credentials", explanation })
}

/** With a snapshot the credentials come from a server of Lambda's, which these variables name. */
const snapshotProblem = ({ environment = {}, initType }: Options): InvalidVariable | undefined => {
  const name = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"].find(
    (name) => environment[name] !== undefined
  )
  if (initType !== "snap-start" || name === undefined) return undefined
  return new InvalidVariable({ name, problem: "is set by Lambda itself under SnapStart", option: "credentials" })
}

/** Finds an option that cannot have its effect. */
export const problemOf = (options: Options): InvalidOption | InvalidVariable | undefined =>
  initTypeProblem(options) ??
  tracingProblem(options) ??
  wireProblem(options) ??
  limitProblem(options) ??
  addressProblem(options) ??
  VariableRules.problemOf(options.environment ?? {}, options.profile) ??
  VariableRules.functionProblemOf(options.function?.environment ?? {}) ??
  twiceProblem(options) ??
  snapshotProblem(options)

/** The credentials in `environment` count before the option. */
const credentialsOf = ({ credentials, environment = {} }: Options): NonNullable<Options["credentials"]> => {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken
  } = environment
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    return credentials ?? { accessKeyId: "EMULATOR", secretAccessKey: "emulator", sessionToken: "emulator" }
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? undefined : { sessionToken }) }
}

/** `handler` names the function's file and export, if there is a file. */
export const resolve = (options: Options, handler: string | undefined): Settings => {
  const profile = profiles[options.profile ?? "real"]
  const functionName = options.functionName ?? "function"
  const environment = options.environment ?? {}
  const region = options.region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1"
  const accountId = options.accountId ?? "123456789012"
  const timeoutMs = limitMs(options.timeout ?? profile.timeoutMs)
  return {
    profile,
    identity: {
      functionName,
      functionVersion: options.functionVersion ?? "$LATEST",
      handler: options.handler ?? handler ?? "index.handler"
    },
    variables: {
      region,
      memorySize: options.memorySize ?? 128,
      initializationType: profile.initType ?? options.initType ?? "on-demand",
      credentials: credentialsOf(options),
      environment: Object.fromEntries(
        Object.entries(environment).filter(([name]) => !VariableRules.settingNames.includes(name))
      )
    },
    accountId,
    functionArn: `arn:aws:lambda:${profile.arnPrefix ?? `${region}:${accountId}`}:function:${functionName}`,
    tracing: options.tracing ?? "PassThrough",
    timeoutMs,
    initTimeoutMs: initTimeoutMs(options, profile, timeoutMs),
    freezeAfterMs: freezeAfterMs(options.freeze, profile),
    sandboxAddress: options.sandboxAddress ?? SandboxHosts.defaultAddress
  }
}
