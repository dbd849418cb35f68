/** The spans of Lambda and those of the function's SDK are one trace, and what a backend did not take comes later. */
import type { TracingMode } from "@effect-lambda/emulator/Emulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import type { Span } from "../src/Decode.ts"
import * as Run from "../src/Run.ts"

/** A port that is free now, since other tests have the port of OTLP. */
const freePort = Effect.callback<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" ? (address?.port ?? 0) : 0)))
  })
})

const requestIdOf = ({ attributes }: Span) => attributes["faas.invocation_id"] ?? attributes["faas.execution"]

const settings: ReadonlyArray<readonly [string, Run.RunOptions["propagator"], TracingMode]> = [
  ["no SDK", "none", "Active"],
  ["an SDK with tracecontext", "tracecontext", "Active"],
  ["an SDK with the propagator of X-Ray", "xray-lambda", "Active"],
  ["X-Ray off, and an SDK with the propagator of X-Ray", "xray-lambda", "PassThrough"],
  ["X-Ray off, and an SDK with tracecontext", "tracecontext", "PassThrough"],
  ["X-Ray off, and no SDK", "none", "PassThrough"]
]

describe.each(settings)("three invocations with freeze, %s", (_, propagator, tracing) => {
  it.live(
    "one trace and one SERVER span each, with the spans of the function and the logs in it",
    () =>
      Effect.gen(function* () {
        const { backend, output, requestIds } = yield* Run.run({
          invocations: 3,
          lines: 2,
          propagator: propagator ?? "none",
          tracing,
          port: yield* freePort
        })
        const log = output.join("\n")
        const { logs, spans } = backend
        assert.lengthOf(
          spans.filter(({ kind }) => kind === "SERVER"),
          3,
          log
        )
        const traceIds = requestIds.map((requestId) => {
          const ofInvocation = spans.filter((span) => requestIdOf(span) === requestId)
          const ids = new Set(ofInvocation.map(({ traceId }) => traceId))
          assert.strictEqual(ids.size, 1, `${requestId} is in several traces\n${log}`)
          return [...ids][0] ?? ""
        })
        assert.strictEqual(new Set(traceIds).size, 3)
        for (const [index, traceId] of traceIds.entries()) {
          const names = spans.filter((span) => span.traceId === traceId).map(({ name }) => name)
          assert.includeMembers(names, ["shop", "responseLatency", "runtimeOverhead"], log)
          if (propagator !== "none") assert.includeMembers(names, ["load basket", "charge card"], log)
          assert.strictEqual(names.includes("init shop"), index === 0, log)
        }
        // A line that the function wrote in an invocation names a span of that trace.
        const placed = logs.filter(({ body }) => /^order \d is placed|^invocation \d, line/.test(String(body)))
        assert.lengthOf(placed, 9, log)
        for (const { body, spanId, traceId } of placed) {
          const invocation = Number(/\d/.exec(String(body))?.[0])
          assert.strictEqual(traceId, traceIds[invocation - 1], String(body))
          assert.isTrue(
            spans.some((span) => span.spanId === spanId && span.traceId === traceId),
            String(body)
          )
        }
      }),
    120_000
  )
})

it.live(
  "a backend that is down for two invocations has everything in the end, once or with equal ids",
  () =>
    Effect.gen(function* () {
      const { backend, output, requestIds } = yield* Run.run({
        invocations: 3,
        lines: 2,
        failing: 2,
        port: yield* freePort
      })
      assert.isAbove(backend.refused(), 0)
      for (const name of ["load basket", "charge card"]) {
        const ids = new Set(backend.spans.filter((span) => span.name === name).map(({ spanId }) => spanId))
        assert.strictEqual(ids.size, requestIds.length, `${name}\n${output.join("\n")}`)
      }
      const lines = new Set(backend.logs.map(({ body }) => body).filter((body) => /line \d of/.test(String(body))))
      assert.strictEqual(lines.size, 6, output.join("\n"))
    }),
  120_000
)
