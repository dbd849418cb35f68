/**
 * For each scenario an extension that does it right, and a twin of it that does a single thing wrong. A scenario that
 * cannot tell them apart says nothing about any extension.
 */
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { chatty } from "../../src/conform/Conform.ts"
import type { Status } from "../../src/conform/play/Judgement.ts"
import * as Play from "../../src/conform/play/Play.ts"
import type { Scenario } from "../../src/conform/play/Scenario.ts"
import * as Target from "../../src/conform/play/Target.ts"
import * as Traits from "../../src/conform/Traits.ts"

type File = "twin.mjs" | "twin.py" | "twin.sh"

export interface Pair {
  readonly scenario: string
  readonly file: File
  /** The value of `TWIN`: the mistake of the bad twin. */
  readonly mistake: string
  /** The verdict of the bad twin. Default: `fail`. */
  readonly expected?: Status
}

export const pairs: ReadonlyArray<Pair> = [
  { scenario: "next/returns", file: "twin.mjs", mistake: "no-next" },
  { scenario: "next/lost-poll", file: "twin.mjs", mistake: "exit-at-lost-poll" }
]

const stageOf = (target: Target.Target, environment: Readonly<Record<string, string>>): Play.Stage => ({
  target,
  handler: chatty,
  environment,
  sinkVariables: ["TWIN_SINK"],
  tls: undefined,
  seed: 1
})

/** The verdict of the scenario about a twin. A twin with a mistake has its first run too, as any target has. */
const verdictOf = Effect.fnUntraced(function* (scenario: Scenario, file: File, mistake: string | undefined) {
  const target = yield* Target.open(join(import.meta.dirname, "twins", file))
  const stage = stageOf(target, mistake === undefined ? {} : { TWIN: mistake })
  const { traits } = yield* Traits.learn(stage)
  return yield* Play.play(scenario, stage, traits)
}, Effect.scoped)

/** Both verdicts of a pair. */
export const play = (scenario: Scenario, { file, mistake }: Pair) =>
  Effect.all({ good: verdictOf(scenario, file, undefined), bad: verdictOf(scenario, file, mistake) })
