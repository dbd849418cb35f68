import { Otel, Redaction } from "@effect-lambda/otel"

// Logs that are not sent. `minimumSeverity`, `excludeTypes` and `excludeNames` are other conditions.
const isKept = Redaction.filter({ excludePatterns: [/^health check/] })

// Values that never leave the environment, in logs of JSON and in plain lines.
const redact = Redaction.redact({
  mask: ["password", "authorization", "*token*"],
  patterns: [Redaction.patterns.bearer, Redaction.patterns.jwt]
})

/** Sends traces, metrics and logs to the backend that the variables name, before Lambda freezes the environment. */
export const otel = Otel.make({
  prepare: (event) => (isKept(event) ? redact(event) : undefined)
})
