/** The same with an extension in Go, for machines that have it: `npm run test:go`. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { run } from "../foreign.ts"
import { temporaryDirectory } from "../support.ts"

it.live("an extension in Go registers, subscribes, delivers what it is given, and ends in order", () =>
  Effect.gen(function* () {
    const opt = yield* temporaryDirectory
    const program = Path.join(opt, "extensions/go-telemetry")
    Fs.mkdirSync(Path.dirname(program))
    const cwd = Path.join(import.meta.dirname, "go-telemetry")
    const built = ChildProcess.spawnSync("go", ["build", "-o", program, "."], { cwd, encoding: "utf8" })
    assert.strictEqual(built.status, 0, built.stderr)
    yield* run({
      name: "go-telemetry",
      at: { opt },
      events: ["INVOKE", "SHUTDOWN"],
      subscription: /^telemetry 2022-12-13 platform,function http:\/\/sandbox\.localdomain:\d+/,
      brings: ["platform.start", "platform.runtimeDone", "platform.report"]
    })
  })
)
