/** What `Options` says about the environment, with the defaults of its profile. Times are milliseconds. */
import * as Duration from "effect/Duration"
import type { Profile } from "../Profile.ts"
import { InvalidOption } from "../EmulatorError.ts"
import type { InitType, Options } from "./Options.ts"

/** How the environment is initialised, by the name that processes and telemetry see. */
export type InitializationType = InitType | "lambda-managed-instances"

export interface Settings {
  readonly profile: Profile
  readonly identity: { readonly functionName: string; readonly functionVersion: string; readonly handler: string }
  /** What the environment variables say besides. */
  readonly variables: {
    readonly region: string
    readonly memorySize: number
    readonly initializationType: InitializationType
    readonly credentials: NonNullable<Options["credentials"]>
    readonly environment: Readonly<Record<string, string>>
  }
  readonly accountId: string
  readonly functionArn: string
  readonly timeoutMs: number
  readonly initTimeoutMs: number
  readonly freezeAfterMs: number | undefined
}

/** The longest time a timer can be set for, 24 days: also what "infinite" means here, since deadlines are numbers. */
const maxTimerMs = 2_147_483_647

const limitMs = (limit: Duration.Input): number => Math.min(Duration.toMillis(limit), maxTimerMs)

/** A managed instance is never frozen (spec: managed instances). */
const freezeAfterMs = (freeze: Options["freeze"] = false, profile: Profile): number | undefined => {
  if (freeze === false || profile === "lmi") return undefined
  return freeze === true || freeze.after === undefined ? 0 : limitMs(freeze.after)
}

/** The longest init of an environment for which nobody waits, unless its function may run even longer. */
const preparedInitMs = 130_000

const initTimeoutMs = (
  { initTimeout, initType = "on-demand" }: Options,
  profile: Profile,
  timeoutMs: number
): number => {
  if (initTimeout !== undefined) return limitMs(initTimeout)
  if (profile === "lmi") return timeoutMs
  return initType === "on-demand" ? 10_000 : Math.max(preparedInitMs, timeoutMs)
}

/** An option that cannot have its effect. */
export const problemOf = ({ initType, profile = "real" }: Options): InvalidOption | undefined => {
  if (profile === "real" || initType === undefined) return undefined
  if (profile === "rie" && initType === "on-demand") return undefined
  const only = profile === "lmi" ? "lambda-managed-instances" : "on-demand"
  return new InvalidOption({
    option: "initType",
    explanation: `is ${initType}, but profile ${profile} initialises in one way, ${only}. Leave it out, or take profile real.`
  })
}

/** `handler`: what the function's file and export are called, when there is one. */
export const resolve = (options: Options, handler: string | undefined): Settings => {
  const profile = options.profile ?? "real"
  const functionName = options.functionName ?? "function"
  const region = options.region ?? "us-east-1"
  const accountId = options.accountId ?? "123456789012"
  const timeoutMs = limitMs(options.timeout ?? (profile === "real" ? "3 seconds" : "300 seconds"))
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
      initializationType: profile === "lmi" ? "lambda-managed-instances" : (options.initType ?? "on-demand"),
      credentials: options.credentials ?? {
        accessKeyId: "EMULATOR",
        secretAccessKey: "emulator",
        sessionToken: "emulator"
      },
      environment: options.environment ?? {}
    },
    accountId,
    // AWS's emulator has one ARN for everybody (spec: RIE, invoke).
    functionArn:
      profile === "rie"
        ? `arn:aws:lambda:us-east-1:012345678912:function:${functionName}`
        : `arn:aws:lambda:${region}:${accountId}:function:${functionName}`,
    timeoutMs,
    initTimeoutMs: initTimeoutMs(options, profile, timeoutMs),
    freezeAfterMs: freezeAfterMs(options.freeze, profile)
  }
}
