import { LambdaEnvironment, TelemetrySink } from "@effect-lambda/extension"
import type { ReceiverOptions } from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import * as TelemetryReceiver from "@effect-lambda/extension/telemetry/TelemetryReceiver"
import { TelemetryTest } from "@effect-lambda/extension/testing"
import { NodeTelemetry } from "@effect-lambda/extension-node"
import { assert, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createConnection } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"

it.live.each<[string | undefined, Partial<ReceiverOptions>, number]>([
  ["128", {}, 8],
  ["256", {}, 16],
  ["10240", {}, 32],
  [undefined, {}, 32],
  ["", {}, 32],
  ["128", { queue: { maxRecords: 1000 } }, 8],
  ["128", { queue: { maxBytes: 2 * 2 ** 20 } }, 2]
])("a function of %s MB, options %j: %d MiB of memory at most", ([megabytes, options, mebibytes]) =>
  Effect.gen(function* () {
    const env = megabytes === undefined ? {} : { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: megabytes }
    const { accounting, events, port } = yield* TelemetryReceiver.make({
      types: ["platform", "function"],
      ...options,
      host: "127.0.0.1"
    }).pipe(
      Effect.provide(NodeTelemetry.layer),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
      Effect.provide(
        LambdaEnvironment.layer({ variables: { AWS_LAMBDA_RUNTIME_API: "127.0.0.1:1" }, extensionName: "a" })
      )
    )
    // Each record takes a mebibyte of memory, and the reader never gets beyond the first one.
    yield* Effect.forkScoped(
      Stream.runForEach(events, () => Effect.never),
      { startImmediately: true }
    )
    const body = JSON.stringify([TelemetryTest.log("a".repeat(2 ** 19 - 300))])
    for (let index = 0; index < 34; index++) {
      yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/`, { method: "POST", body }))
    }
    const { consumers } = yield* accounting
    assert.strictEqual(consumers[0]?.waiting, 1 + mebibytes)
    assert.strictEqual(consumers[0]?.droppedByQueue, 33 - mebibytes)
  })
)

it.live.each([1024, 65_536, 65_537, 2_000_000])("compresses a body of %d bytes", (length) =>
  Effect.gen(function* () {
    const gzip = (yield* TelemetrySink.CurrentGzip) ?? assert.fail("no gzip")
    const body = Buffer.alloc(length, "a line with an ł in it\n")
    assert.isTrue(gunzipSync(yield* gzip(body)).equals(body))
  }).pipe(
    Effect.provide(
      Layer.provide(
        NodeTelemetry.layer,
        LambdaEnvironment.layer({ variables: { AWS_LAMBDA_RUNTIME_API: "127.0.0.1:1" }, extensionName: "a" })
      )
    )
  )
)

// Each address of 127.0.0.0/8 is one of a Linux machine, and only 0.0.0.0 is all of them.
it.live.each([
  ["127.0.0.1:43210", {}, "ECONNREFUSED"],
  ["localhost:43210", {}, "ECONNREFUSED"],
  ["127.0.0.1:43210", { host: "0.0.0.0" }, "connected"],
  ["127.0.0.1:9001", {}, "connected"],
  ["169.254.100.1:9001", {}, "connected"]
] as const)(
  "with the Runtime API at %s and options %j the listener is, from another address, %s",
  ([api, options, result]) =>
    Effect.gen(function* () {
      const { port } = yield* TelemetryReceiver.make({ types: ["platform"], ...options }).pipe(
        Effect.provide(NodeTelemetry.layer),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: {} })),
        Effect.provide(LambdaEnvironment.layer({ variables: { AWS_LAMBDA_RUNTIME_API: api }, extensionName: "a" }))
      )
      const tried = yield* Effect.callback<string>((resume) => {
        const socket = createConnection({ host: "127.0.0.2", port }, () => {
          socket.destroy()
          resume(Effect.succeed("connected"))
        })
        socket.on("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code ?? error.message)))
      })
      assert.strictEqual(tried, result)
    })
)

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

it.live("fileSink has a batch in the file once, as whole lines, however often an attempt runs out of time", () =>
  Effect.gen(function* () {
    const path = join(yield* temporary, "telemetry.ndjson")
    const sink = yield* NodeTelemetry.fileSink(path)
    // Node writes it in many pieces.
    const large = {
      id: "1",
      events: Array.from({ length: 40 }, (_, index) => TelemetryTest.log(`${index}`.repeat(2 ** 17)))
    }
    for (let attempt = 0; attempt < 3; attempt++) yield* Effect.timeoutOption(sink.export(large), 0)
    yield* sink.export(large)
    yield* sink.export({ id: "2", events: [TelemetryTest.log("after")] })
    const records = readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .map((line): string => JSON.parse(line).record.slice(0, 5))
    assert.deepStrictEqual(records, [
      ...Array.from({ length: 40 }, (_, index) => `${index}`.repeat(5).slice(0, 5)),
      "after"
    ])
  })
)

it.live("fileSink leaves nothing of a batch that it could not write, and tries again", () =>
  Effect.gen(function* () {
    const folder = yield* temporary
    const path = join(folder, "later", "telemetry.ndjson")
    const sink = yield* NodeTelemetry.fileSink(path)
    const batch = { id: "1", events: [TelemetryTest.log("a")] }
    yield* Effect.flip(sink.export(batch))
    mkdirSync(join(folder, "later"))
    yield* sink.export(batch)
    assert.lengthOf(readFileSync(path, "utf8").trimEnd().split("\n"), 1)
  })
)

it.live("fileSink names the file that it cannot write, and is retryable", () =>
  Effect.gen(function* () {
    const sink = yield* NodeTelemetry.fileSink("/no/such/folder/telemetry.ndjson")
    const error = yield* Effect.flip(sink.export({ id: "1", events: [TelemetryTest.log("a")] }))
    assert.strictEqual(
      error.message,
      "the sink file /no/such/folder/telemetry.ndjson did not take a batch: /no/such/folder/telemetry.ndjson cannot be " +
        "written: ENOENT: no such file or directory, open '/no/such/folder/telemetry.ndjson'"
    )
    assert.isTrue(error.isRetryable)
  })
)
