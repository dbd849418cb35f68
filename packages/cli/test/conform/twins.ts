/**
 * For each scenario an extension that does it right, and a twin of it that does a single thing wrong. A scenario that
 * cannot tell them apart says nothing about any extension.
 */
import * as Effect from "effect/Effect"
import { join } from "node:path"
import type { Status } from "../../src/conform/play/Judgement.ts"
import * as Play from "../../src/conform/play/Play.ts"
import { chatty } from "../../src/conform/play/Programs.ts"
import type { Scenario } from "../../src/conform/play/Scenario.ts"
import * as Target from "../../src/conform/play/Target.ts"
import * as Traits from "../../src/conform/Traits.ts"

type File = "twin.mjs" | "twin.py" | "twin.sh"

export interface Pair {
  readonly scenario: string
  readonly file: File
  /** The value of `TWIN`: the mistake of the bad twin. */
  readonly mistake: string
  /** Variables of both twins. */
  readonly environment?: Readonly<Record<string, string>>
  /** The verdict of the bad twin. Default: `fail`. */
  readonly expected?: Status
}

export const pairs: ReadonlyArray<Pair> = [
  { scenario: "init/register-in-time", file: "twin.sh", mistake: "crash-at-init" },
  { scenario: "init/own-name", file: "twin.mjs", mistake: "wrong-name" },
  { scenario: "init/handled-events", file: "twin.mjs", mistake: "next-after-shutdown", expected: "warn" },
  { scenario: "init/unknown-fields", file: "twin.mjs", mistake: "strict-register", expected: "warn" },
  { scenario: "init/others-slow", file: "twin.mjs", mistake: "impatient-poll" },
  { scenario: "init/slow-register", file: "twin.mjs", mistake: "impatient-register", expected: "warn" },
  { scenario: "init/cpu", file: "twin.mjs", mistake: "burns", expected: "warn" },
  { scenario: "next/returns", file: "twin.py", mistake: "no-next" },
  { scenario: "next/held", file: "twin.mjs", mistake: "sleeps", expected: "warn" },
  { scenario: "next/freeze", file: "twin.mjs", mistake: "impatient-poll" },
  { scenario: "next/stale-connection", file: "twin.py", mistake: "exit-at-lost-poll", expected: "warn" },
  { scenario: "next/lost-poll", file: "twin.mjs", mistake: "exit-at-lost-poll" },
  { scenario: "next/reset", file: "twin.mjs", mistake: "exit-at-lost-poll", expected: "warn" },
  { scenario: "next/half-answer", file: "twin.mjs", mistake: "exit-at-lost-poll", expected: "warn" },
  { scenario: "next/status-500", file: "twin.mjs", mistake: "hang-at-500" },
  { scenario: "next/status-403", file: "twin.sh", mistake: "exit-at-403" },
  { scenario: "next/unknown-event", file: "twin.mjs", mistake: "strict-event", expected: "warn" },
  { scenario: "next/unknown-fields", file: "twin.mjs", mistake: "strict-fields", expected: "warn" },
  { scenario: "next/absurd-deadline", file: "twin.mjs", mistake: "trusts-deadline", expected: "warn" },
  { scenario: "next/no-tracing", file: "twin.mjs", mistake: "needs-tracing" },
  { scenario: "invoke/function-error", file: "twin.mjs", mistake: "exit-at-error" },
  { scenario: "invoke/function-timeout", file: "twin.mjs", mistake: "keeps-identifier" },
  { scenario: "invoke/function-crash", file: "twin.mjs", mistake: "needs-ok" },
  { scenario: "invoke/other-crash", file: "twin.mjs", mistake: "keeps-identifier" },
  { scenario: "invoke/new-identifier", file: "twin.mjs", mistake: "keeps-identifier" },
  { scenario: "shutdown/spindown", file: "twin.sh", mistake: "hang-at-shutdown", expected: "warn" },
  { scenario: "shutdown/timeout", file: "twin.py", mistake: "hang-at-shutdown", expected: "warn" },
  { scenario: "shutdown/failure", file: "twin.mjs", mistake: "exit-1-at-shutdown", expected: "warn" },
  { scenario: "shutdown/last-records", file: "twin.mjs", mistake: "forgets-last" },
  { scenario: "shutdown/in-flush", file: "twin.mjs", mistake: "forgets-last" },
  { scenario: "telemetry/subscribes-in-time", file: "twin.py", mistake: "subscribes-late" },
  { scenario: "telemetry/legal", file: "twin.mjs", mistake: "illegal-buffering" },
  { scenario: "telemetry/own-address", file: "twin.mjs", mistake: "binds-loopback" },
  {
    scenario: "telemetry/schema-2022-07-01",
    file: "twin.py",
    environment: { TWIN_SCHEMA: "2022-07-01" },
    mistake: "needs-object"
  },
  { scenario: "telemetry/schema-2022-12-13", file: "twin.mjs", mistake: "needs-text" },
  {
    scenario: "telemetry/schema-2025-01-29",
    file: "twin.mjs",
    environment: { TWIN_SCHEMA: "2025-01-29" },
    mistake: "strict-status"
  },
  { scenario: "telemetry/not-supported", file: "twin.py", mistake: "needs-telemetry" },
  { scenario: "telemetry/already-subscribed", file: "twin.mjs", mistake: "needs-ok" },
  { scenario: "telemetry/cut-batch", file: "twin.mjs", mistake: "no-join" },
  { scenario: "telemetry/half-batch", file: "twin.py", mistake: "exit-at-half", expected: "warn" },
  { scenario: "telemetry/unreadable-batch", file: "twin.mjs", mistake: "answers-500" },
  { scenario: "telemetry/thousand-lines", file: "twin.mjs", mistake: "small-queue" },
  { scenario: "telemetry/long-line", file: "twin.py", mistake: "no-join" },
  { scenario: "telemetry/json-format", file: "twin.py", mistake: "needs-text" },
  { scenario: "telemetry/not-utf8", file: "twin.py", mistake: "strict-utf8", expected: "warn" },
  { scenario: "telemetry/unknown-record", file: "twin.mjs", mistake: "strict-types", expected: "warn" },
  { scenario: "telemetry/logs-dropped", file: "twin.mjs", mistake: "ignores-dropped", expected: "warn" },
  { scenario: "telemetry/done-before-invoke", file: "twin.mjs", mistake: "forgets-done", expected: "warn" },
  { scenario: "telemetry/delivery-again", file: "twin.mjs", mistake: "doubles", expected: "info" },
  { scenario: "telemetry/answers-fast", file: "twin.py", mistake: "sends-in-listener", expected: "warn" },
  { scenario: "backend/down", file: "twin.mjs", mistake: "exits-without-backend" },
  { scenario: "backend/slow", file: "twin.mjs", mistake: "waits-for-backend", expected: "warn" },
  { scenario: "backend/hanging", file: "twin.mjs", mistake: "waits-for-backend" },
  { scenario: "backend/status-401", file: "twin.mjs", mistake: "takes-any-status" },
  { scenario: "backend/back-again", file: "twin.mjs", mistake: "drops-failed" },
  { scenario: "backend/connections-cut", file: "twin.mjs", mistake: "keeps-one-connection" },
  { scenario: "backend/blackholed-in-init", file: "twin.mjs", mistake: "asks-backend-in-init" },
  { scenario: "backend/dns-absent", file: "twin.mjs", mistake: "exits-without-backend" },
  { scenario: "backend/dns-slow", file: "twin.mjs", mistake: "waits-for-backend" },
  { scenario: "backend/down-for-200", file: "twin.mjs", mistake: "keeps-all" },
  { scenario: "backend/secret-throttled", file: "twin.mjs", mistake: "needs-secret" },
  { scenario: "environment/full-tmp", file: "twin.mjs", mistake: "needs-tmp" },
  { scenario: "environment/descriptors", file: "twin.mjs", mistake: "leaks-descriptors" },
  {
    scenario: "environment/function-calls-port",
    file: "twin.mjs",
    mistake: "answers-telemetry-only",
    expected: "warn"
  },
  { scenario: "environment/no-home", file: "twin.mjs", mistake: "needs-home" },
  { scenario: "environment/locale", file: "twin.mjs", mistake: "ignores-case" },
  { scenario: "environment/proxy", file: "twin.py", mistake: "obeys-proxy" },
  { scenario: "environment/node-options", file: "twin.sh", mistake: "starts-node" },
  { scenario: "init-type/snap-start", file: "twin.mjs", mistake: "needs-access-key" },
  { scenario: "init-type/provisioned", file: "twin.mjs", mistake: "impatient-poll" },
  { scenario: "managed/instance", file: "twin.mjs", mistake: "always-registers-invoke", expected: "warn" }
]

const stageOf = (target: Target.Target, environment: Readonly<Record<string, string>>): Play.Stage => ({
  target,
  handler: chatty,
  environment,
  sinkVariables: [{ name: "TWIN_SINK", value: "{url}" }],
  tls: undefined,
  seed: 1,
  settings: { longFreezeSeconds: 2 }
})

/** The verdict of the scenario about a twin. A twin with a mistake has its first run too, as any target has. */
const verdictOf = Effect.fnUntraced(function* (
  scenario: Scenario,
  { environment, file }: Pair,
  mistake: Readonly<Record<string, string>>
) {
  const target = yield* Target.open(yield* Target.find(join(import.meta.dirname, "twins", file)))
  const stage = stageOf(target, { ...environment, ...mistake })
  const traits = yield* Traits.learn(stage)
  return yield* Play.play(scenario, stage, traits)
}, Effect.scoped)

/** Both verdicts of a pair. */
export const play = (scenario: Scenario, pair: Pair) =>
  Effect.all({ good: verdictOf(scenario, pair, {}), bad: verdictOf(scenario, pair, { TWIN: pair.mistake }) })
