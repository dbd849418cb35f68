/** A managed instance: a hundred invocations at once, half of them with an SDK. */
import { Journal } from "@effect-lambda/emulator"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { until } from "../../../extension-node/test/support/RawServer.ts"
import { bundled } from "../../../tools/programs.ts"
import * as Environment from "./support/environment.ts"

const count = 100

/** A managed instance has no ends of invocations to send at, so telemetry is sent by time. */
const program = await bundled(join(import.meta.dirname, "../../../otel/test/programs/sends-often.ts"))

it.live("a hundred invocations at once have a span each, and no log is under the wrong one", () =>
  Effect.gen(function* () {
    const { backend, emulator } = yield* Environment.make({
      profile: "lmi",
      program,
      tracing: "Active",
      function: { command: [join(import.meta.dirname, "support/workers.cjs")] }
    })
    const { journal } = emulator
    let polls = 0
    yield* journal.waitFor(
      Journal.is("NextCalled", ({ source }) => source === "runtime" && ++polls === count),
      Environment.patience
    )
    const results = yield* Effect.all(
      Array.from({ length: count }, () => emulator.invoke("{}")),
      { concurrency: "unbounded" }
    )
    const named = (name: string) => backend.spans.filter((span) => span.name === name)
    const invocations = () =>
      backend.points.filter(({ name }) => name === "faas.invocations").reduce((total, point) => total + point.sum, 0)
    yield* until(
      "everything at the backend",
      () => named("shop").length === count && backend.logs.length === 3 * count && invocations() === count
    )
    yield* emulator.shutdown()
    const entries = yield* journal.entries
    const isInvocation = Journal.is("InvocationStarted")
    // The last begins before the first responds.
    assert.isBelow(entries.findLastIndex(isInvocation), entries.findIndex(Journal.is("RuntimeResponded")))

    const ids = results.map(({ requestId }) => requestId).toSorted()
    const idOf = ({ attributes }: { readonly attributes: Readonly<Record<string, unknown>> }) =>
      String(attributes["faas.invocation_id"])
    const spans = named("shop")
    assert.deepStrictEqual(spans.map(idOf).toSorted(), ids)
    assert.lengthOf(new Set(spans.map(({ spanId }) => spanId)), count)
    assert.isTrue(spans.every(({ end, isError, start }) => !isError && end > start))

    // One SERVER span for each, and the span of the layer is in the trace of the SDK.
    const ofSdk = named("of the SDK")
    assert.lengthOf(ofSdk, count / 2)
    const servers = backend.spans.filter(({ kind }) => kind === "SERVER")
    assert.deepStrictEqual(servers.map(idOf).toSorted(), ids)
    for (const span of ofSdk) {
      const other = spans.find((each) => idOf(each) === idOf(span))
      assert.deepStrictEqual([other?.kind, other?.traceId], ["INTERNAL", span.traceId])
    }

    const [unattributed = [], attributed = []] = [true, false].map((isText) =>
      backend.logs.filter((log) => isText === (Environment.textOf(log) === "a line of somebody"))
    )
    assert.lengthOf(unattributed, count)
    for (const { attributes, spanId, traceId } of unattributed) {
      assert.deepStrictEqual([spanId, traceId, attributes["effect_lambda.unattributed"]], ["", "", true])
      assert.notProperty(attributes, "faas.invocation_id")
    }
    assert.deepStrictEqual(
      attributed.map((log) => `${idOf(log)} ${Environment.textOf(log)}`).toSorted(),
      ids.flatMap((id) => [`${id} begun`, `${id} done`])
    )
    for (const log of attributed) {
      const span = spans.find((each) => idOf(each) === idOf(log))
      assert.deepStrictEqual([log.spanId, log.traceId], [span?.spanId, span?.traceId])
      assert.notProperty(log.attributes, "effect_lambda.unattributed")
    }
    assert.deepStrictEqual([invocations(), backend.logs.length], [count, 3 * count])
    const [accounting, ...others] = Environment.accountings(entries)
    assert.deepStrictEqual([accounting?.level, others], ["INFO", []])
  })
)
