/** The work of `effect-lambda conform`, loaded when it is asked for: all scenarios of a target, and what to say of them. */
import type * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as NodePath from "node:path"
import process from "node:process"
import * as Terminal from "../shared/Terminal.ts"
import * as UserError from "../shared/UserError.ts"
import type { flags } from "./ConformFlags.ts"
import * as Play from "./play/Play.ts"
import { scenarios } from "./Scenarios.ts"
import * as Selection from "./Selection.ts"
import * as Target from "./play/Target.ts"
import * as Traits from "./Traits.ts"

export type Input = Command.Command.Config.Infer<typeof flags>

/** The function that says as much as a scenario asks for. */
export const chatty = NodePath.join(import.meta.dirname, "play/function/chatty.mjs")

/** Plays the scenarios, a few at the same time, and gives the verdicts in the order of the scenarios. */
export const verdicts = Effect.fnUntraced(function* (
  chosen: typeof scenarios,
  stage: Play.Stage,
  jobs: number,
  onVerdict: (verdict: Effect.Success<ReturnType<typeof Play.play>>) => Effect.Effect<void>
) {
  const { traits } = yield* Traits.learn(stage)
  return yield* Effect.forEach(chosen, (scenario) => Effect.tap(Play.play(scenario, stage, traits), onVerdict), {
    concurrency: jobs
  })
})

export const run = Effect.fnUntraced(function* (input: Input) {
  const chosen = yield* Effect.mapError(Effect.fromResult(Selection.select(scenarios, input)), UserError.make)
  const terminal = yield* Terminal.make
  if (input.list) {
    for (const { name, title } of chosen) yield* terminal.print(`${name}  ${title}`)
    return
  }
  if (Option.isNone(input.target))
    return yield* UserError.fail("give the target: a layer, an extension file, or a built project")
  const target = yield* Target.open(input.target.value)
  const stage: Play.Stage = {
    target,
    handler: Option.getOrElse(input.function, () => chatty),
    environment: input.env,
    sinkVariables: input.sinkEnv,
    tls: undefined,
    seed: input.seed,
    settings: { longFreezeSeconds: input.longFreeze }
  }
  const all = yield* verdicts(chosen, stage, input.jobs, ({ judgement, scenario }) =>
    terminal.print(`${judgement.status}  ${scenario.name}  ${judgement.sentence}`)
  )
  if (all.some(({ judgement }) => judgement.status === "fail")) process.exitCode = 1
}, Effect.scoped)
