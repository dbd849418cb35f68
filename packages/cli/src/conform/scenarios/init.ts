/** Scenarios of the init of an environment. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ExtensionName from "../../emulate/summary/ExtensionName.ts"
import * as ExtensionOutcomes from "../../emulate/summary/ExtensionOutcomes.ts"
import * as CpuTime from "../play/CpuTime.ts"
import * as Judgement from "../play/Judgement.ts"
import { neighbour } from "../play/Programs.ts"
import * as Observe from "../play/Observe.ts"
import type { Run, Scenario } from "../play/Scenario.ts"
import * as Starvation from "../play/Starvation.ts"

/** Milliseconds from the start of a process to register. */
const registerMs = { fast: 1000, slow: 5000 }

/** Milliseconds of CPU before the first next. A function of 128 MB has a fourteenth of a processor. */
const cpuMs = 300

/** Starts that are looked at if the first one took longer. */
const starts = 3

/** The first poll of the extension's next process, and the CPU time until then. */
const cpuOfStart = Effect.fnUntraced(function* (run: Run, since: number) {
  const started = yield* run.waitFor(
    "ProcessStarted",
    ({ index, source }) => index > since && ExtensionName.of(source) === run.names[0]
  )
  // Before its end the process of the time before may still poll.
  const next = yield* run.waitFor(
    "NextCalled",
    ({ index, source }) => index > started.index && source === started.source
  )
  return { started, next, ms: yield* CpuTime.ofGroup(started.pid) }
})

/** The same for another start, after a reset; nothing if the function does not end as it is asked to. */
const cpuOfRestart = Effect.fnUntraced(function* (run: Run) {
  const { index, status } = yield* run.invoke({ end: "exit" })
  if (status === "success") return undefined
  const measuring = yield* Effect.forkChild(cpuOfStart(run, index))
  yield* run.invoke({ lines: 0 })
  return yield* Fiber.join(measuring)
})

/** Waits until init is over, and gives why it failed. */
const initFailure = Effect.fnUntraced(function* (run: Run) {
  const ended = yield* run.waitFor("InitEnded")
  const crash = Observe.crashOf(yield* run.entries, run.names)
  if (crash !== undefined) return Judgement.fail(`${crash.sentence} in init`, crash.entry)
  if (ended.status !== "success") return Judgement.fail(`init ended with ${ended.errorType ?? ended.status}`, ended)
  return undefined
})

/** Whether init succeeds, and three invocations after it. */
const comesUp = Effect.fnUntraced(function* (run: Run, when: string) {
  const failure = yield* initFailure(run)
  return failure ?? (yield* Observe.worksOn(run, when))
})

export const init: ReadonlyArray<Scenario> = [
  {
    name: "init/register-in-time",
    title: "The environment starts, and waits for register.",
    basis: "documented",
    aws: "The runtime starts when every extension has registered. Init has 10 seconds in all, and is billed.",
    protocol: "docs/protocol.md#init",
    advice: "Register first, and load the rest afterwards.",
    play: Effect.fnUntraced(function* (run) {
      // A target that never registers has init end by its limit.
      const initEnded = run.waitFor("InitEnded")
      const starved = new Map<string, number>()
      for (const name of run.names) {
        const isOf = ({ source }: { readonly source: Journal.Source }) => ExtensionName.of(source) === name
        yield* Effect.raceFirst(run.waitFor("Registered", isOf), initEnded)
        const pid = Observe.processOf(yield* run.entries, name)?.pid
        if (pid !== undefined) starved.set(name, Starvation.between(new Map(), Starvation.look([pid])))
      }
      yield* initEnded
      const entries = yield* run.entries
      let slowest = { ms: 0, name: "" }
      for (const name of run.names) {
        const isOf = ({ source }: { readonly source: Journal.Source }) => ExtensionName.of(source) === name
        const started = entries.find(Journal.is("ProcessStarted", isOf))
        const registered = entries.find(Journal.is("Registered", isOf))
        const ended = entries.find(Journal.is("ProcessExited", isOf))
        if (registered === undefined) {
          const how =
            ended === undefined
              ? "never registered"
              : `ended with ${ExtensionOutcomes.howOf(ended)} before it registered`
          return Judgement.fail(`${name} ${how}`, started, ended)
        }
        const ms = Math.max(0, registered.at - (started ?? registered).at - (starved.get(name) ?? 0))
        if (ms >= slowest.ms) slowest = { ms, name }
      }
      const sentence = `${slowest.name} registered after ${slowest.ms} ms`
      if (slowest.ms <= registerMs.fast) return Judgement.pass(sentence, entries.find(Journal.is("Registered")))
      return (slowest.ms <= registerMs.slow ? Judgement.warn : Judgement.fail)(
        sentence,
        entries.find(Journal.is("Registered"))
      )
    })
  },
  {
    name: "init/own-name",
    title: "Register has to name the file of the extension.",
    basis: "seen",
    aws: "Another name registers an internal extension, and init waits for the file until its limit.",
    protocol: "docs/protocol.md#the-name-of-an-extension",
    advice: "Send the base name of the file in Lambda-Extension-Name, its ending included.",
    play: Effect.fnUntraced(function* (run) {
      yield* run.waitFor("InitEnded")
      const entries = yield* run.entries
      const refused = entries.find(Journal.is("ApiRefused", ({ path }) => path.endsWith("/register")))
      if (refused !== undefined) {
        return Judgement.fail(
          `register was refused: ${refused.errorType} ${refused.message}; the files of the layer are ${run.names.join(", ")}`,
          refused
        )
      }
      const registered = entries.filter(Journal.is("Registered"))
      const strange = registered.find(({ kind }) => kind === "internal")
      if (strange !== undefined) {
        const names = run.names.join(", ")
        return Judgement.fail(
          `a process registered as ${ExtensionName.of(strange.source)}, which is no file of the layer (${names}), so Lambda takes it for an internal extension`,
          strange
        )
      }
      return registered.length === 0
        ? Judgement.notTestable("no extension registered; see init/register-in-time")
        : Judgement.pass(
            `registered as ${registered.map(({ source }) => ExtensionName.of(source)).join(", ")}`,
            ...registered
          )
    })
  },
  {
    name: "init/handled-events",
    title: "SHUTDOWN is asked for, and comes.",
    basis: "documented",
    aws: "An extension that did not register for SHUTDOWN is killed without notice. One that polls after it is killed too.",
    protocol: "docs/protocol.md#the-receivers-of-each-event",
    advice: "Register for SHUTDOWN if anything may be left to send, and end at this event instead of the next poll.",
    needs: ["INVOKE"],
    play: Effect.fnUntraced(function* (run) {
      yield* run.invoke()
      yield* run.shutdown
      const entries = yield* run.entries
      for (const { events, source } of entries.filter(Journal.is("Registered"))) {
        const name = ExtensionName.of(source)
        if (!run.names.includes(name)) continue
        if (!events.includes("SHUTDOWN")) {
          return Judgement.warn(`${name} does not register for SHUTDOWN, and is killed with what it has not sent`)
        }
        const told = entries.find(
          Journal.is("EventDelivered", (event) => event.eventType === "SHUTDOWN" && event.source === source)
        )
        const again = entries.find(
          Journal.is("NextCalled", (event) => event.index > (told?.index ?? Infinity) && event.source === source)
        )
        const killed = entries.find(
          Journal.is("Killed", (event) => event.index > (again?.index ?? Infinity) && event.source === source)
        )
        // One that polls while its end is on the way still ends by itself.
        if (killed !== undefined) {
          return Judgement.warn(
            `${name} called next after SHUTDOWN instead of ending, and was killed`,
            told,
            again,
            killed
          )
        }
      }
      return Judgement.pass("it registers for SHUTDOWN, and ends at it")
    })
  },
  {
    name: "init/unknown-fields",
    title: "The answer to register has fields that no document names.",
    basis: "conceivable",
    aws: "Fields were added to this answer before, such as accountId.",
    protocol: "docs/protocol.md#register",
    advice: "Read the fields that you need, and ignore the others.",
    needs: ["INVOKE"],
    setup: () => ({ faults: ["fields:register"] }),
    play: (run) => Effect.map(comesUp(run, "after unknown fields in the answer to register"), Judgement.softened)
  },
  {
    name: "init/others-slow",
    title: "Another extension takes two seconds to register.",
    basis: "documented",
    aws: "Nothing goes on before every extension has registered, so the first poll waits for all of them.",
    protocol: "docs/protocol.md#init",
    advice: "Give the first poll no time limit: it may take as long as the init of all others.",
    needs: ["INVOKE"],
    setup: () => ({ neighbours: [neighbour], environment: { CONFORM_NEIGHBOUR_MS: "2000" } }),
    play: (run) => comesUp(run, "after another extension had registered late")
  },
  {
    name: "init/slow-register",
    title: "Register is answered after two seconds.",
    basis: "conceivable",
    aws: "The answer is sent at once; a machine at its limit may send it later.",
    protocol: "docs/protocol.md#register",
    advice: "Give register as much time as init has.",
    needs: ["INVOKE"],
    setup: () => ({ faults: ["slow:register=2s"] }),
    play: (run) => Effect.map(comesUp(run, "after a slow answer to register"), Judgement.softened)
  },
  {
    name: "init/cpu",
    title: "The CPU time from the start of the process to its first next.",
    basis: "documented",
    aws: "A function of 1,769 MB has one processor, smaller ones a share of it: 128 MB a fourteenth.",
    protocol: "docs/protocol.md#init",
    advice: "Load less before the first next; build with a bundle and a code cache.",
    needs: ["INVOKE"],
    play: Effect.fnUntraced(function* (run) {
      let measured = yield* cpuOfStart(run, -1)
      // Caches that others have emptied, and a slower clock, only add to it: the smallest of some starts counts.
      for (let again = 1; again < starts && (measured.ms ?? 0) > cpuMs; again++) {
        const other = yield* cpuOfRestart(run)
        if ((other?.ms ?? Infinity) < (measured.ms ?? 0)) measured = other ?? measured
      }
      const { ms, next, started } = measured
      if (ms === undefined) return Judgement.notTestable("this system does not tell the CPU time of a process")
      const sentence = `${ExtensionName.of(started.source)} took ${ms} ms of CPU before its first next`
      return ms <= cpuMs
        ? Judgement.pass(sentence, started, next)
        : Judgement.warn(
            `${sentence}, which is ${Math.round((ms * 14) / 1000)} s in a function of 128 MB`,
            started,
            next
          )
    })
  }
]
