/** Scenarios of variables and limits that an extension shares with the function. */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Effect from "effect/Effect"
import * as ExtensionName from "../../emulate/summary/ExtensionName.ts"
import { pathToFileURL } from "node:url"
import * as Descriptors from "../play/Descriptors.ts"
import * as Judgement from "../play/Judgement.ts"
import * as ListeningPorts from "../play/ListeningPorts.ts"
import * as LocalCall from "../play/LocalCall.ts"
import * as Observe from "../play/Observe.ts"
import { agent } from "../play/Programs.ts"
import type { Run, Scenario } from "../play/Scenario.ts"

/** Nothing listens on the port of the old discard service. */
const deadProxy = "http://127.0.0.1:9"

const proxyVariables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]

/** Lambda's limit for all processes of an environment. */
const maxDescriptors = 1024

/** Invocations between the counts of descriptors; the backend fails in every second one. */
const counted = 24

/** The descriptors of the target's extensions; `undefined` if the system does not tell them. */
const descriptorsOf = Effect.fnUntraced(function* (run: Run) {
  const started = (yield* run.entries).filter(
    Journal.is("ProcessStarted", ({ source }) => run.names.includes(ExtensionName.of(source)))
  )
  let sum = 0
  for (const { pid } of started) sum += yield* Descriptors.ofGroup(pid)
  return sum === 0 ? undefined : sum
})

/** Whether the number of descriptors grows with the number of invocations. */
const keepsDescriptors = Effect.fnUntraced(function* (run: Run) {
  yield* run.invoke()
  yield* run.invoke()
  const before = yield* descriptorsOf(run)
  for (let number = 1; number <= counted; number++) {
    yield* run.sink.behave(number % 2 === 0 ? "ok" : { status: 500 })
    const done = yield* run.invoke()
    const crash = Observe.crashOf(yield* run.entries, run.names)
    if (crash !== undefined) return Judgement.fail(`${crash.sentence} in invocation ${number + 2}`, crash.entry)
    if (done.status !== "success") return Judgement.fail(`invocation ${number + 2} ${Observe.failureOf(done)}`, done)
  }
  const after = yield* descriptorsOf(run)
  if (before === undefined || after === undefined)
    return Judgement.notTestable("this system does not tell the descriptors of a process")
  const sentence = `it had ${before} descriptors after 2 invocations, and ${after} after ${counted + 2}`
  return after - before < counted / 2
    ? Judgement.pass(sentence)
    : Judgement.warn(`${sentence}; there are ${maxDescriptors}`)
})

/** The ports that the extensions listen on now, except those that speak no HTTP. */
const portsOf = Effect.fnUntraced(function* (run: Run) {
  const entries = yield* run.entries
  const isOfTarget = ({ source }: { readonly source: Journal.Source }) => run.names.includes(ExtensionName.of(source))
  const started = entries.filter(Journal.is("ProcessStarted", isOfTarget))
  const raw = new Set(
    entries
      .filter(Journal.is("TelemetrySubscription"))
      .flatMap(({ destination = "" }) => (destination.startsWith("tcp:") ? [Number(new URL(destination).port)] : []))
  )
  const ports = yield* Effect.forEach(started, ({ pid }) => ListeningPorts.ofGroup(pid))
  return ports.flat().filter((port) => !raw.has(port))
})

const callsPorts = Effect.fnUntraced(function* (run: Run) {
  // The function's init lasts until the extension is ready, and longer.
  yield* run.waitFor("ProcessStarted", ({ source }) => source === "runtime")
  yield* run.waitFor("NextCalled", ({ source }) => run.names.includes(ExtensionName.of(source)))
  const ports = yield* portsOf(run)
  const answers = yield* Effect.forEach(ports, (port) => LocalCall.post(port))
  const judgement = yield* Observe.worksOn(run, "after its local port was called in init")
  if (judgement.status !== "pass") return judgement
  if (ports.length === 0) return Judgement.notApplicable("the extension listens on no port in init")
  const silent = ports.filter((_, index) => answers[index] === "no answer")
  const told = `port ${ports.join(", ")}: ${answers.join(", ")}`
  return silent.length === 0
    ? Judgement.pass(`a call from the function's init was answered at once; ${told}`)
    : Judgement.warn(`a call from the function's init was taken, and not answered within three seconds; ${told}`)
})

const sharedVariables = "An extension sees the variables of the function, which are set for the function."

export const environment: ReadonlyArray<Scenario> = [
  {
    name: "environment/full-tmp",
    title: "The function has filled /tmp.",
    basis: "documented",
    aws: "Function and extensions share /tmp, which has 512 MB if nothing else was asked for.",
    protocol: "docs/protocol.md#files",
    advice: "Expect that a write to /tmp fails, and go on without it.",
    needs: ["INVOKE"],
    setup: () => ({ limits: { tmp: 1 } }),
    play: Effect.fnUntraced(function* (run) {
      yield* run.invoke({ fillTmp: true })
      return yield* Observe.worksOn(run, "with a full /tmp")
    })
  },
  {
    name: "environment/descriptors",
    title: "Many invocations, of which every second one finds a backend that fails, with 1,024 descriptors.",
    basis: "documented",
    aws: "An environment has 1,024 descriptors. A process that opens more of them gets an error each time.",
    protocol: "docs/protocol.md#limits",
    advice: "Close each connection and file, also when the answer is an error; read answers to their end.",
    needs: ["INVOKE"],
    limit: "2 minutes",
    setup: () => ({ limits: { descriptors: maxDescriptors } }),
    play: keepsDescriptors
  },
  {
    name: "environment/function-calls-port",
    title: "A local port of the extension is called while the function is in its init.",
    basis: "documented",
    aws: "Functions reach the ports of extensions on localhost. The runtime starts when all have registered, ready or not.",
    protocol: "docs/protocol.md#init",
    advice: "Answer each request at once, also before the first event, and with an error if there is nothing to say.",
    needs: ["INVOKE"],
    // Without a freeze, which would otherwise stop a slow extension as it is called.
    setup: () => ({ functionInit: { sleepMs: 1500 }, options: { freeze: false } }),
    play: callsPorts
  },
  {
    name: "environment/no-home",
    title: "HOME names a folder that is not there.",
    basis: "documented",
    aws: "A function may set HOME, and only /tmp can be written to. Extensions share both.",
    protocol: "docs/protocol.md#files",
    advice: "Keep files in /tmp, and expect none in HOME.",
    needs: ["INVOKE"],
    setup: () => ({ environment: { HOME: "/home/sbx_user1051" } }),
    play: (run) => Observe.worksOn(run, "with a HOME that is not there")
  },
  {
    name: "environment/locale",
    title: "The locale is Turkish, whose i has other capitals, and the time zone has a quarter of an hour.",
    basis: "documented",
    aws: `LANG, LC_ALL and TZ can be set by the function. ${sharedVariables}`,
    protocol: "docs/protocol.md#environment-variables",
    advice: "Compare names of the protocol as they are, or without a locale.",
    needs: ["INVOKE"],
    setup: () => ({ environment: { LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8", TZ: "Asia/Kathmandu" } }),
    play: (run) => Observe.worksOn(run, "with a Turkish locale")
  },
  {
    name: "environment/proxy",
    title: "The function is behind a proxy: HTTP_PROXY, HTTPS_PROXY and ALL_PROXY are set, and the proxy is down.",
    basis: "documented",
    aws: `The Runtime API is on this host, and no proxy leads to it. ${sharedVariables}`,
    protocol: "docs/protocol.md#environment-variables",
    advice: "Never use a proxy for AWS_LAMBDA_RUNTIME_API, whatever the variables say.",
    needs: ["INVOKE"],
    setup: () => ({
      environment: Object.fromEntries(
        proxyVariables.flatMap((name) => [
          [name, deadProxy],
          [name.toLowerCase(), deadProxy]
        ])
      )
    }),
    play: (run) => Observe.worksOn(run, "with the variables of a proxy")
  },
  {
    name: "environment/node-options",
    title: "NODE_OPTIONS loads a module that works in the function, and in no other process.",
    basis: "documented",
    aws: `Agents are loaded so, and read variables that extensions do not have, such as _HANDLER. ${sharedVariables}`,
    protocol: "docs/protocol.md#environment-variables",
    advice: "Unset NODE_OPTIONS before Node starts, in the script that starts it.",
    needs: ["INVOKE"],
    setup: () => ({ environment: { NODE_OPTIONS: `--import ${pathToFileURL(agent).href}` } }),
    play: (run) => Observe.worksOn(run, "with NODE_OPTIONS of the function")
  }
]
