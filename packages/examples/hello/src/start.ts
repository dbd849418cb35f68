/** `npm start`: the hello extension and a function as real processes in the emulator, with a timeline. */
import { Emulator, Journal, Timeline } from "@effect-lambda/emulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { join } from "node:path"

class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))

const start = Command.make(
  "npm start --",
  {
    invocations: Flag.Int("invocations").pipe(
      Flag.withDescription("How often the function is invoked before SHUTDOWN, 1 to 1000"),
      Flag.withSchema(Count),
      Flag.withDefault(3)
    )
  },
  Effect.fnUntraced(function* ({ invocations }) {
    const emulator = yield* Emulator.make({
      extensions: [join(import.meta.dirname, "hello.ts")],
      function: { command: [join(import.meta.dirname, "../function/function.mjs")] }
    })
    const timeline = Timeline.make({ names: ["hello.ts"] })
    yield* Console.log(timeline.header)
    const printed = yield* Effect.forkChild(
      Stream.takeUntil(emulator.journal.stream, Journal.is("ShutdownEnded")).pipe(
        Stream.runForEach((entry) => Console.log(timeline.render(entry)))
      )
    )
    for (let number = 1; number <= invocations; number++) {
      const { requestId } = yield* emulator.invoke(JSON.stringify({ name: `world ${number}` }))
      yield* emulator.journal.waitFor(Journal.is("InvocationDone", (done) => done.requestId === requestId))
    }
    yield* emulator.shutdown()
    yield* Fiber.join(printed)
    const entries = yield* emulator.journal.entries
    const failed = entries.filter(
      (entry) =>
        (entry._tag === "InvocationDone" && entry.status !== "success") ||
        (entry._tag === "ProcessExited" && entry.state !== undefined && entry.state !== "Exited")
    )
    if (failed.length > 0) return yield* new Failed({ message: `${failed.length} things went wrong, see above` })
    yield* Console.log(`${invocations} invocations, everything ended well`)
  }, Effect.scoped)
).pipe(Command.withDescription("Runs the hello extension beside a function in the emulator"))

Command.run(start, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
