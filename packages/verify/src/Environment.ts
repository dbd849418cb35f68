/** Runs a scenario: makes its function, invokes it step by step, and reads its log group. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Aws, type AwsError, sentenceOf } from "./aws/Aws.ts"
import * as Lambda from "./aws/Lambda.ts"
import * as Logs from "./aws/Logs.ts"
import * as Resources from "./deploy/Resources.ts"
import { entryOf, type Invocation, type LogLine, type ScenarioRecording } from "./Recording.ts"
import type { LayerName, Scenario, Step } from "./Scenario.ts"
import * as Seen from "./Seen.ts"
import { logGroupOf, nameOf, Settings } from "./Settings.ts"
import { NotDone, persist, waitFor } from "./Wait.ts"

/** The parts that all scenarios share. */
export interface Shared {
  readonly role: string
  readonly layers: ReadonlyMap<LayerName, string>
}

const timeoutSeconds = 5
const maxPages = 100

/** All lines of a group, at most those of 100 pages (1 MB each). */
const readLines = Effect.fnUntraced(function* (group: string) {
  const aws = yield* Aws
  const lines: Array<LogLine> = []
  let from: string | undefined
  for (let count = 0; count < maxPages; count++) {
    const { items, next } = yield* aws.send(Logs.readLines(group, from))
    lines.push(...items)
    if (next === undefined) return lines
    from = next
  }
  yield* Console.log(`${group} has more than ${maxPages} pages; the rest is not in the recording`)
  return lines
})

const waitForFunction = Effect.fnUntraced(function* (name: string, limit: Duration.Input, qualifier?: string) {
  const aws = yield* Aws
  yield* waitFor(
    `the function ${name}${qualifier === undefined ? "" : `:${qualifier}`} in the state Active`,
    limit,
    Effect.flatMap(aws.send(Lambda.getFunction(name, qualifier)), ({ reason, state, update }) =>
      state === "Failed" || update === "Failed"
        ? Effect.fail(new NotDone({ message: `Lambda says: ${reason || "Failed"}`, mayCome: false }))
        : Effect.succeed(
            (state === "Active" || state === "ActiveNonInvocable") && update !== "InProgress"
              ? Option.some(state)
              : Option.none()
          )
    )
  )
})

/** Makes the function ready in the way of the scenario. Gives the version to invoke. */
const prepare = Effect.fnUntraced(function* ({ kind }: Scenario, name: string) {
  const aws = yield* Aws
  const { limits } = yield* Settings
  yield* waitForFunction(name, limits.short)
  if (kind === "on-demand") return undefined
  const version = yield* aws.send(Lambda.publishVersion(name))
  yield* waitForFunction(name, limits.long, version)
  if (kind === "provisioned") {
    yield* aws.send(Lambda.putProvisioned(name, version))
    yield* waitFor(
      "provisioned concurrency",
      limits.long,
      Effect.flatMap(aws.send(Lambda.getProvisioned(name, version)), ({ reason, status }) =>
        status === "FAILED"
          ? Effect.fail(new NotDone({ message: `Lambda says: ${reason}`, mayCome: false }))
          : Effect.succeed(status === "READY" ? Option.some(status) : Option.none())
      )
    )
  }
  return version
})

const invoke = Effect.fnUntraced(function* (name: string, qualifier: string | undefined, step: Step) {
  const aws = yield* Aws
  const at = yield* Clock.currentTimeMillis
  const answer = yield* aws.send(
    Lambda.invoke({ FunctionName: name, Qualifier: qualifier, Payload: JSON.stringify({ do: step }) })
  )
  const millis = (yield* Clock.currentTimeMillis) - at
  const { functionError, payload, status } = answer
  const invocation: Invocation = {
    step,
    at,
    millis,
    status,
    payload,
    ...(functionError === undefined ? {} : { functionError })
  }
  return invocation
})

const countOf = (lines: ReadonlyArray<LogLine>, begin: string) =>
  lines.filter(({ message }) => message.startsWith(begin)).length

/** Log lines come some seconds late. A managed instance has no REPORT, so its scenario takes what has come. */
const waitForLines = Effect.fnUntraced(function* ({ kind, steps }: Scenario, group: string) {
  const { isDry } = yield* Aws
  const { limits } = yield* Settings
  const begin = kind === "managed" ? "START " : "REPORT "
  yield* waitFor(
    `${steps.length} lines that begin with ${begin}`,
    limits.short,
    Effect.map(readLines(group), (lines) =>
      isDry || countOf(lines, begin) >= steps.length ? Option.some(lines) : Option.none()
    )
  ).pipe(Effect.catchTag("NotDone", ({ message }) => Console.log(message)))
})

const isSpindown = (line: LogLine) =>
  Option.exists(entryOf(line), (entry) => {
    if (entry.verify !== "answer" || entry.call !== "next") return false
    return Seen.objectIn(entry.body)["shutdownReason"] === "spindown"
  })

/** Takes the reason for its environments away, so that they get SHUTDOWN. */
const spinDown = Effect.fnUntraced(function* (scenario: Scenario, name: string, version: string | undefined) {
  const aws = yield* Aws
  const { limits } = yield* Settings
  if (Duration.isZero(Duration.fromInputUnsafe(limits.spindown))) return
  if (scenario.kind === "provisioned" && version !== undefined) yield* aws.send(Lambda.deleteProvisioned(name, version))
  else if (scenario.name === "tracing-off") yield* aws.send(Lambda.describeFunction(name, "its environments end"))
  else return
  yield* waitFor(
    "SHUTDOWN with the reason spindown",
    limits.spindown,
    Effect.map(readLines(logGroupOf(name)), (lines) =>
      aws.isDry || lines.some(isSpindown) ? Option.some(lines) : Option.none()
    )
  ).pipe(Effect.catchTag("NotDone", ({ message }) => Console.log(message)))
})

/** A capacity provider and its role, for managed instances. */
const capacity = Effect.fnUntraced(function* () {
  const aws = yield* Aws
  const { limits, network, suffix } = yield* Settings
  if (network === undefined) {
    const message = "managed instances run in a VPC: name it by --subnets and --security-groups"
    return yield* Effect.fail(new NotDone({ message, mayCome: false }))
  }
  const operator = yield* Resources.operatorRole
  const name = nameOf(suffix, "capacity")
  // IAM needs some seconds until Lambda may take a new role.
  const arn = yield* persist(
    Resources.capacityProvider(name, operator, network),
    limits.short,
    (error) => error.name === "InvalidParameterValueException" && /role/i.test(error.message)
  )
  yield* waitFor(
    "the capacity provider",
    limits.long,
    Effect.flatMap(aws.send(Lambda.getCapacityProvider(name)), (state) =>
      state === "Failed"
        ? Effect.fail(new NotDone({ message: "Lambda says that the capacity provider failed", mayCome: false }))
        : Effect.succeed(state === "Active" ? Option.some(state) : Option.none())
    )
  )
  return arn
})

/** Runs the scenario in a scope, with which everything of it is removed. */
const runIn = Effect.fnUntraced(function* (
  scenario: Scenario,
  shared: Shared,
  invocations: Array<Invocation>,
  lines: Array<LogLine>
) {
  const { suffix, zips } = yield* Settings
  const name = nameOf(suffix, scenario.name)
  const group = logGroupOf(name)
  const provider = scenario.kind === "managed" ? yield* capacity() : undefined
  yield* Resources.logGroup(group)
  yield* Resources.lambdaFunction(name, {
    Role: shared.role,
    Runtime: scenario.runtime,
    Handler: scenario.runtime === "python3.13" ? "lambda_function.handler" : "index.handler",
    Code: { ZipFile: zips[scenario.runtime] },
    Timeout: timeoutSeconds,
    MemorySize: provider === undefined ? 512 : 2048,
    Layers: scenario.layers.flatMap((layer) => shared.layers.get(layer) ?? []),
    Environment: { Variables: scenario.variables },
    TracingConfig: { Mode: scenario.tracing },
    ...(scenario.kind === "snapstart" ? { SnapStart: { ApplyOn: "PublishedVersions" } } : {}),
    ...(provider === undefined
      ? {}
      : { CapacityProviderConfig: { LambdaManagedInstancesCapacityProviderConfig: { CapacityProviderArn: provider } } })
  })
  const read = Effect.andThen(
    Effect.sync(() => lines.splice(0)),
    readLines(group)
  ).pipe(Effect.map((all) => void lines.push(...all)))
  const version = yield* prepare(scenario, name)
  yield* Effect.forEach(scenario.steps, (step) =>
    Effect.map(invoke(name, version, step), (invocation) => invocations.push(invocation))
  ).pipe(
    // Lines from before a failure are in the recording too.
    Effect.tapError(() => read),
    Effect.andThen(waitForLines(scenario, group)),
    Effect.andThen(spinDown(scenario, name, version)),
    Effect.andThen(read)
  )
})

const reasonOf = (error: AwsError | NotDone) => (error._tag === "AwsError" ? sentenceOf(error) : error.message)

/** Never fails: a scenario that this account or region does not let run says so. */
export const run = Effect.fnUntraced(function* (scenario: Scenario, shared: Shared) {
  const invocations: Array<Invocation> = []
  const lines: Array<LogLine> = []
  yield* Console.log(`# ${scenario.name}: ${scenario.shows}`)
  const problem = yield* Effect.scoped(runIn(scenario, shared, invocations, lines)).pipe(
    Effect.as(undefined),
    Effect.catch((error) => Effect.succeed(reasonOf(error)))
  )
  if (problem !== undefined) yield* Console.log(`${scenario.name}: not run to its end: ${problem}`)
  const layers = scenario.layers.filter((layer) => layer !== "recorder").map((layer) => layer.replace("-node", ""))
  const recording: ScenarioRecording = {
    name: scenario.name,
    layers,
    invocations,
    lines,
    ...(problem === undefined ? {} : { problem })
  }
  return recording
})
