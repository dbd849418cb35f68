/**
 * `npm run start:otel`: the layer beside a function with OpenTelemetry's SDK in the emulator, with the freeze on, and a
 * backend that decodes with the definitions of OpenTelemetry. The command prints the traces, the metrics, and what became of all.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Report from "./Report.ts"
import * as Run from "./Run.ts"

class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const start = Command.make(
  "npm run start:otel --",
  {
    invocations: Flag.Int("invocations").pipe(
      Flag.withDescription("How often the function is invoked before SHUTDOWN, 1 to 1000"),
      Flag.withSchema(between(1, 1000)),
      Flag.withDefault(3)
    ),
    lines: Flag.Int("lines").pipe(
      Flag.withDescription("How many lines each invocation logs in a loop, 0 to 10000"),
      Flag.withSchema(between(0, 10_000)),
      Flag.withDefault(3)
    ),
    failing: Flag.Int("failing").pipe(
      Flag.withDescription("During how many invocations the backend answers 503 at first, 0 to 1000"),
      Flag.withSchema(between(0, 1000)),
      Flag.withDefault(0)
    ),
    tracing: Flag.Literals("tracing", ["PassThrough", "Active"]).pipe(
      Flag.withDescription("The X-Ray tracing of the function, as in its configuration on Lambda"),
      Flag.withDefault("PassThrough")
    ),
    propagator: Flag.Literals("propagator", ["tracecontext", "xray-lambda", "none"]).pipe(
      Flag.withDescription("How the SDK of the function finds its trace; with none the function has no SDK"),
      Flag.withDefault("tracecontext")
    )
  },
  Effect.fnUntraced(function* (input) {
    const { backend, output, requestIds } = yield* Run.run({
      ...input,
      onInvocation: (invocation, status, { logs, points, spans }) =>
        Console.log(
          `invocation ${invocation}: ${status}; the backend has ${spans.length} spans, ${points.length} points of metrics, ${logs.length} logs`
        )
    })
    yield* Console.log(
      ["", ...Report.trees(backend.spans, backend.logs), ...Report.table(backend.points), ""].join("\n")
    )
    for (const line of output.filter((text) => text.includes("telemetry: "))) yield* Console.log(Report.messageOf(line))

    const servers = backend.spans.filter(({ kind }) => kind === "SERVER")
    if (servers.length !== requestIds.length) {
      return yield* new Failed({ message: `${requestIds.length} invocations have ${servers.length} SERVER spans` })
    }
    const unjoined = backend.logs.filter(
      ({ spanId }) => spanId !== "" && !backend.spans.some((span) => span.spanId === spanId)
    )
    if (unjoined.length > 0) {
      return yield* new Failed({ message: `${unjoined.length} logs name a span that the backend does not have` })
    }
    yield* Console.log("each invocation has one SERVER span, and every log that names a span is joined to it")
  }, Effect.scoped)
).pipe(Command.withDescription("Sends the traces, metrics and logs of an instrumented function to a local backend"))

Command.run(start, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
