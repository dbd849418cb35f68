/** Faults at random against the contents at the backend: each strategy with each sink once. `npm run matrix` has more. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { explain, type Seen } from "./contents/Explain.ts"
import * as Plan from "./contents/Plan.ts"
import * as Report from "./contents/Report.ts"
import * as Run from "./contents/Run.ts"

const seed = 280
const runs = Plan.strategies.length * Plan.sinks.length

it.live(
  `every line of ${runs} runs is at the backend, counted lost, or was never the extension's`,
  () =>
    Effect.gen(function* () {
      let arrived = 0
      yield* Effect.forEach(
        Array.from({ length: runs }, (_, index) => Plan.make(seed, index)),
        Effect.fnUntraced(function* (plan) {
          const { fates, problems } = yield* Run.play(plan)
          const repeat = `npm run matrix -- --seed ${seed} --only ${plan.index}`
          assert.deepStrictEqual(problems, [], `${repeat}: ${Report.describe(plan)}`)
          arrived += fates.arrived
        }),
        { concurrency: 4, discard: true }
      )
      assert.isAbove(arrived, 300)
    }),
  120_000
)

describe("an explanation", () => {
  const pid = 7
  const accounting = (unsent: number) => ({
    _tag: "Output",
    source: Plan.extension,
    channel: "stdout",
    line: JSON.stringify({
      message: `accounting ${JSON.stringify({
        received: 1,
        decoded: 1,
        undecodable: 0,
        droppedByLambda: { records: 0, bytes: 0 },
        consumers: [{ name: "http", offered: 1, delivered: 0, droppedByQueue: 0, droppedBySink: 0, unsent, waiting: 0 }]
      })}`
    })
  })
  const event = (record: string) => `{"time":"2026-01-01T00:00:00.000Z","type":"function","record":${record}}`
  const seen = (given: string, body: string, ...entries: ReadonlyArray<object>): Seen => {
    const all: ReadonlyArray<object> = [
      { _tag: "ProcessStarted", source: Plan.extension, pid },
      { _tag: "TelemetrySubscription", source: Plan.extension, state: "Subscribed", destination: "http://a" },
      { _tag: "Output", source: "runtime", channel: "stdout", line: "@1(1.10)1@" },
      ...entries
    ]
    return {
      entries: JSON.parse(JSON.stringify(all.map((entry, index) => Object.assign(entry, { index, at: index })))),
      requests: [{ id: "b", contentType: "application/x-ndjson", body, isTaken: true, status: 200 }],
      file: "",
      given: new Map([[pid, given === "" ? "" : `[${given}]\n`]])
    }
  }
  const given = event('"@1(1.10)1@\\n"')

  it.each<[string, Seen, object, string | undefined]>([
    ["finds a line", seen(given, given), { arrived: 1 }, undefined],
    ["finds a line that was changed", seen(given, event('"@1(1.1)1@\\n"')), { arrived: 1 }, "line 1 was changed"],
    ["takes a count for an explanation", seen(given, "", accounting(1)), { countedLost: 1 }, undefined],
    [
      "takes no count that is too small for one",
      seen(given, "", accounting(0)),
      { unexplained: 1 },
      "0 are counted lost"
    ],
    [
      "believes the journal that a line was never given",
      seen("", "", { _tag: "TelemetryDropped", source: Plan.extension, records: 1 }),
      { neverGiven: 1 },
      undefined
    ],
    ["and nobody else", seen("", ""), { unexplained: 1 }, "the journal has 0 dropped"],
    [
      "knows an extension that the run killed",
      seen(given, "", { _tag: "FaultInjected", fault: { _tag: "Crash" }, target: Plan.extension }),
      { killed: 1 },
      undefined
    ],
    ["knows no reason for one that ended", seen(given, ""), { unexplained: 1 }, "neither sent nor counted it"],
    [
      "finds a line that nobody printed",
      seen(given, `${given}\n${event('"@2()2@"')}`),
      { arrived: 1 },
      "never printed"
    ],
    [
      "finds records that were given and not counted",
      seen(`${given},${event('"other"')}`, given, accounting(1)),
      { arrived: 1 },
      "2 records were given, and 1 are counted as received"
    ],
    ["finds what is no JSON", seen(given, `${given}\n{"time`), { arrived: 1 }, "no JSON is at the backend"]
  ])("%s", (_, input, fates, problem) => {
    const explanation = explain(input)
    assert.deepInclude(explanation.fates, fates)
    if (problem === undefined) assert.deepStrictEqual(explanation.problems, [])
    else assert.include(explanation.problems.join("\n"), problem)
  })
})
