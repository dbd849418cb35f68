/** The verdicts as JSON. The schema is the document of the file; its version changes when a field changes its meaning. */
import * as Schema from "effect/Schema"
import * as Evidence from "./Evidence.ts"
import { statuses } from "./play/Judgement.ts"
import type { Traits } from "./play/Scenario.ts"
import type { Verdict } from "./play/Verdict.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/**
 * The file that `conform --json` writes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ConformReport = Schema.Struct({
  version: Schema.Literal("effect-lambda.conform/1"),
  /** The target as it was given. */
  target: Schema.String,
  /** The extensions that registered in the first run. */
  extensions: Schema.Array(Schema.String),
  events: Schema.Array(Schema.Literals(["INVOKE", "SHUTDOWN"])),
  /** The types of telemetry that it subscribed to. */
  telemetry: Schema.Array(Schema.String),
  /** Whether a scenario failed. */
  isFailed: Schema.Boolean,
  verdicts: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      title: Schema.String,
      status: Schema.Literals(statuses),
      sentence: Schema.String,
      /** How the behaviour of AWS is known. */
      basis: Schema.Literals(["seen", "documented", "conceivable"]),
      aws: Schema.String,
      protocol: Schema.String,
      advice: Schema.String,
      millis: Count,
      notes: Schema.Array(Schema.String),
      /** Lines of the timeline that show it. */
      evidence: Schema.Array(Schema.String),
      sink: Schema.Struct({ requests: Count, taken: Count, lines: Count })
    })
  )
})

const encode = Schema.encodeSync(ConformReport)

/** The file as text. */
export const render = (target: string, traits: Traits, verdicts: ReadonlyArray<Verdict>): string => {
  const report = encode({
    version: "effect-lambda.conform/1",
    target,
    extensions: traits.sources.map((source) => source.replace(/^extension:/, "")),
    events: traits.events,
    telemetry: [...new Set(traits.subscriptions.flatMap(({ types }) => types))],
    isFailed: verdicts.some(({ judgement }) => judgement.status === "fail"),
    verdicts: verdicts.map((verdict) => {
      const { advice, aws, basis, name, protocol, title } = verdict.scenario
      const { sentence, status } = verdict.judgement
      const { lines, requests, taken } = verdict.sink
      const { millis, notes } = verdict
      const evidence = Evidence.linesOf(verdict)
      const sink = { requests, taken, lines }
      return { name, title, status, sentence, basis, aws, protocol, advice, millis, notes, evidence, sink }
    })
  })
  return `${JSON.stringify(report, undefined, 2)}\n`
}
