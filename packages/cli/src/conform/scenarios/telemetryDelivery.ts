/** Scenarios of the deliveries of telemetry: batches that are large, cut, broken, repeated, or hold the unexpected. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as Judgement from "../play/Judgement.ts"
import * as Observe from "../play/Observe.ts"
import type { Command, Run, Scenario } from "../play/Scenario.ts"

/** Judges whether the function is unharmed by these invocations, and whether all that it printed is taken on. */
const arrives = Effect.fnUntraced(function* (run: Run, commands: ReadonlyArray<Command>, when: string) {
  const harm = yield* Observe.harmOf(run, [...commands, ...Observe.drain], when)
  if (harm !== undefined) return harm
  yield* run.shutdown
  return yield* Observe.judgeTaking(run, when)
})

/** Lines whose tokens are in the first half, also after a cut. */
const someLines: Command = { lines: 20, bytes: 200 }

const tolerant = "Read what is known, leave the rest, and answer 200 as soon as the bytes are there."

/** An INVOKE that comes so late is behind the telemetry of its invocation, which waits for a second by default. */
const invokeLateMs = 3000

/** Whether the listener had runtimeDone before the extension had the INVOKE that was held back. */
const doneCameFirst = (entries: ReadonlyArray<Journal.JournalEntry>): boolean => {
  const heldAt = entries.find(Journal.is("FaultInjected"))?.index ?? Infinity
  const invoke = entries.find(
    Journal.is("Exchanged", ({ index, path }) => index > heldAt && path.endsWith("/event/next"))
  )
  const isDone = ({ index, kind, requestBody }: Journal.EntryOf<"Exchanged">) =>
    kind === "delivery" &&
    index > heldAt &&
    index < (invoke?.index ?? 0) &&
    requestBody.includes("platform.runtimeDone")
  return entries.some(Journal.is("Exchanged", isDone))
}

/** An answer to a delivery takes no longer, also while the backend takes three seconds. */
const answerMs = 2000

export const delivery: ReadonlyArray<Scenario> = [
  {
    name: "telemetry/cut-batch",
    title: "Lines are cut in their middle, over two batches.",
    basis: "seen",
    aws: "A record that is larger than a batch is cut. The pieces follow each other, and neither body is valid JSON.",
    protocol: "docs/protocol.md#a-record-larger-than-a-batch",
    advice:
      "Keep a body that is no JSON and ends with }], and join it with the next one, which begins as its last record.",
    needs: ["function telemetry", "telemetry by HTTP"],
    setup: () => ({ faults: ["delivery:cut@every"] }),
    play: (run) => arrives(run, [someLines, someLines], "after a batch was cut")
  },
  {
    name: "telemetry/half-batch",
    title: "The connection is reset in the middle of each batch, and the whole batch follows.",
    basis: "conceivable",
    aws: "A delivery that fails is tried again. Nothing is known of a delivery that breaks off.",
    protocol: "docs/protocol.md#delivery",
    advice: "Take a request that is not complete for none: drop its bytes, and wait for the next one.",
    needs: ["function telemetry", "telemetry by HTTP"],
    setup: () => ({ faults: ["delivery:half@every"] }),
    play: (run) => Effect.map(arrives(run, [someLines, someLines], "after half a batch"), Judgement.softened)
  },
  {
    name: "telemetry/unreadable-batch",
    title: "A batch comes that is no JSON: the first piece of a record that was cut.",
    basis: "seen",
    aws: "A batch that is answered with an error comes again and again, and everything behind it waits.",
    protocol: "docs/protocol.md#delivery",
    advice: "Answer 200 as soon as the bytes are read, whatever they are; say what could not be used.",
    needs: ["telemetry by HTTP", "function telemetry"],
    setup: () => ({ faults: ["delivery:cut"] }),
    play: Effect.fnUntraced(function* (run) {
      const harm = yield* Observe.harmOf(run, [someLines, ...Observe.drain], "after a batch that is no JSON")
      if (harm !== undefined) return harm
      yield* run.shutdown
      const refusals = (yield* run.entries).filter(Observe.isRefusedBatch)
      const [first] = refusals
      if (first === undefined) return Judgement.pass("it took the batch that is no JSON")
      const sentence = `${first.problem} to a batch that is no JSON, and got it ${refusals.length} times`
      const taking = yield* Observe.judgeTaking(run, "for it")
      return taking.status === "fail"
        ? Judgement.fail(`${sentence}: ${taking.sentence}`, ...refusals.slice(0, 2))
        : Judgement.warn(sentence, ...refusals.slice(0, 2))
    })
  },
  {
    name: "telemetry/thousand-lines",
    title: "The function prints a thousand lines in one invocation.",
    basis: "documented",
    aws: "Batches have at most 10,000 records, and by default 256 KiB; they follow each other without a pause.",
    protocol: "docs/protocol.md#batches",
    advice: "Give the queue a bound in bytes that holds such an invocation, and count and say what does not fit.",
    needs: ["function telemetry"],
    play: (run) => arrives(run, [{ lines: 1000, bytes: 200 }], "after a thousand lines")
  },
  {
    name: "telemetry/long-line",
    title: "The function prints a line of 300 KB.",
    basis: "seen",
    aws: "A record that is larger than a batch is cut. A batch has 256 KiB by default, and 1 MiB at most.",
    protocol: "docs/protocol.md#a-record-larger-than-a-batch",
    advice: "Subscribe with a maxBytes of 1048576, join records that were cut, and read bodies of 4 MiB at least.",
    needs: ["function telemetry"],
    play: (run) => arrives(run, [{ lines: 1, bytes: 300_000 }, {}], "after a line of 300 KB")
  },
  {
    name: "telemetry/json-format",
    title: "The function logs JSON.",
    basis: "documented",
    aws: "With the log format JSON the record of a line is an object, from the schema 2022-12-13 on.",
    protocol: "docs/protocol.md#the-event-envelope",
    advice: "Take both: a record that is text, and one that is any value of JSON.",
    needs: ["function telemetry"],
    setup: () => ({ options: { logFormat: "json" } }),
    play: (run) => arrives(run, [{ json: true }, { json: true }], "after lines of JSON")
  },
  {
    name: "telemetry/not-utf8",
    title: "The function prints bytes that are no UTF-8.",
    basis: "conceivable",
    aws: "JSON is UTF-8. Nothing is known of the bytes that Lambda makes of such a line.",
    protocol: "docs/protocol.md#lines-and-records",
    advice: "Decode with a replacement character instead of an error.",
    needs: ["function telemetry"],
    setup: () => ({ faults: ["delivery:not-utf8@every"] }),
    play: (run) =>
      Effect.map(
        arrives(run, [{ notUtf8: true }, { notUtf8: true }], "after bytes that are no UTF-8"),
        Judgement.softened
      )
  },
  {
    name: "telemetry/unknown-record",
    title: "Batches hold a record of an unknown type, and unknown fields.",
    basis: "conceivable",
    aws: "Types were added to a schema before, such as those of SnapStart. A reader accepts types that it does not know.",
    protocol: "docs/protocol.md#the-event-envelope",
    advice: tolerant,
    needs: ["function telemetry"],
    setup: () => ({ faults: ["delivery:unknown@every"] }),
    play: (run) => Effect.map(arrives(run, [{}, {}], "after a record of an unknown type"), Judgement.softened)
  },
  {
    name: "telemetry/logs-dropped",
    title: "The platform says that it has dropped records.",
    basis: "documented",
    aws: "Lambda drops records when a listener is slow, and tells their number by platform.logsDropped.",
    protocol: "docs/protocol.md#lost-events",
    advice: "Say the number in a line of the log, or send the record on, so that a person learns of the gap.",
    needs: ["platform telemetry"],
    setup: () => ({ faults: ["delivery:dropped"] }),
    play: Effect.fnUntraced(function* (run) {
      const harm = yield* Observe.harmOf(run, [{}, ...Observe.drain], "after platform.logsDropped")
      if (harm !== undefined) return harm
      yield* run.shutdown
      const said = Observe.saidLoss(yield* run.entries, run.names)
      if (said !== undefined) return Judgement.pass(`it says the loss: ${said.line.slice(0, 200)}`, said)
      if ((yield* run.sink.counts).lossReports > 0) return Judgement.pass("it sends the loss on to its backend")
      return run.traits.reachesSink
        ? Judgement.warn("it neither says nor sends on that the platform has dropped records")
        : Judgement.notTestable("no line of it says the loss, and its backend is not known, so it may be told there")
    })
  },
  {
    name: "telemetry/done-before-invoke",
    title: "The function is done, and telemetry says so, before the event of the invocation arrives.",
    basis: "conceivable",
    aws: "Events and telemetry come over two connections, without an order between them. No recording shows this one.",
    protocol: "docs/protocol.md#delivery-and-the-freeze",
    advice: "Remember the requests whose runtimeDone has come, and give every wait for telemetry a limit.",
    needs: ["platform telemetry", "INVOKE"],
    setup: () => ({ options: { wire: { maxBytes: 65_536 } }, faults: [`slow:next@2=${invokeLateMs}ms`] }),
    play: Effect.fnUntraced(function* (run) {
      const judgement = Judgement.softened(yield* Observe.worksOn(run, "after runtimeDone had come before INVOKE"))
      return judgement.status !== "pass" || doneCameFirst(yield* run.entries)
        ? judgement
        : Judgement.notTestable(
            `runtimeDone came no earlier than an INVOKE that was ${invokeLateMs} ms late, as its subscription buffers for so long`
          )
    })
  },
  {
    name: "telemetry/delivery-again",
    title: "The answers of the listener are lost, so that every batch comes twice.",
    basis: "documented",
    aws: "Lambda tries a delivery again that failed, also one that the listener had taken.",
    protocol: "docs/protocol.md#delivery",
    advice: "Compare a batch with the one before. The header sequence-id does not tell equal lines apart.",
    needs: ["function telemetry"],
    setup: () => ({ faults: ["delivery:again@every"] }),
    play: Effect.fnUntraced(function* (run) {
      const judgement = yield* arrives(run, [{}, {}], "after batches that came twice")
      const { copies } = yield* run.sink.counts
      if (judgement.status !== "pass" || copies <= run.traits.copies) return judgement
      return Judgement.info("it sends the lines of a batch that came twice two times")
    })
  },
  {
    name: "telemetry/answers-fast",
    title: "The backend takes three seconds for each request, while batches come.",
    basis: "documented",
    aws: "Lambda drops records for a listener that does not acknowledge them in time.",
    protocol: "docs/protocol.md#lost-events",
    advice: "Answer a delivery as soon as its bytes are read, and send to the backend afterwards.",
    needs: ["function telemetry", "telemetry by HTTP", "lines at the sink"],
    setup: () => ({
      options: { wire: { maxBytes: 65_536 }, freeze: false, timeout: "20 seconds" },
      sink: { slowMs: 3000 }
    }),
    play: Effect.fnUntraced(function* (run) {
      const harm = yield* Observe.harmOf(
        run,
        [
          { lines: 20, sleepMs: 1200 },
          { lines: 0, sleepMs: 1200 }
        ],
        "with a slow backend"
      )
      if (harm !== undefined) return harm
      const isLines = ({ kind, requestBody }: Journal.EntryOf<"Exchanged">) =>
        kind === "delivery" && requestBody.includes("conform-")
      yield* run.waitFor("Exchanged", isLines)
      const [slowest] = (yield* run.entries)
        .filter(Journal.is("Exchanged", isLines))
        .toSorted((a, b) => b.at - b.requestedAt - (a.at - a.requestedAt))
      const ms = slowest === undefined ? 0 : slowest.at - slowest.requestedAt
      return (ms < answerMs ? Judgement.pass : Judgement.warn)(
        `with a backend that takes 3 s it answered a delivery after ${ms} ms`,
        slowest
      )
    })
  }
]
