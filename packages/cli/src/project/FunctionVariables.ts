/** The variables that `emulate` and `dev` give to the processes: those of package.json, of the shell, and of flags. */
import type { InvalidVariable } from "@effect-lambda/emulator/EmulatorError"
import * as EmulatorVariables from "@effect-lambda/emulator/Variables"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import process from "node:process"
import { fail } from "../shared/UserError.ts"

type Variables = Readonly<Record<string, string>>

const regionNames = ["AWS_REGION", "AWS_DEFAULT_REGION"]
const credentialNames = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]

const some = (variables: Variables, names: ReadonlyArray<string>): string | undefined =>
  names.find((name) => variables[name] !== undefined)

/** Picks the variables that have a value; an empty value counts as none. */
const pick = (variables: NodeJS.ProcessEnv, names: ReadonlyArray<string>): Variables =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = variables[name]
      return value === undefined || value === "" ? [] : [[name, value]]
    })
  )

/** The flag of `emulate` and `dev` that has the effect which a variable of this option was meant to have. */
const flagOf = new Map([
  ["initType", "--init-type"],
  ["memorySize", "--memory"],
  ["traceHeader", "--trace-header"],
  ["credentials", "--aws-env"]
])

/** Says what is wrong with a variable, without its value. */
export const explain = ({ name, option = "", problem }: InvalidVariable): string => {
  const flag = flagOf.get(option)
  const remedy = flag === undefined ? "leave it out" : `leave it out; effect-lambda emulate has ${flag}`
  return `the variable ${JSON.stringify(name)} ${problem}: ${remedy}`
}

const credentialsOf = Effect.fnUntraced(function* (shell: NodeJS.ProcessEnv) {
  const credentials = pick(shell, credentialNames)
  const missing = credentialNames.slice(0, 2).filter((name) => credentials[name] === undefined)
  if (missing.length === 0) return credentials
  return yield* fail(
    `--aws-env takes the credentials of this shell, which has no ${missing.join(" and no ")}; with the AWS CLI, ` +
      'eval "$(aws configure export-credentials --format env)" sets them'
  )
})

const shellRegion = Effect.fnUntraced(function* (shell: NodeJS.ProcessEnv) {
  const { AWS_DEFAULT_REGION, AWS_REGION = AWS_DEFAULT_REGION } = pick(shell, regionNames)
  if (AWS_REGION !== undefined) return { AWS_REGION }
  return yield* fail(
    "--aws-env takes the region of this shell, which has neither AWS_REGION nor AWS_DEFAULT_REGION; set one, or give --region NAME"
  )
})

/**
 * Flags count more than the shell, which `--aws-env` asks for, and the shell more than `written`, the variables of
 * package.json.
 */
export const resolve = Effect.fnUntraced(function* (
  written: Variables,
  flags: { readonly env: Variables; readonly region: Option.Option<string>; readonly awsEnv: boolean },
  shell: NodeJS.ProcessEnv = process.env
) {
  const { awsEnv, env } = flags
  const region = Option.getOrUndefined(flags.region)
  const ownRegion = some(env, regionNames)
  const ownCredential = some(env, credentialNames)
  const wrong = region === undefined ? undefined : EmulatorVariables.regionProblem(region)
  if (wrong !== undefined) {
    return yield* fail(`--region ${wrong}: name a region, such as eu-central-1, or leave it out`)
  }
  if (region !== undefined && ownRegion !== undefined) {
    return yield* fail(`--region and --env ${ownRegion} both name the region: leave one of them out`)
  }
  if (awsEnv && ownCredential !== undefined) {
    return yield* fail(`--aws-env and --env ${ownCredential} both give credentials: leave one of them out`)
  }
  const asked: Variables = {
    ...(awsEnv ? yield* credentialsOf(shell) : undefined),
    ...(awsEnv && region === undefined && ownRegion === undefined ? yield* shellRegion(shell) : undefined),
    ...(region === undefined ? undefined : { AWS_REGION: region }),
    ...env
  }
  // Half a pair from flags must not meet the other half from package.json.
  const replaced = new Set(
    [regionNames, credentialNames].flatMap((names) => (some(asked, names) === undefined ? [] : names))
  )
  return { ...Object.fromEntries(Object.entries(written).filter(([name]) => !replaced.has(name))), ...asked }
})
