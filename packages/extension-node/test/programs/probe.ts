/** An extension for the tests of runMain; `PROBE` says how it misbehaves. */
import { Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { spawn } from "node:child_process"

const probe = process.env.PROBE

const stuckFinalizer = Layer.effectDiscard(Effect.addFinalizer(() => Effect.never))

const environmentOfChild = Effect.callback<string>((resume) => {
  let text = ""
  const child = spawn("/usr/bin/env")
  child.stdout.on("data", (chunk: Uint8Array) => (text += String(chunk)))
  child.on("close", () => resume(Effect.succeed(text)))
})

Extension.run({
  layer: probe === "stuck-finalizer" ? stuckFinalizer : Layer.empty,
  onFailure: probe === "exit" ? "exit" : "continue",
  onInvoke: (event) => {
    switch (probe) {
      case "rejection":
        void Promise.reject(new Error("nobody listens"))
        return Effect.log(`handled ${event.requestId}`)
      case "exception":
        setImmediate(() => {
          throw new Error("nobody catches")
        })
        return Effect.log(`handled ${event.requestId}`)
      case "exit":
        return Effect.fail(new Error("closed"))
      case "process.exit":
        return Effect.sync(() => process.exit(3))
      case "child": {
        // Shows which variables of the hand-over this process and a child process see.
        const own = Object.keys(process.env).filter((name) => name.startsWith("EFFECT_LAMBDA"))
        return Effect.flatMap(environmentOfChild, (child) =>
          Effect.log(`hand-over: ${own.join()};${child.match(/^EFFECT_LAMBDA\w*/gm)?.join() ?? ""}`)
        )
      }
      case "unprintable":
        return Effect.log("before", {
          get secret(): string {
            throw new Error("not now")
          }
        }).pipe(Effect.andThen(Effect.log("the rest")))
      case "busy":
        // A handle that would keep the process alive for a day.
        setInterval(() => {}, 86_400_000)
        return Effect.log(`handled ${event.requestId}`)
      default:
        return Effect.log(`handled ${event.requestId}`)
    }
  },
  onShutdown: (event) => {
    // Timers of a process fire in the order of their times, on a busy machine too: the last resort comes before this one.
    setTimeout(() => process.stdout.write("the deadline has passed\n"), event.deadlineMs - Date.now()).unref()
    switch (probe) {
      case "stuck-shutdown":
        return Effect.uninterruptible(Effect.never)
      case "process.exit-shutdown":
        return Effect.sync(() => process.exit(0))
      case "chatty":
        // More than any pipe holds.
        return Effect.andThen(Console.log("x".repeat(4_000_000)), Effect.log("the last line"))
      default:
        return Effect.log(`shutdown ${event.shutdownReason}`)
    }
  }
}).pipe(NodeExtension.runMain)
