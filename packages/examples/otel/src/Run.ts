/** The layer beside an instrumented function in the emulator, with the freeze on, and a backend on this machine. */
import { Emulator, Journal } from "@effect-lambda/emulator"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import * as Backend from "./Backend.ts"

export interface RunOptions {
  readonly invocations: number
  /** The lines of log that each invocation writes in a loop. */
  readonly lines: number
  /** X-Ray on the function. */
  readonly tracing?: Emulator.TracingMode
  /** How the SDK of the function finds its trace; `none`: the function has no SDK. Default: `tracecontext`. */
  readonly propagator?: "tracecontext" | "xray-lambda" | "none"
  /** During how many invocations the backend answers 503 at first. Default: 0. */
  readonly failing?: number
  /** During how many invocations after those it takes everything, and closes without an answer. Default: 0. */
  readonly unanswered?: number
  /** The port on which the layer listens for the SDK. Default: that of OTLP. */
  readonly port?: number
  /** The program of the extension. Default: its source. */
  readonly program?: string
  /** Further variables of the function. */
  readonly environment?: Readonly<Record<string, string>>
  /** How long init, and each invocation, may take. Default: 10 seconds. */
  readonly timeout?: Duration.Input
  /** Called after each invocation. */
  readonly onInvocation?: (invocation: number, status: string, backend: Backend.Backend) => Effect.Effect<void>
}

const root = join(import.meta.dirname, "..")
const layer = join(root, "../../otel")

/** Loads the SDK before the function, as OpenTelemetry's documents say. */
const sdk = (propagator: string) => ({
  NODE_OPTIONS: `--require ${join(root, "function/instrument.cjs")}`,
  OTEL_PROPAGATORS: propagator,
  OTEL_METRICS_EXPORTER: "otlp",
  OTEL_LOGS_EXPORTER: "none",
  // Without active tracing the header of X-Ray says Sampled=0, and the default sampler would obey.
  OTEL_TRACES_SAMPLER: "always_on"
})

/** Runs the environment from init to SHUTDOWN; what the backend has, the journal, and the log of the extension. */
export const run = Effect.fnUntraced(function* (options: RunOptions) {
  const { invocations, lines, onInvocation, port = 4318, propagator = "tracecontext", tracing } = options
  const {
    environment,
    failing = 0,
    program = join(layer, "src/main.ts"),
    timeout = "10 seconds",
    unanswered = 0
  } = options
  let invocation = 0
  const backend = yield* Backend.make(() =>
    invocation <= failing ? 503 : invocation <= failing + unanswered ? "unanswered" : 200
  )
  const emulator = yield* Emulator.make({
    functionName: "shop",
    extensions: [program],
    function: {
      handler: join(root, "function/index.cjs"),
      ...(propagator === "none" ? undefined : { environment: sdk(propagator) })
    },
    environment: {
      AWS_LAMBDA_EXEC_WRAPPER: join(layer, "layer/otel-wrapper"),
      EFFECT_LAMBDA_OTLP_ENDPOINT: backend.url,
      EFFECT_LAMBDA_OTLP_RECEIVER_PORT: String(port),
      OTEL_SERVICE_NAME: "shop",
      ...environment
    },
    logFormat: "json",
    timeout,
    initTimeout: timeout,
    freeze: true,
    ...(tracing === undefined ? undefined : { tracing })
  })
  const requestIds: Array<string> = []
  for (invocation = 1; invocation <= invocations; invocation++) {
    const { requestId } = yield* emulator.invoke(JSON.stringify({ invocation, lines }))
    requestIds.push(requestId)
    const done = yield* emulator.journal.waitFor(
      Journal.is("InvocationDone", (entry) => entry.requestId === requestId),
      Duration.times(Duration.fromInputUnsafe(timeout), 2)
    )
    if (onInvocation !== undefined) yield* onInvocation(invocation, done.status, backend)
  }
  yield* emulator.shutdown()
  const entries = yield* emulator.journal.entries
  const output = entries
    .filter(Journal.is("Output", ({ source }) => source === "extension:main.ts"))
    .map(({ line }) => line)
  return { requestIds, entries, output, backend }
})
