/** The verdicts as JSON. The schema is the document of the file; its version changes when a field changes its meaning. */
import * as Schema from "effect/Schema"
import * as ExtensionName from "../emulate/summary/ExtensionName.ts"
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
  target: Schema.String.annotate({ description: "The target as it was given" }),
  extensions: Schema.Array(Schema.String).annotate({ description: "The extensions that registered in the first run" }),
  events: Schema.Array(Schema.Literals(["INVOKE", "SHUTDOWN"])).annotate({
    description: "The events that they registered for"
  }),
  telemetry: Schema.Array(Schema.String).annotate({ description: "The types of telemetry that they subscribed to" }),
  isFailed: Schema.Boolean.annotate({ description: "Whether a verdict is fail" }),
  verdicts: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      title: Schema.String,
      status: Schema.Literals(statuses),
      sentence: Schema.String.annotate({ description: "What the extension did" }),
      basis: Schema.Literals(["seen", "documented", "conceivable"]).annotate({
        description: "How the behaviour of AWS is known"
      }),
      aws: Schema.String.annotate({ description: "The behaviour of AWS in this situation" }),
      protocol: Schema.String.annotate({ description: "The section of the protocol that says so" }),
      advice: Schema.String.annotate({ description: "The change that an extension needs which does not pass" }),
      millis: Count.annotate({ description: "How long the scenario took; 0 if it was not played" }),
      notes: Schema.Array(Schema.String).annotate({
        description: "Faults that never struck, and limits that the machine does not permit"
      }),
      evidence: Schema.Array(Schema.String).annotate({ description: "Lines of the timeline that show it" }),
      sink: Schema.Struct({ requests: Count, taken: Count, lines: Count }).annotate({
        description: "Requests to the sink, those it answered with 200, and the lines of the function in them"
      })
    })
  )
})

const encode = Schema.encodeSync(ConformReport)

/** The file as text. */
export const render = (target: string, traits: Traits, verdicts: ReadonlyArray<Verdict>): string => {
  const report = encode({
    version: "effect-lambda.conform/1",
    target,
    extensions: traits.sources.map(ExtensionName.of),
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
