/** The bounds and times among the options of telemetry: a value that would lose every record in silence is refused. */
import * as Duration from "effect/Duration"
import type { FlushOptions } from "../../FlushStrategy.ts"
import type { ReceiverOptions } from "../../TelemetrySubscription.ts"

/** The options of sinks, or of a stream, which has fewer. */
interface Given extends FlushOptions, ReceiverOptions {
  readonly exportTimeout?: Duration.Input | undefined
  readonly longestRest?: Duration.Input | undefined
}

/** The first option with a value that cannot be, and what it takes: a sentence without its full stop. */
export const whyNoBounds = (options: Given): string | undefined => {
  const { batch, exportTimeout, flushTimeout, grace, longestRest, maxBodyBytes, queue, quiet } = options
  const counts = {
    "batch.maxRecords": batch?.maxRecords,
    "batch.maxBytes": batch?.maxBytes,
    "queue.maxRecords": queue?.maxRecords,
    "queue.maxBytes": queue?.maxBytes,
    maxBodyBytes
  }
  for (const [name, count] of Object.entries(counts)) {
    if (count !== undefined && !(count >= 1)) return `the option ${name} is ${count}: it takes 1 or more`
  }
  const durations = { "batch.maxAge": batch?.maxAge, exportTimeout, flushTimeout, grace, longestRest, quiet }
  for (const [name, duration] of Object.entries(durations)) {
    const millis = duration === undefined ? 0 : Duration.toMillis(duration)
    if (!(millis >= 0)) return `the option ${name} is ${millis} ms: it takes no negative time`
  }
  return undefined
}
