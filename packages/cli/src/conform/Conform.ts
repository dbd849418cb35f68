/** The work of `effect-lambda conform`, loaded when it is asked for. */
import * as LogLine from "@effect-lambda/emulator/LogLine"
import type * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as NodePath from "node:path"
import process from "node:process"
import * as LayerConfig from "../project/LayerConfig.ts"
import * as Disk from "../shared/Disk.ts"
import * as Terminal from "../shared/Terminal.ts"
import * as UserError from "../shared/UserError.ts"
import type { flags } from "./ConformFlags.ts"
import * as ConformReports from "./ConformReports.ts"
import * as ConformText from "./ConformText.ts"
import * as Play from "./play/Play.ts"
import { chatty } from "./play/Programs.ts"
import type { Scenario } from "./play/Scenario.ts"
import * as Target from "./play/Target.ts"
import type { Verdict } from "./play/Verdict.ts"
import * as Progress from "./Progress.ts"
import { scenarios } from "./Scenarios.ts"
import * as Selection from "./Selection.ts"
import * as SinkCertificate from "./SinkCertificate.ts"
import * as TargetCheck from "./TargetCheck.ts"
import * as Traits from "./Traits.ts"

export type Input = Command.Command.Config.Infer<typeof flags>

/** The verdicts that make the exit code 1. */
const failing =
  (failOn: Input["failOn"]) =>
  ({ judgement: { status } }: Verdict): boolean =>
    status === "fail" || (failOn === "warn" && status === "warn")

const stageOf = Effect.fnUntraced(function* (input: Input, target: Target.Target) {
  const tls = input.sinkTls ? yield* SinkCertificate.make : undefined
  const written = yield* LayerConfig.environmentNear([NodePath.resolve(target.path)])
  const stage: Play.Stage = {
    target,
    handler: Option.getOrElse(input.function, () => chatty),
    environment: { ...written, ...input.env, ...(tls && { NODE_EXTRA_CA_CERTS: tls.file, SSL_CERT_FILE: tls.file }) },
    sinkVariables: input.sinkEnv,
    tls,
    seed: input.seed,
    settings: { longFreezeSeconds: input.longFreeze }
  }
  return stage
})

/** Everything that can be wrong with the input is found before the first scenario. */
const prepare = Effect.fnUntraced(function* (input: Input, terminal: Effect.Success<typeof Terminal.make>) {
  const chosen = yield* Effect.mapError(Effect.fromResult(Selection.select(scenarios, input)), UserError.make)
  if (input.list) return { chosen, stage: undefined }
  if (Option.isNone(input.target)) {
    return yield* UserError.fail("give the target: a layer, an extension file, or a built project")
  }
  yield* Disk.checkWritableAll([input.report, input.junit, input.json])
  const found = yield* Target.find(input.target.value)
  for (const line of yield* TargetCheck.check(found)) yield* terminal.print(line)
  return { chosen, stage: yield* stageOf(input, yield* Target.open(found)) }
})

/** Plays the scenarios, a few at the same time, and gives the verdicts in the order of the scenarios. */
const playAll = Effect.fnUntraced(function* (
  chosen: ReadonlyArray<Scenario>,
  stage: Play.Stage,
  jobs: number,
  progress: Progress.Progress
) {
  const traits = yield* Traits.learn(stage)
  const fixedPort = jobs > 1 ? yield* Traits.fixedPort(stage, traits) : undefined
  if (fixedPort !== undefined) {
    yield* progress.say(`it listens on port ${fixedPort} in every environment, so the scenarios are played one by one`)
  }
  const verdicts = yield* Effect.forEach(
    chosen,
    (scenario) =>
      progress
        .begin(scenario.name)
        .pipe(Effect.andThen(Play.play(scenario, { ...stage, port: fixedPort }, traits)), Effect.tap(progress.done)),
    { concurrency: fixedPort === undefined ? jobs : 1 }
  )
  return { traits, verdicts }
})

const work = Effect.fnUntraced(function* (input: Input) {
  const terminal = yield* Terminal.make
  const { chosen, stage } = yield* prepare(input, terminal)
  if (stage === undefined) {
    for (const { basis, name, title } of chosen)
      yield* terminal.print(`${name.padEnd(30)}  ${basis.padEnd(11)}  ${title}`)
    return
  }
  const progress = yield* Progress.make(terminal, chosen.length)
  const ended = Effect.flatMap(terminal.ended, () => {
    process.exitCode = 1
    return UserError.fail("the run was ended before all scenarios were played, and no report was written")
  })
  const { traits, verdicts } = yield* Effect.raceFirst(playAll(chosen, stage, input.jobs, progress), ended)
  yield* progress.clear
  for (const line of ConformText.details(verdicts)) yield* terminal.print(line)
  yield* terminal.print(`\n${LogLine.printable(stage.target.path)}: ${ConformText.counts(verdicts)}`)
  const isFailure = failing(input.failOn)
  yield* ConformReports.write(input, stage.target.path, traits, verdicts, isFailure)
  for (const path of [input.report, input.junit, input.json].flatMap(Option.toArray)) {
    yield* terminal.print(`report: ${path}`)
  }
  if (verdicts.some(isFailure)) process.exitCode = 1
})

export const run = (input: Input) => Effect.scoped(work(input))
