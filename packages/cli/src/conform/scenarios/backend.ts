/** Scenarios of a backend that does not take what the extension sends. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as Judgement from "../play/Judgement.ts"
import * as Observe from "../play/Observe.ts"
import type { Run, Scenario } from "../play/Scenario.ts"

/**
 * An extension that holds an invocation for longer because of its backend costs more than most functions. Programs wait
 * for half a second or a second, or retry after 100, 200 and 400 ms, and no limit is near those.
 */
const heldMs = 850

/** Lambda's default for a function. An extension that waits for its backend has to be faster. */
const options = { timeout: "3 seconds" } as const

/** A name that no hosts file has. */
const backendName = "backend.conform.example"

/** An init that takes longer is close to its limit, and is paid for. */
const slowInitMs = 5000

/** Invokes so often, or until an invocation fails. */
const invokeTimes = Effect.fnUntraced(function* (run: Run, times: number) {
  for (let number = 1; number <= times; number++) {
    const { status } = yield* run.invoke()
    if (status !== "success") return
  }
})

/** The first failure of the function that the extension caused. */
const harmOf = (entries: ReadonlyArray<Journal.JournalEntry>, names: ReadonlyArray<string>, when: string) => {
  const crash = Observe.crashOf(entries, names)
  if (crash !== undefined) return Judgement.fail(`${crash.sentence} ${when}`, crash.entry)
  const failed = entries.find(Journal.is("InvocationDone", ({ status }) => status !== "success"))
  return failed && Judgement.fail(`an invocation ${Observe.failureOf(failed)} ${when}`, failed)
}

/** Judges a whole run: first harm to the function, then silent loss, then the time for which invocations were held. */
const judge = Effect.fnUntraced(function* (run: Run, when: string) {
  const entries = yield* run.entries
  const harm = harmOf(entries, run.names, when)
  if (harm !== undefined) return harm
  const lost = run.traits.sendsLines
    ? yield* Observe.judgeLoss(run)
    : Judgement.pass(`every invocation succeeded ${when}; no line of the function is expected at the sink`)
  if (lost.status === "fail") return lost
  const held = Observe.judgeHeld(run, entries.filter(Journal.is("InvocationDone")), heldMs, when)
  return held.status === "pass" ? lost : held
})

/** Nothing can be delivered to a backend that never works: a loss that is said is the best end. */
const judgeHopeless = (run: Run, when: string) =>
  Effect.map(judge(run, when), (judgement) =>
    judgement.status === "warn" && judgement.sentence.includes("which the extension says")
      ? Judgement.pass(judgement.sentence)
      : judgement
  )

/** Three invocations and SHUTDOWN with a backend that never works. */
const survives = Effect.fnUntraced(function* (run: Run, when: string) {
  yield* invokeTimes(run, 3)
  yield* run.shutdown
  return yield* judgeHopeless(run, when)
})

/** The memory of the smallest function, in MB. */
const smallestMemory = 128

/** The invocations of a long time without a backend, with a thousand lines each. */
const long = { invocations: 200, command: { lines: 1000, bytes: 250 } }

/**
 * Invokes with a backend that never works, until an invocation fails. The journal keeps the last entries alone, so a
 * line that says a loss is looked for again and again.
 */
const survivesLong = Effect.fnUntraced(function* (run: Run) {
  let said: Journal.EntryOf<"Output"> | undefined
  let bytes: number | undefined
  for (let number = 1; number <= long.invocations; number++) {
    const done = yield* run.invoke(long.command)
    const entries = yield* run.entries
    said ??= Observe.saidLoss(entries, run.names)
    bytes = done.maxMemoryBytes ?? bytes
    const when = `in invocation ${number} of a thousand lines each, while the backend was down`
    const crash = Observe.crashOf(entries, run.names)
    if (crash !== undefined) return Judgement.fail(`${crash.sentence} ${when}`, crash.entry)
    if (done.status !== "success") return Judgement.fail(`the function ${Observe.failureOf(done)} ${when}`, done)
  }
  yield* run.shutdown
  said ??= Observe.saidLoss(yield* run.entries, run.names)
  const megabytes = Math.round((bytes ?? 0) / 1_048_576)
  const memory = bytes === undefined ? "memory could not be measured" : `function and extension took ${megabytes} MB`
  if (run.traits.sendsLines && said === undefined) {
    return Judgement.fail(
      `${long.invocations * long.command.lines} lines were lost, and no line of the extension says so`
    )
  }
  return megabytes > smallestMemory
    ? Judgement.warn(`${memory}, more than a function of ${smallestMemory} MB has`, said)
    : Judgement.pass(
        `${memory}; ${said === undefined ? "no loss was expected" : `it says: ${said.line.slice(0, 200)}`}`,
        said
      )
})

const sendWithinLimits =
  "Give each attempt to send a limit of time, keep what was not sent within a bound of bytes, and log the number of records that are lost."

const sharedTime =
  "An extension that waits for its backend holds the environment, until the function's timeout at most. All of it is billed."

export const backend: ReadonlyArray<Scenario> = [
  {
    name: "backend/down",
    title: "The backend resets every connection, from the start.",
    basis: "documented",
    aws: "The end of an extension's process before SHUTDOWN fails the function, whatever the reason is.",
    protocol: "docs/protocol.md#a-process-ends",
    advice: sendWithinLimits,
    needs: ["INVOKE", "sink"],
    setup: () => ({ options, sink: "down" }),
    play: (run) => survives(run, "while the backend was down")
  },
  {
    name: "backend/slow",
    title: "The backend answers each request after one and a half seconds.",
    basis: "documented",
    aws: sharedTime,
    protocol: "docs/protocol.md#an-extension-overruns",
    advice: sendWithinLimits,
    needs: ["INVOKE", "sink"],
    setup: () => ({ options, sink: { slowMs: 1500 } }),
    play: (run) => survives(run, "while the backend was slow")
  },
  {
    name: "backend/hanging",
    title: "The backend takes each request and never answers.",
    basis: "documented",
    aws: sharedTime,
    protocol: "docs/protocol.md#an-extension-overruns",
    advice: sendWithinLimits,
    needs: ["INVOKE", "sink"],
    setup: () => ({ options, sink: "hanging" }),
    play: (run) => survives(run, "while the backend did not answer")
  },
  {
    name: "backend/status-401",
    title: "The backend refuses each request with 401, as it does with a key that has expired.",
    basis: "documented",
    aws: "The function knows nothing of the key of an extension, and has to go on.",
    protocol: "docs/protocol.md#a-process-ends",
    advice: "Look at the status of each answer. Log a refusal, and the number of records that were not taken.",
    needs: ["INVOKE", "sink"],
    setup: () => ({ options, sink: { status: 401 } }),
    play: (run) => survives(run, "while the backend answered with 401")
  },
  {
    name: "backend/back-again",
    title: "The backend is down for two invocations, and works again after that.",
    basis: "documented",
    aws: "The environment lives on, so the records of an invocation can be sent in a later one.",
    protocol: "docs/protocol.md#an-invocation",
    advice: "Keep what could not be sent, within a bound of bytes, and send it with the next batch.",
    needs: ["INVOKE", "lines at the sink"],
    setup: () => ({ options }),
    play: Effect.fnUntraced(function* (run) {
      yield* invokeTimes(run, 1)
      yield* run.sink.behave("down")
      yield* invokeTimes(run, 2)
      yield* run.sink.behave("ok")
      yield* invokeTimes(run, 1)
      yield* run.shutdown
      return yield* judge(run, "while the backend was down, or after that")
    })
  },
  {
    name: "backend/connections-cut",
    title: "The backend closes its idle connections while the environment is frozen.",
    basis: "documented",
    aws: "Lambda drops connections that are idle, and a frozen process does not see a connection end.",
    protocol: "docs/protocol.md#the-freeze",
    advice: "Send the request again over a new connection when a kept one turns out to be dead.",
    needs: ["INVOKE", "sink"],
    play: Effect.fnUntraced(function* (run) {
      for (let number = 1; number <= 3; number++) {
        const { index, status } = yield* run.invoke()
        if (status !== "success") break
        yield* run.waitFor("Frozen", (frozen) => frozen.index > index)
        yield* run.sink.cutIdleConnections
      }
      yield* run.shutdown
      return yield* judge(run, "after its idle connections were closed during the freeze")
    })
  },
  {
    name: "backend/dns-absent",
    title: "The backend has a name, and no DNS server answers at all.",
    basis: "documented",
    aws: "A function in a VPC asks the DNS of its VPC. A failed look-up is no reason to end the process.",
    protocol: "docs/protocol.md#a-process-ends",
    advice: sendWithinLimits,
    needs: ["INVOKE", "sink"],
    setup: () => ({ options, limits: { resolver: "absent" }, sinkHost: backendName }),
    play: (run) => survives(run, "while no name could be resolved")
  },
  {
    name: "backend/dns-slow",
    title: "The backend has a name, and each answer of DNS takes three seconds.",
    basis: "documented",
    aws: sharedTime,
    protocol: "docs/protocol.md#an-extension-overruns",
    advice: "Let the limit of time of a request hold for the look-up of the name and the connection too.",
    needs: ["INVOKE", "sink"],
    setup: () => ({ options, limits: { resolver: "slow" }, sinkHost: backendName }),
    play: (run) => survives(run, "while names were resolved slowly")
  },
  {
    name: "backend/blackholed-in-init",
    title: "No packet to the backend is answered, from the start.",
    basis: "documented",
    aws: "Init waits for every extension, has 10 seconds, and then runs again under the function's timeout.",
    protocol: "docs/protocol.md#time-limits",
    advice:
      "Call next before the backend is reached, or give the calls of init a limit of a second, and go on without them.",
    needs: ["INVOKE", "sink"],
    setup: () => ({ options, isBlackholed: true }),
    play: Effect.fnUntraced(function* (run) {
      const started = yield* run.waitFor("InitStarted")
      const ended = yield* run.waitFor("InitEnded")
      const when = "while nothing at the backend answered"
      if (ended.status !== "success" && Observe.crashOf(yield* run.entries, run.names) === undefined)
        return Judgement.fail(`init ended with ${ended.errorType ?? ended.status} ${when}`, started, ended)
      yield* invokeTimes(run, 3)
      yield* run.shutdown
      const judgement = yield* judgeHopeless(run, when)
      const ms = ended.at - started.at
      return judgement.status === "pass" && ms >= slowInitMs
        ? Judgement.warn(`init took ${ms} ms ${when}`, started, ended)
        : judgement
    })
  },
  {
    name: "backend/down-for-200",
    title: `The backend is down for ${long.invocations} invocations of a thousand lines each, in a function of 128 MB.`,
    basis: "documented",
    aws: "Extensions share the memory of the function. A process is killed when it is used up, and the function fails.",
    protocol: "docs/protocol.md#limits",
    advice: "Keep what waits within a bound of bytes, and count and say what does not fit.",
    needs: ["INVOKE", "function telemetry", "sink"],
    limit: "10 minutes",
    // A process is killed for its memory, however long that takes; so much output keeps any machine busy.
    isTimeless: true,
    setup: () => ({
      sink: "down",
      options: { timeout: "1 minute", limits: { memory: smallestMemory }, journalSize: 20_000, wire: false }
    }),
    play: survivesLong
  },
  {
    name: "backend/secret-throttled",
    title: "AWS throttles the calls of the extension, such as the fetch of a secret in init.",
    basis: "documented",
    aws: "Secrets Manager and the Parameter Store answer 400 ThrottlingException when many environments start at once.",
    protocol: "docs/protocol.md#init",
    advice: "Register first; fetch a secret beside the runtime's init, with a limit of time, and again if it fails.",
    needs: ["INVOKE"],
    setup: () => ({ sink: "throttling", sinkVariables: [{ name: "AWS_ENDPOINT_URL", value: "{url}" }] }),
    play: Effect.fnUntraced(function* (run) {
      const started = yield* run.waitFor("InitStarted")
      const ended = yield* run.waitFor("InitEnded")
      yield* invokeTimes(run, 2)
      const { throttled } = yield* run.sink.counts
      if (throttled === 0) return Judgement.notApplicable("the extension sends nothing to an endpoint of AWS")
      const when = "while AWS throttled its calls"
      const harm = harmOf(yield* run.entries, run.names, when)
      if (harm !== undefined) return harm
      const ms = ended.at - started.at
      return (ms >= slowInitMs ? Judgement.warn : Judgement.pass)(
        `init took ${ms} ms, and every invocation succeeded ${when}; ${throttled} calls were throttled`,
        started,
        ended
      )
    })
  }
]
