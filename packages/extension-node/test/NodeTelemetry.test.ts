import { TelemetryTest } from "@effect-lambda/extension"
import { NodeTelemetry } from "@effect-lambda/extension-node"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sink-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

it.live("fileSink appends ndjson", () =>
  Effect.gen(function* () {
    const path = join(yield* temporary, "telemetry.ndjson")
    const sink = yield* NodeTelemetry.fileSink(path)
    yield* sink.export({ id: "1", events: [TelemetryTest.log("a"), TelemetryTest.log("b")] })
    yield* sink.export({ id: "2", events: [TelemetryTest.log("c")] })
    const records = readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line): string => JSON.parse(line).record)
    assert.deepStrictEqual(records, ["a\n", "b\n", "c\n"])
  })
)

it.live("fileSink says where it cannot write, and that it may pass", () =>
  Effect.gen(function* () {
    const sink = yield* NodeTelemetry.fileSink("/no/such/folder/telemetry.ndjson")
    const error = yield* Effect.flip(sink.export({ id: "1", events: [TelemetryTest.log("a")] }))
    assert.include(error.message, "/no/such/folder/telemetry.ndjson")
    assert.isTrue(error.isRetryable)
  })
)
