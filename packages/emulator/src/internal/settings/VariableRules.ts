/** The variables that an author can set for the function and its extensions, and those that Lambda sets itself. */
import { InvalidVariable } from "../../EmulatorError.ts"
import type { ProfileName } from "../../Profile.ts"
import { profiles } from "../../Profile.ts"

/** Variables that Lambda sets itself, each with the option that has the same effect; `undefined` if no option has. */
const reserved = new Map<string, string | undefined>([
  ["AWS_ACCESS_KEY", "credentials"],
  ["AWS_EXECUTION_ENV", undefined],
  ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "memorySize"],
  ["AWS_LAMBDA_FUNCTION_NAME", "functionName"],
  ["AWS_LAMBDA_FUNCTION_VERSION", "functionVersion"],
  ["AWS_LAMBDA_INITIALIZATION_TYPE", "initType"],
  ["AWS_LAMBDA_LOG_GROUP_NAME", undefined],
  ["AWS_LAMBDA_LOG_STREAM_NAME", undefined],
  ["AWS_LAMBDA_METADATA_API", undefined],
  ["AWS_LAMBDA_METADATA_TOKEN", undefined],
  ["AWS_LAMBDA_RUNTIME_API", undefined],
  ["LAMBDA_RUNTIME_DIR", undefined],
  ["LAMBDA_TASK_ROOT", "function.cwd"],
  ["_AWS_XRAY_DAEMON_ADDRESS", undefined],
  ["_AWS_XRAY_DAEMON_PORT", undefined],
  ["_HANDLER", "handler"],
  ["_X_AMZN_TRACE_ID", "traceHeader"]
])

/** The variables in which processes find the region. */
const regionNames: ReadonlyArray<string> = ["AWS_REGION", "AWS_DEFAULT_REGION"]

/** The variables in which processes find the credentials. */
const credentialNames = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] as const

/** The variables that an environment takes for its options `region` and `credentials`. */
export const settingNames: ReadonlyArray<string> = [...regionNames, ...credentialNames]

type Environment = Readonly<Record<string, string>>

const syntaxProblem = (name: string, value: string): string | undefined => {
  if (name === "") return "has no name"
  if (/[=\0]/.test(name)) return `has ${name.includes("=") ? "a =" : "a NUL character"} in its name`
  return value.includes("\0") ? "has a NUL character in its value, which no process can have" : undefined
}

const problemWith = (name: string, value: string, isHidden: boolean): InvalidVariable | undefined => {
  const syntax = syntaxProblem(name, value)
  if (syntax !== undefined) return new InvalidVariable({ name, problem: syntax, option: undefined })
  if (reserved.has(name)) {
    return new InvalidVariable({ name, problem: "is set by Lambda itself", option: reserved.get(name) })
  }
  if (!isHidden) return undefined
  if (/^[^A-Za-z_]|[^A-Za-z0-9_]/.test(name)) {
    const problem =
      "begins with a digit or has other characters than letters, digits and _, and Lambda refuses such names"
    return new InvalidVariable({ name, problem, option: undefined })
  }
  if (!name.startsWith("_")) return undefined
  const problem = "begins with _, and Lambda refuses such names: no extension would see it"
  return new InvalidVariable({ name, problem, option: undefined })
}

/**
 * Tells what is wrong with the name of a region, which goes into ARNs; `undefined` means nothing.
 *
 * @category validation
 * @since 0.1.0
 */
export const regionProblem = (region: string): string | undefined => {
  if (region === "") return "is empty"
  return /^[A-Za-z0-9-]+$/.test(region) ? undefined : "has other characters than letters, digits and hyphens"
}

const settingProblem = (environment: Environment): InvalidVariable | undefined => {
  for (const name of settingNames) {
    const value = environment[name]
    if (value === undefined) continue
    const problem = regionNames.includes(name) ? regionProblem(value) : value === "" ? "is empty" : undefined
    if (problem !== undefined) return new InvalidVariable({ name, problem, option: undefined })
  }
  const { AWS_DEFAULT_REGION: other, AWS_REGION: region } = environment
  if (region !== undefined && other !== undefined && region !== other) {
    const problem = `is ${other}, but AWS_REGION is ${region}: an environment has one region`
    return new InvalidVariable({ name: "AWS_DEFAULT_REGION", problem, option: undefined })
  }
  const given = credentialNames.filter((name) => environment[name] !== undefined)
  const missing = credentialNames.slice(0, 2).find((name) => environment[name] === undefined)
  if (missing === undefined || given.length === 0) return undefined
  const problem = `is missing: ${given.join(" and ")} would have no effect without it`
  return new InvalidVariable({ name: missing, problem, option: undefined })
}

/**
 * Tells why an environment cannot have these variables as `environment` of its options; `undefined` means that it can.
 * A variable that Lambda sets itself, or that no process can have, cannot be set. The region and the credentials can.
 *
 * @category validation
 * @since 0.1.0
 */
export const problemOf = (environment: Environment, profile: ProfileName = "real"): InvalidVariable | undefined => {
  for (const [name, value] of Object.entries(environment)) {
    // AWS's emulator hands on all of its variables, these names included.
    const problem = problemWith(name, value, !profiles[profile].takesAnyVariable)
    if (problem !== undefined) return problem
  }
  return settingProblem(environment)
}

export const functionProblemOf = (environment: Environment): InvalidVariable | undefined => {
  for (const [name, value] of Object.entries(environment)) {
    const problem = problemWith(name, value, false)
    if (problem !== undefined) return problem
    if (settingNames.includes(name)) {
      const said = "is the same for the function and its extensions, so it cannot be set for the function alone"
      return new InvalidVariable({ name, problem: said, option: "environment" })
    }
  }
  return undefined
}
