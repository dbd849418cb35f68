/** Plays one scenario in an environment that nothing else uses, and judges it. Nothing of it is left at the end. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EmulatorError } from "@effect-lambda/emulator/EmulatorError"
import * as Fault from "@effect-lambda/emulator/Fault"
import type { FunctionOptions } from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Limits from "@effect-lambda/emulator/Limits"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Result from "effect/Result"
import * as NodePath from "node:path"
import process from "node:process"
import * as Blackhole from "./Blackhole.ts"
import * as Doubt from "./Doubt.ts"
import * as Judgement from "./Judgement.ts"
import * as Kept from "./Kept.ts"
import * as ListeningPorts from "./ListeningPorts.ts"
import * as Needs from "./Needs.ts"
import * as Observe from "./Observe.ts"
import * as Replay from "./Replay.ts"
import { PlayError, type Run, type Scenario, type Settings, type Setup, type Traits } from "./Scenario.ts"
import * as Sink from "./Sink.ts"
import * as SinkVariable from "./SinkVariable.ts"
import * as Starvation from "./Starvation.ts"
import * as StarvationWatch from "./StarvationWatch.ts"
import type { Target } from "./Target.ts"
import type { Verdict } from "./Verdict.ts"

/**
 * The parts that all scenarios of a target share.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stage {
  readonly target: Target
  /** The file with the handler. */
  readonly handler: string
  readonly environment: Readonly<Record<string, string>>
  /** The variables that name the sink. */
  readonly sinkVariables: ReadonlyArray<SinkVariable.SinkVariable>
  readonly tls: { readonly key: string; readonly cert: string } | undefined
  readonly seed: number
  readonly settings: Settings
  /** The port that the target listens on in every environment. */
  readonly port?: number | undefined
}

/** The size of `/tmp` on Lambda, where this machine permits a private one. */
const tmpMegabytes = 512

/**
 * The function's timeout of a scenario that names none. It is longer than Lambda's default, so that a busy machine has the
 * time for an init inside an invocation.
 */
const defaultTimeout: Duration.Input = "10 seconds"

/** The limit of a scenario that names none: an init that fails, and an invocation with another one. */
const defaultLimit: Duration.Input = "60 seconds"

/** Time for the end of the processes, behind the limit of a scenario. */
const releaseLimit: Duration.Input = "10 seconds"

const explain = ({ reason }: EmulatorError): PlayError => new PlayError({ message: reason.message })

const functionOf = ({ handler }: Stage, { functionInit }: Setup): FunctionOptions => ({
  handler,
  ...(functionInit === undefined ? undefined : { environment: { CONFORM_INIT: JSON.stringify(functionInit) } })
})

const runOf = (
  emulator: Emulator.Emulator["Service"],
  limit: Duration.Input,
  target: Target,
  rest: Pick<Run, "sink" | "traits">
): Run => {
  const waitFor: Run["waitFor"] = (tag, condition) =>
    Effect.mapError(emulator.journal.waitFor(Journal.is(tag, condition), limit), explain)
  const names = target.files.map((file) => NodePath.basename(file))
  const starved = new Map<string, number>()
  const starvation = Effect.map(emulator.journal.entries, (entries) => ({
    extensions: Starvation.look(names.flatMap((name) => Observe.processOf(entries, name)?.pid ?? [])),
    // The platform and the sink are in this process: an extension waits for them when they wait for a processor.
    own: Starvation.look([process.pid])
  }))
  return {
    ...rest,
    emulator,
    waitFor,
    invoke: Effect.fnUntraced(function* (command = {}) {
      const before = yield* starvation
      const { requestId } = yield* Effect.mapError(emulator.invoke(JSON.stringify(command)), explain)
      const invoked = yield* waitFor("InvocationDone", (done) => done.requestId === requestId)
      const after = yield* starvation
      const ownMs = Starvation.between(before.own, after.own)
      starved.set(requestId, Starvation.between(before.extensions, after.extensions) + ownMs)
      return invoked
    }),
    held: ({ extensionOverheadMs, requestId }) => ({
      leastMs: Math.max(0, extensionOverheadMs - (starved.get(requestId) ?? 0)),
      mostMs: extensionOverheadMs
    }),
    names,
    shutdown: emulator.shutdown().pipe(
      Effect.timeoutOrElse({
        duration: releaseLimit,
        orElse: () => Effect.fail(new PlayError({ message: "the environment did not end" }))
      })
    ),
    entries: emulator.journal.entries
  }
}

/** The conceivable does not fail an extension, also if it was not over in time. */
const notOver = (scenario: Scenario, { message }: PlayError): Judgement.Judgement =>
  (scenario.basis === "conceivable" ? Judgement.warn : Judgement.fail)(
    `the scenario did not come to its end: ${message}`
  )

/** A fault as it was written, and as it is in the journal each time that it strikes. */
const faultsOf = (texts: ReadonlyArray<string>) =>
  Effect.forEach(texts, (text) =>
    Effect.fromResult(Fault.parse(text)).pipe(
      Effect.mapBoth({ onFailure: explain, onSuccess: (fault) => ({ text, fault }) })
    )
  )

const notPlayed = (judgement: Judgement.Judgement): Replay.Played => ({
  doubtMs: undefined,
  judgement,
  journal: [],
  sink: Sink.noCounts,
  notes: []
})

/** The URL with this name of the host, if there is one. */
const namedUrl = (url: string, host: string | undefined): string =>
  host === undefined ? url : url.replace(/\/\/[^:]+/, `//${host}`)

/** A limit that the scenario needs, and that this machine does not permit. */
const refusalOf = Effect.fnUntraced(function* ({ limits }: Setup) {
  if (limits === undefined) return undefined
  const [refusal] = (yield* Limits.permitted(limits)).refusals
  return (
    refusal &&
    Judgement.notTestable(`this machine does not permit the limit that it needs: ${refusal.limit}, ${refusal.said}`)
  )
})

/** Waits until no other program of this machine listens on the port, such as the environment of another run. */
const waitForPort = (port: number) =>
  ListeningPorts.isTaken(port).pipe(
    Effect.filterOrFail(
      (isTaken) => !isTaken,
      () => new PlayError({ message: `another program of this machine listens on port ${port}` })
    ),
    Effect.retry({ schedule: Schedule.spaced("200 millis"), times: 75 })
  )

const playNow = Effect.fnUntraced(function* (scenario: Scenario, stage: Stage, traits: Traits) {
  const setup = scenario.setup?.(stage.settings, traits) ?? {}
  for (const port of [stage.port, setup.options?.port]) if (port !== undefined) yield* waitForPort(port)
  const refused = yield* refusalOf(setup)
  if (refused !== undefined) return notPlayed(refused)
  const limit = Duration.fromInputUnsafe(scenario.limit ?? defaultLimit)
  const sink = yield* Sink.make({ ...(setup.sink && { behaviour: setup.sink }), ...(stage.tls && { tls: stage.tls }) })
  const url = setup.isBlackholed === true ? yield* Blackhole.make : namedUrl(sink.url, setup.sinkHost)
  const sinkVariables = SinkVariable.environment([...stage.sinkVariables, ...(setup.sinkVariables ?? [])], url)
  const faults = yield* faultsOf(setup.faults ?? [])
  const made = yield* Emulator.make({
    freeze: true,
    wire: true,
    seed: stage.seed,
    timeout: defaultTimeout,
    ...setup.options,
    // A file that another scenario has left in /tmp would decide about this one, and a target may fill the disk.
    limits: { tmp: tmpMegabytes, ...setup.options?.limits, ...setup.limits },
    faults: faults.map(({ fault }) => fault),
    extensions: stage.target.beside(setup.neighbours ?? []),
    function: functionOf(stage, setup),
    environment: { EFFECT_LAMBDA_NODE: process.execPath, ...stage.environment, ...sinkVariables, ...setup.environment }
  }).pipe(Effect.result)
  if (Result.isFailure(made)) {
    const { reason } = made.failure
    if (reason._tag !== "PortUnavailable") return yield* explain(made.failure)
    return notPlayed(Judgement.notTestable(`the scenario needs a port of this machine: ${reason.message}`))
  }
  const emulator = made.success
  const watch = yield* StarvationWatch.make(
    Effect.map(emulator.journal.entries, (entries) =>
      entries.filter(Journal.is("ProcessStarted")).flatMap(({ pid }) => pid ?? [])
    )
  )
  const judgement: Judgement.Judgement = yield* scenario
    .play(runOf(emulator, limit, stage.target, { sink, traits }))
    .pipe(
      Effect.timeoutOrElse({
        duration: limit,
        orElse: () => Effect.fail(new PlayError({ message: `its ${Duration.format(limit)} were over` }))
      }),
      Effect.catch((error) => Effect.succeed(notOver(scenario, error)))
    )
  yield* Effect.timeoutOption(emulator.shutdown(), releaseLimit)
  const journal = yield* emulator.journal.entries
  const struck = new Set(journal.flatMap((entry) => (entry._tag === "FaultInjected" ? [entry.fault] : [])))
  const idle = faults.flatMap(({ fault, text }) => (struck.has(fault) ? [] : [`the fault ${text} never struck`]))
  const wanted = Object.keys(setup.options?.limits ?? {})
  const missing = emulator.notes.filter((note) => wanted.some((limit) => note.startsWith(`limits.${limit} `)))
  const timeout = Duration.toMillis(Duration.fromInputUnsafe(setup.options?.timeout ?? defaultTimeout))
  const doubtMs = Doubt.of(judgement, journal, { timeout, init: emulator.initTimeoutMs }, watch)
  const kept = Kept.of(journal, judgement.at)
  const notes = [...idle, ...missing, ...kept.notes]
  return { doubtMs, judgement, journal: kept.journal, sink: yield* sink.counts, notes }
})

/** Plays the scenario if the target has what it needs. */
export const play = Effect.fnUntraced(function* (scenario: Scenario, stage: Stage, traits: Traits) {
  const lacking = Needs.lacking(scenario, traits)
  const once =
    lacking === undefined
      ? Effect.scoped(playNow(scenario, stage, traits)).pipe(
          // An environment that cannot be started here says nothing about the target.
          Effect.catchTag("PlayError", ({ message }) =>
            Effect.succeed(notPlayed(Judgement.notTestable(`the environment could not be started: ${message}`)))
          )
        )
      : Effect.succeed(notPlayed(lacking))
  const [took, { doubtMs: _, ...played }] = yield* Effect.timed(
    scenario.isTimeless === true ? once : Replay.settle(once)
  )
  const millis = lacking === undefined ? Math.round(Duration.toMillis(took)) : 0
  const verdict: Verdict = { scenario, millis, ...played }
  return verdict
})
