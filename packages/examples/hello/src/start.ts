/**
 * `npm start`: the hello extension and a function as real processes in the emulator, with a timeline, a summary, and a page
 * to look at.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import { join } from "node:path"
import process from "node:process"

class Failed extends Schema.TaggedError<Failed>()("Failed", { message: Schema.String }) {}

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))

const here = (path: string) => join(import.meta.dirname, path)

/** Runs `effect-lambda`, with this terminal as its own. */
const effectLambda = (...args: ReadonlyArray<string>) =>
  Effect.callback<void, Failed>((resume) => {
    const bin = here("../node_modules/@effect-lambda/cli/bin/effect-lambda.mjs")
    const child = spawn(process.execPath, [bin, ...args], { stdio: "inherit" })
    child.on("error", ({ message }) => resume(new Failed({ message })))
    child.on("exit", (code) =>
      resume(code === 0 ? Effect.void : new Failed({ message: "things went wrong, see above" }))
    )
    // The command shuts its environment down. SIGHUP beside the SIGINT of the terminal does not hurry it, as SIGTERM would.
    return Effect.callback<void>((ended) => {
      child.on("exit", () => ended(Effect.void))
      child.kill("SIGHUP")
    })
  })

const start = Command.make(
  "npm start --",
  {
    invocations: Flag.Int("invocations").pipe(
      Flag.withDescription("How often the function is invoked before SHUTDOWN, 1 to 1000"),
      Flag.withSchema(Count),
      Flag.withDefault(3)
    )
  },
  ({ invocations }) => {
    const programs = ["--extensions", here("hello.ts"), "--bootstrap", here("../function/function.mjs")]
    const input = ["--invocations", String(invocations), "--payload", '{"name":"world"}']
    return effectLambda("emulate", ...programs, ...input, "--report", here("../dist/run.html"))
  }
).pipe(Command.withDescription("Runs the hello extension beside a function in the emulator"))

Command.run(start, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
