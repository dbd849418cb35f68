/** A run: makes everything, runs the scenarios, and removes everything. */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { Aws } from "./aws/Aws.ts"
import * as Resources from "./deploy/Resources.ts"
import * as Environment from "./Environment.ts"
import type { Recording } from "./Recording.ts"
import { Settings } from "./Settings.ts"

/** The account of a role. Its number is in ARNs, and in the answer of register. */
const accountOf = (arn: string) => /^arn:[^:]*:iam::(\d{12}):/.exec(arn)?.[1]

/** The recording without the number of the account. */
const masked = (recording: Recording, account: string | undefined): Recording => {
  if (account === undefined) return recording
  const mask = (text: string) => text.replaceAll(account, "123456789012")
  return {
    ...recording,
    scenarios: recording.scenarios.map((scenario) => ({
      ...scenario,
      ...(scenario.problem === undefined ? {} : { problem: mask(scenario.problem) }),
      invocations: scenario.invocations.map((invocation) => ({ ...invocation, payload: mask(invocation.payload) })),
      lines: scenario.lines.map((line) => ({ ...line, message: mask(line.message) }))
    }))
  }
}

export const run = Effect.scoped(
  Effect.gen(function* () {
    const aws = yield* Aws
    const { scenarios, suffix } = yield* Settings
    const startedAt = DateTime.formatIso(yield* DateTime.now)
    const role = yield* Resources.executionRole
    const names = [...new Set(scenarios.flatMap(({ layers }) => layers))]
    const layers = new Map(
      yield* Effect.forEach(names, (name) => Effect.map(Resources.layer(name), (arn) => [name, arn] as const))
    )
    const recorded = yield* Effect.forEach(scenarios, (scenario) => Environment.run(scenario, { role, layers }), {
      // The calls of a dry run are read in their order.
      concurrency: aws.isDry ? 1 : 3
    })
    const recording: Recording = { version: 1, startedAt, region: aws.region, suffix, scenarios: recorded }
    return masked(recording, accountOf(role))
  })
)
