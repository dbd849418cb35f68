/** The sources of the variables of a run, and their order. */
import { InvalidVariable } from "@effect-lambda/emulator/EmulatorError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as FunctionVariables from "../src/project/FunctionVariables.ts"

const keys = { AWS_ACCESS_KEY_ID: "shell-id", AWS_SECRET_ACCESS_KEY: "shell-secret" }
const session = { ...keys, AWS_SESSION_TOKEN: "shell-token" }

interface Given {
  readonly written?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly region?: string
  readonly awsEnv?: boolean
  readonly shell?: NodeJS.ProcessEnv
}

const resolve = ({ awsEnv = false, env = {}, region, shell = {}, written = {} }: Given) =>
  FunctionVariables.resolve(written, { env, region: Option.fromUndefinedOr(region), awsEnv }, shell)

describe("the variables of a run", () => {
  it.effect.each<readonly [string, Given, Readonly<Record<string, string>>]>([
    [
      "those of package.json, and flags over them",
      { written: { A: "1", B: "1" }, env: { B: "2" } },
      { A: "1", B: "2" }
    ],
    ["nothing of the shell unless it is asked for", { shell: { ...session, AWS_REGION: "r", HOME: "/" } }, {}],
    [
      "the region and the credentials of the shell, and nothing else of it",
      { awsEnv: true, shell: { ...session, AWS_REGION: "r", AWS_PROFILE: "p", HOME: "/" } },
      { ...session, AWS_REGION: "r" }
    ],
    [
      "long-term keys, which have no session token",
      { awsEnv: true, shell: { ...keys, AWS_SESSION_TOKEN: "", AWS_DEFAULT_REGION: "d" } },
      { ...keys, AWS_REGION: "d" }
    ],
    [
      "the region that the SDKs take, if the shell has two",
      { awsEnv: true, shell: { ...keys, AWS_REGION: "r", AWS_DEFAULT_REGION: "d" } },
      { ...keys, AWS_REGION: "r" }
    ],
    [
      "--region over that of the shell",
      { awsEnv: true, region: "f", shell: { ...keys, AWS_REGION: "r" } },
      { ...keys, AWS_REGION: "f" }
    ],
    ["--region if the shell has none", { awsEnv: true, region: "f", shell: keys }, { ...keys, AWS_REGION: "f" }],
    [
      "--env over the region of the shell",
      { awsEnv: true, env: { AWS_REGION: "e" }, shell: keys },
      { ...keys, AWS_REGION: "e" }
    ],
    [
      "a flag over the other name of the region in package.json",
      { written: { AWS_DEFAULT_REGION: "w" }, region: "f" },
      { AWS_REGION: "f" }
    ],
    [
      "no half of the credentials in package.json beside those of flags",
      { written: { A: "1", ...session }, env: keys },
      { A: "1", ...keys }
    ]
  ])("%s", ([, given, expected]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* resolve(given), expected)
    })
  )

  it.effect.each<readonly [string, Given, string]>([
    ["no credentials", { awsEnv: true }, "has no AWS_ACCESS_KEY_ID and no AWS_SECRET_ACCESS_KEY; with the AWS CLI"],
    ["half of them", { awsEnv: true, shell: { AWS_ACCESS_KEY_ID: "shell-id" } }, "has no AWS_SECRET_ACCESS_KEY; with"],
    [
      "no region",
      { awsEnv: true, shell: keys },
      "neither AWS_REGION nor AWS_DEFAULT_REGION; set one, or give --region"
    ],
    [
      "two regions",
      { region: "f", env: { AWS_DEFAULT_REGION: "e" } },
      "--region and --env AWS_DEFAULT_REGION both name"
    ],
    ["an empty region", { region: "" }, "--region is empty"],
    ["credentials twice", { awsEnv: true, env: keys, shell: keys }, "--aws-env and --env AWS_ACCESS_KEY_ID both give"]
  ])("%s: a sentence without a value", ([, given, words]) =>
    Effect.gen(function* () {
      const { cause } = yield* Effect.flip(resolve(given))
      assert.include(String(cause), words)
      assert.notInclude(String(cause), "shell-")
    })
  )

  it("a refused variable is explained with the flag that has its effect", () => {
    const said = (name: string, option: string | undefined) =>
      FunctionVariables.explain(new InvalidVariable({ name, problem: "is set by Lambda itself", option }))
    assert.strictEqual(
      said("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "memorySize"),
      'the variable "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" is set by Lambda itself: leave it out; effect-lambda emulate has --memory'
    )
    // There is no flag for it.
    assert.match(said("_HANDLER", "handler"), /: leave it out$/)
  })
})
