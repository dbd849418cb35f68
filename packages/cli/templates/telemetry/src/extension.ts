import { FlushStrategy, Telemetry, TelemetrySink } from "@effect-lambda/extension"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"

// TELEMETRY_URL is a variable of the function, which extensions share. If it is not set, the records go to the extension's
// own log.
const sink = Effect.gen(function* () {
  const url = yield* Config.String("TELEMETRY_URL").pipe(Config.withDefault(undefined))
  if (url === undefined) {
    yield* Effect.logWarning("TELEMETRY_URL is not set: all records go to this log, which CloudWatch bills")
    return yield* TelemetrySink.console
  }
  return yield* TelemetrySink.http({ url, gzip: true })
})

/** Ships every record at the end of its invocation, before Lambda freezes the environment. */
export const telemetry = Telemetry.make({
  types: ["platform", "function"],
  sink,
  strategy: FlushStrategy.endOfInvocation
})
