/** The things that a run makes. Each is removed with its scope, whatever happens after it was asked for. */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { Aws, type AwsError, sentenceOf } from "../aws/Aws.ts"
import * as Iam from "../aws/Iam.ts"
import * as Lambda from "../aws/Lambda.ts"
import * as Logs from "../aws/Logs.ts"
import { logGroupPrefix, nameOf, Settings, tag } from "../Settings.ts"
import type { LayerName } from "../Scenario.ts"
import { persist } from "../Wait.ts"

/** Things that could not be removed, as sentences. */
export class Leftovers extends Context.Service<Leftovers, Ref.Ref<ReadonlyArray<string>>>()(
  "@effect-lambda/verify/deploy/Resources/Leftovers"
) {}

/** Removes a thing. A thing that is not there counts as removed. A thing that stays is noted, and the next removal goes on. */
export const remove = Effect.fnUntraced(function* <R>(what: string, removal: Effect.Effect<unknown, AwsError, R>) {
  const { limits } = yield* Settings
  const leftovers = yield* Leftovers
  yield* persist(removal, limits.short, (error) => error.isTooEarly).pipe(
    Effect.catchIf(
      (error) => error.isNotFound,
      () => Effect.void
    ),
    Effect.catch((error) => Ref.update(leftovers, (all) => [...all, `${what}: ${sentenceOf(error)}`]))
  )
})

/** The removal comes first: an answer that is lost on its way must not leave its thing behind. */
const owned = Effect.fnUntraced(function* <A, R>(
  what: string,
  make: Effect.Effect<A, AwsError, Aws | Settings>,
  removal: Effect.Effect<unknown, AwsError, R>
) {
  const { keep } = yield* Settings
  let isMade = true
  yield* Effect.addFinalizer(() => {
    if (!isMade) return Effect.void
    return keep ? Console.log(`kept: ${what}`) : remove(what, removal)
  })
  return yield* Effect.tapError(make, (error) => Effect.sync(() => (isMade = !error.hadNoEffect)))
})

const trust = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }]
})

const partitionOf = (region: string) =>
  region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws"

/** No `logs:CreateLogGroup`: late lines must not bring a group back that was removed. */
const executionPolicy = (region: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: `arn:${partitionOf(region)}:logs:*:*:log-group:${logGroupPrefix}*`
      },
      { Effect: "Allow", Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], Resource: "*" }
    ]
  })

const operatorPolicy = (region: string) =>
  `arn:${partitionOf(region)}:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator`

/** Removes a role with its policies. */
export const removeRole = Effect.fnUntraced(function* (name: string) {
  const aws = yield* Aws
  const quietly = (call: Effect.Effect<unknown, AwsError>) =>
    Effect.catchIf(
      call,
      (error) => error.isNotFound,
      () => Effect.void
    )
  yield* quietly(aws.send(Iam.deleteRolePolicy(name, "verify")))
  yield* quietly(aws.send(Iam.detachRolePolicy(name, operatorPolicy(aws.region))))
  yield* aws.send(Iam.deleteRole(name))
})

/** A role that Lambda may take; gives its ARN. */
const role = Effect.fnUntraced(function* (what: string) {
  const aws = yield* Aws
  const { suffix } = yield* Settings
  const name = nameOf(suffix, what)
  const arn = yield* owned(
    `role ${name}`,
    aws.send(Iam.createRole({ RoleName: name, AssumeRolePolicyDocument: trust, Tags: [{ Key: tag, Value: suffix }] })),
    removeRole(name)
  )
  return { name, arn }
})

/** The role of all functions: it may write their log lines and traces, and nothing else. */
export const executionRole = Effect.gen(function* () {
  const aws = yield* Aws
  const { arn, name } = yield* role("function")
  yield* aws.send(Iam.putRolePolicy(name, "verify", executionPolicy(aws.region)))
  return arn
})

/** The role with which Lambda starts managed instances. */
export const operatorRole = Effect.gen(function* () {
  const aws = yield* Aws
  const { arn, name } = yield* role("operator")
  yield* aws.send(Iam.attachRolePolicy(name, operatorPolicy(aws.region)))
  return arn
})

export const removeLayer = Effect.fnUntraced(function* (name: string) {
  const aws = yield* Aws
  const versions = yield* aws.send(Lambda.listLayerVersions(name))
  yield* Effect.forEach(versions, (version) => aws.send(Lambda.deleteLayerVersion(name, version)))
})

/** Publishes a layer; gives the ARN of its version. */
export const layer = Effect.fnUntraced(function* (what: LayerName) {
  const aws = yield* Aws
  const { arch, suffix, zips } = yield* Settings
  const name = nameOf(suffix, what)
  const publish = Lambda.publishLayer({
    LayerName: name,
    Description: "npm run verify:aws; may be deleted",
    Content: { ZipFile: zips[what] },
    CompatibleArchitectures: [arch === "x64" ? "x86_64" : "arm64"]
  })
  return yield* owned(`layer ${name}`, aws.send(publish), removeLayer(name))
})

/** A log group, which is there before Lambda would make it. */
export const logGroup = Effect.fnUntraced(function* (name: string) {
  const aws = yield* Aws
  const { suffix } = yield* Settings
  yield* owned(
    `log group ${name}`,
    aws.send(Logs.createLogGroup(name, { [tag]: suffix })),
    aws.send(Logs.deleteLogGroup(name))
  )
  yield* aws.send(Logs.keepOneDay(name))
})

/** IAM needs some seconds until Lambda may take a new role. */
const isRoleYoung = ({ message, name }: AwsError) => name === "InvalidParameterValueException" && /role/i.test(message)

/** Makes a function. `input` lacks what all functions have. */
export const lambdaFunction = Effect.fnUntraced(function* (
  name: string,
  input: Omit<Parameters<typeof Lambda.createFunction>[0], "FunctionName" | "Tags" | "Architectures" | "Description">
) {
  const aws = yield* Aws
  const { arch, limits, suffix } = yield* Settings
  const create = Lambda.createFunction({
    ...input,
    FunctionName: name,
    Description: "npm run verify:aws; may be deleted",
    Architectures: [arch === "x64" ? "x86_64" : "arm64"],
    Tags: { [tag]: suffix }
  })
  yield* owned(
    `function ${name}`,
    persist(aws.send(create), limits.short, isRoleYoung),
    aws.send(Lambda.deleteFunction(name))
  )
})

/** A capacity provider of at most 12 virtual CPUs; gives its ARN. */
export const capacityProvider = Effect.fnUntraced(function* (
  name: string,
  operator: string,
  network: { readonly subnets: ReadonlyArray<string>; readonly securityGroups: ReadonlyArray<string> }
) {
  const aws = yield* Aws
  const { arch, suffix } = yield* Settings
  const create = Lambda.createCapacityProvider({
    CapacityProviderName: name,
    VpcConfig: { SubnetIds: [...network.subnets], SecurityGroupIds: [...network.securityGroups] },
    PermissionsConfig: { CapacityProviderOperatorRoleArn: operator },
    InstanceRequirements: { Architectures: [arch === "x64" ? "x86_64" : "arm64"] },
    CapacityProviderScalingConfig: { MaxVCpuCount: 12 },
    Tags: { [tag]: suffix }
  })
  return yield* owned(`capacity provider ${name}`, aws.send(create), aws.send(Lambda.deleteCapacityProvider(name)))
})
