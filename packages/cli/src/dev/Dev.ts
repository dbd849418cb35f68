/** The work of `effect-lambda dev`, loaded when it is asked for. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import * as Build from "../build/Build.ts"
import * as BuildFlags from "../build/BuildFlags.ts"
import type { Bundle } from "../build/Bundle.ts"
import * as LlrtBinary from "../build/LlrtBinary.ts"
import * as ProjectFiles from "../build/ProjectFiles.ts"
import * as TrialRun from "../build/trial/TrialRun.ts"
import * as Watch from "./Watch.ts"
import * as EmulateInput from "../emulate/EmulateInput.ts"
import * as Environment from "../emulate/Environment.ts"
import * as OptFolder from "../emulate/OptFolder.ts"
import * as Summary from "../emulate/summary/Summary.ts"
import * as SummaryText from "../emulate/summary/SummaryText.ts"
import * as LayerFiles from "../layer/LayerFiles.ts"
import type { Positions } from "../layer/SourceMap.ts"
import * as FunctionVariables from "../project/FunctionVariables.ts"
import * as LayerConfig from "../project/LayerConfig.ts"
import * as Disk from "../shared/Disk.ts"
import * as Terminal from "../shared/Terminal.ts"
import type { Input } from "./DevFlags.ts"

export const run = Effect.fnUntraced(function* (input: Input) {
  const config = yield* LayerConfig.resolve(Option.getOrUndefined(input.entry), BuildFlags.llrtSetting(input.llrt))
  const variables = yield* FunctionVariables.resolve(config.env, input)
  yield* LayerConfig.checkVariables(variables)
  const functionOptions = yield* EmulateInput.functionOf(input)
  const terminal = yield* Terminal.make
  const folder = yield* Disk.temporaryFolder("effect-lambda-dev-")
  const layer = NodePath.join(folder, "opt")
  if (input.opt.length > 0) {
    yield* Disk.attempt(layer, () => Fs.mkdirSync(layer))
    yield* OptFolder.write(layer, input.opt)
  }
  const others = OptFolder.extensionNames(layer).filter((name) => name !== config.name)
  // Without a runtime in the layer, which would be copied at every change. Only LLRT shows what LLRT lacks, and it is small.
  const runtime = config.runtime === "llrt" ? "llrt" : "managed"
  const built = { ...config, env: variables, runtime } as const
  const runtimeFiles =
    runtime === "llrt" ? LlrtBinary.binaryFiles(config.name, yield* LlrtBinary.forThisMachine(config)) : []
  const outcomes = yield* Watch.make({
    config: built,
    others: ["handler" in functionOptions ? functionOptions.handler : functionOptions.command[0]],
    file: NodePath.join(folder, "bundle.cjs")
  })
  const tell = (style: Parameters<typeof Terminal.paint>[0], text: string) =>
    terminal.print(Terminal.paint(style, `dev: ${text}`))
  if (config.runtime !== runtime) {
    yield* tell("yellow", `runs on this Node ${process.version}; the layer of a build runs on ${config.runtime}`)
  }

  const summary = Summary.make({ memorySize: input.memory })
  const view: Environment.View = {
    terminal,
    names: [config.name, ...others],
    portFlag: "--invoke-port",
    format: input.logs ? "logs" : "timeline",
    onEntry: (entry) => Effect.sync(() => summary.add(entry))
  }
  let port = input.invokePort
  let positions: Positions | undefined
  let isBuilt = false
  let hasStarted = false
  let current: Effect.Success<ReturnType<typeof Environment.start>> | undefined

  const start = Effect.gen(function* () {
    current = yield* Environment.start(
      {
        extensions: input.opt.length === 0 ? { opt: layer } : { opt: layer, root: "if-permitted" },
        function: functionOptions,
        timeout: input.timeout * 1000,
        memorySize: input.memory,
        freeze: input.freeze,
        environment: { EFFECT_LAMBDA_NODE: process.execPath, ...variables },
        ...(Option.isSome(input.initType) ? { initType: input.initType.value } : undefined),
        logFormat: input.logFormat,
        invokeListen: { host: "127.0.0.1", port }
      },
      { ...view, positions, isAgain: hasStarted }
    )
    hasStarted = true
    // The next environment takes the port of the first one, so clients find it.
    port = Number(new URL(current.emulator.invokeEndpoint ?? "").port)
  })
  const end = Effect.gen(function* () {
    yield* current?.end ?? Effect.void
    current = undefined
  })

  /**
   * Succeeds with what is wrong with the program. Its trial run comes after the end of the old environment, whose ports it
   * may need. If the trial run fails, the old layer runs again.
   */
  const restart = Effect.fnUntraced(function* (bundle: Bundle) {
    const isFirst = current === undefined
    yield* end
    // The trial takes ten seconds if the program does not do what it should.
    yield* tell("bold", `${isFirst ? "" : "changed, "}trying the program once …`)
    const trial = yield* Effect.all([Build.trial(built, bundle), ProjectFiles.read(built)]).pipe(
      Effect.map(([tried, projectFiles]) => ({ ...tried, projectFiles })),
      Effect.result
    )
    if (Result.isSuccess(trial)) {
      const note = TrialRun.noteOf(trial.success)
      if (note !== undefined) yield* tell("yellow", note.replaceAll("\n", "\n  "))
      if (built.start === "eager") {
        for (const eagerNote of trial.success.eager.notes) yield* tell("yellow", eagerNote)
      }
      const files = [...Build.programFiles(built, trial.success), ...runtimeFiles, ...trial.success.projectFiles]
      yield* input.opt.length === 0 ? LayerFiles.writeDirectory(layer, files) : OptFolder.overlay(layer, files)
      isBuilt = true
      positions = bundle.positions
    }
    if (isBuilt) yield* start
    return Result.isFailure(trial) ? trial.failure.message : undefined
  })

  const onOutcome = Effect.fnUntraced(function* (outcome: Watch.Outcome) {
    if (outcome._tag === "Failed") return outcome.message
    for (const warning of outcome.warnings) yield* tell("yellow", warning)
    const isFirst = current === undefined
    const problem = yield* Effect.uninterruptible(restart(outcome.bundle))
    if (problem !== undefined || current === undefined) return problem
    const init = yield* current.emulator.journal.waitFor(Journal.is("InitEnded"), current.emulator.initTimeoutMs + 5000)
    if (init.status !== "success") {
      const ofInit = Summary.make()
      for (const entry of yield* current.emulator.journal.entries) ofInit.add(entry)
      const { functionFailures, problems } = ofInit.result()
      const why = [...problems, ...functionFailures.map((text) => `function: ${text}`)]
      yield* tell("red", `init failed (${init.status}), the next invoke tries again: ${why.join("; ")}`)
      return undefined
    }
    const millis = (yield* Clock.currentTimeMillis) - outcome.since
    yield* tell(
      "green",
      `bundled in ${Math.round(outcome.millis)} ms, ${isFirst ? "started" : "restarted"} in ${millis} ms; watching`
    )
    return undefined
  })

  const work = Effect.gen(function* () {
    let hasRun = false
    while (true) {
      const problem = yield* Queue.take(outcomes).pipe(
        Effect.flatMap(onOutcome),
        // A function or a port that cannot be used ends the command, but not in the middle of the work.
        Effect.catch((error) => (hasRun ? Effect.succeed(error.message) : Effect.fail(error)))
      )
      hasRun ||= current !== undefined
      if (problem === undefined) continue
      yield* tell("red", problem)
      yield* tell("red", current === undefined ? "nothing runs until the next change" : "the build before runs on")
    }
  })

  const outcome = yield* Effect.exit(Effect.raceFirst(work, terminal.ended))
  yield* end
  if (Exit.isSuccess(outcome)) yield* terminal.print(SummaryText.render(summary.result()))
  yield* outcome
}, Effect.scoped)
