/**
 * `npm run start:telemetry`: the extension beside a chatty function in the emulator, with the freeze on, and a local
 * endpoint that takes the records. `--failing 2` lets the endpoint answer 500 for the first two invocations.
 */
import { Emulator, Journal } from "@effect-lambda/emulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { join } from "node:path"
import * as Receiver from "./Receiver.ts"

class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const start = Command.make(
  "npm run start:telemetry --",
  {
    invocations: Flag.Int("invocations").pipe(
      Flag.withDescription("How often the function is invoked before SHUTDOWN, 1 to 1000"),
      Flag.withSchema(between(1, 1000)),
      Flag.withDefault(5)
    ),
    lines: Flag.Int("lines").pipe(
      Flag.withDescription("How many lines each invocation logs, 0 to 10000"),
      Flag.withSchema(between(0, 10_000)),
      Flag.withDefault(200)
    ),
    failing: Flag.Int("failing").pipe(
      Flag.withDescription("During how many invocations the endpoint answers 500 at first, 0 to 1000"),
      Flag.withSchema(between(0, 1000)),
      Flag.withDefault(0)
    )
  },
  Effect.fnUntraced(function* ({ failing, invocations, lines }) {
    let invocation = 0
    const receiver = yield* Receiver.make(() => ({ status: invocation <= failing ? 500 : 200 }))
    const emulator = yield* Emulator.make({
      extensions: [join(import.meta.dirname, "telemetry-ship.ts")],
      function: { command: [join(import.meta.dirname, "../function/function.mjs")] },
      environment: { TELEMETRY_URL: receiver.url },
      freeze: true
    })
    for (invocation = 1; invocation <= invocations; invocation++) {
      const { requestId } = yield* emulator.invoke(JSON.stringify({ invocation, lines }))
      const done = yield* emulator.journal.waitFor(
        Journal.is("InvocationDone", (entry) => entry.requestId === requestId)
      )
      yield* Console.log(
        `invocation ${invocation}: ${done.status}; the endpoint has ${receiver.accepted().length} records`
      )
    }
    yield* emulator.shutdown()

    const accepted = receiver.accepted()
    const types = new Map<string, number>()
    for (const line of accepted) {
      const { type } = JSON.parse(line)
      types.set(type, (types.get(type) ?? 0) + 1)
    }
    yield* Console.log(`the endpoint has ${accepted.length} records in ${receiver.batches.length} requests:`)
    for (const [type, count] of [...types].toSorted()) yield* Console.log(`  ${String(count).padStart(6)} ${type}`)
    const output = (yield* emulator.journal.entries)
      .filter(Journal.is("Output"))
      .filter(({ source }) => source === "extension:telemetry-ship.ts")
      .map(({ line }) => JSON.parse(line).message)
    yield* Console.log(output.findLast((message) => message.startsWith("telemetry: ")) ?? "no accounting")

    const logged = accepted.filter((line) => /invocation \d+, line/.test(line)).length
    if (logged !== invocations * lines) {
      return yield* new Failed({ message: `${invocations * lines - logged} lines of the function are missing` })
    }
    yield* Console.log("every line of the function has arrived")
  }, Effect.scoped)
).pipe(Command.withDescription("Ships the telemetry of a chatty function to a local endpoint"))

Command.run(start, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
