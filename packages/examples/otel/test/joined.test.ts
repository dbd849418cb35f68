/** The spans of Lambda and those of the function's SDK are one trace, and what a backend did not take comes later. */
import type { TracingMode } from "@effect-lambda/emulator/Emulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Span } from "../src/Decode.ts"
import * as Run from "../src/Run.ts"
import { freePort } from "../../../otel/test/support/freePort.ts"
import { accountings, extension, messages, patience, patientLayer, program, textOf } from "./support/environment.ts"

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
          port: yield* freePort,
          program,
          environment: patientLayer,
          timeout: patience
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

/** The facts of a span, a line or a point that say which one it is. */
const identityOf = (facts: object) =>
  JSON.stringify(facts, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))

it.live(
  "a backend that is down for an invocation, and answers nothing in the next, has everything in the end: once, or with equal ids",
  () =>
    Effect.gen(function* () {
      const { backend, entries, output, requestIds } = yield* Run.run({
        invocations: 3,
        lines: 2,
        failing: 1,
        unanswered: 1,
        port: yield* freePort,
        program,
        environment: patientLayer,
        timeout: patience
      })
      const log = output.join("\n")
      const { logs, points, spans } = backend
      // A span is the same one whenever it comes.
      const distinct = new Map(spans.map((span) => [span.spanId, identityOf(span)]))
      assert.lengthOf(new Set(spans.map(identityOf)), distinct.size, log)
      assert.isAbove(spans.length, distinct.size, `the backend took nothing twice\n${log}`)
      const ids = [...distinct.values()]
      for (const name of [
        "shop",
        "responseLatency",
        "responseDuration",
        "runtimeOverhead",
        "load basket",
        "charge card"
      ]) {
        // The SDK has a span with the name of the function too.
        const expected = name === "shop" ? 2 * requestIds.length : requestIds.length
        assert.lengthOf(
          ids.filter((id) => id.includes(`"name":"${name}"`)),
          expected,
          `${name}\n${log}`
        )
      }
      assert.lengthOf(new Set(spans.filter(({ kind }) => kind === "SERVER").map(({ spanId }) => spanId)), 3)
      // The journal has the lines that the function wrote.
      assert.sameMembers([...new Set(logs.map(textOf))], [...new Set(messages(entries, "runtime"))])
      const sums = points
        .filter(({ name }) => name === "faas.invocations")
        .map((point) => [identityOf(point), point.sum] as const)
      assert.strictEqual(
        [...new Map(sums).values()].reduce((total, sum) => total + sum, 0),
        3
      )
      const [accounting] = accountings(entries)
      for (const { delivered, name, offered } of accounting?.annotations.accounting.consumers ?? assert.fail(log)) {
        assert.strictEqual(delivered, offered, name)
      }
      assert.include(messages(entries, extension).join("\n"), "takes batches again")
    }),
  120_000
)
