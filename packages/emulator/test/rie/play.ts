/**
 * Plays a recording against the emulator under profile `rie`, in the words of `script.ts`.
 *
 * The wall-clock pauses of the recording are not repeated. After each step the runner waits for the outcomes that the
 * recording has there; any further outcome shows up in this step or a later one. Within a step the order of starts,
 * ends and answers depends on the scheduler of AWS's emulator, and the recorder has sorted them; they are compared as a
 * set.
 */
import type * as Journal from "@effect-lambda/emulator/Journal"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { startEmulator } from "../support.ts"
import type { RawAnswer } from "../conformance/raw.ts"
import { request } from "../conformance/raw.ts"
import type { Action, Recording } from "./script.ts"
import { closed } from "./script.ts"

const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** Identifiers become labels with the number of identifiers that were seen before, times become `D`. */
const makeLabels = () => {
  const labels = new Map<string, string>()
  const label = (prefix: string) => (identifier: string) => {
    const known = labels.get(identifier) ?? `${prefix}${labels.size}`
    labels.set(identifier, known)
    return known
  }
  const header = (text: string, name: string): string => {
    if (text.startsWith("Lambda-Runtime-Deadline-Ms: ")) return text.replace(/\d+$/, "D")
    if (text.startsWith("Lambda-Extension-Identifier: ")) return text.replace(uuids, label(`id(${name})`))
    return text.replace(uuids, label(text.startsWith("Lambda-Runtime-Aws-Request-Id: ") ? "req" : "U"))
  }
  return (answer: RawAnswer, name: string, isInvoke: boolean): string => {
    if (answer.statusLine === "") return "closed without an answer"
    const headers = answer.headerLines
      .filter((line) => !line.startsWith("Date: ") && !(isInvoke && line.startsWith("Content-Type: ")))
      .toSorted()
      .map((line) => header(line, name))
    const body = answer.body.replace(/"deadlineMs":\d+/, '"deadlineMs":D').replace(uuids, label("U"))
    return `${answer.statusLine} | ${headers.join(" ; ")} | ${body}`
  }
}

interface Arrival {
  readonly number: number
  readonly answer: RawAnswer
  readonly action: Action & { readonly _tag: "Call" }
}

const sourceOf = (name: string): Journal.Source => (name === "runtime" ? "runtime" : `extension:${name}`)

/** The outcomes of every step, in the words of the recording. */
export const play = Effect.fnUntraced(function* ({ extensions, steps, timeoutSeconds }: Recording) {
  const emulator = yield* startEmulator({
    profile: "rie",
    extensions: extensions.map((manual) => ({ manual })),
    timeout: Duration.seconds(timeoutSeconds ?? 60),
    invokeListen: { port: 0 }
  })
  const { journal, runtimeApi } = emulator
  const invokeApi = (emulator.invokeEndpoint ?? "").replace("http://", "")
  const identifiers = new Map<string, string>()
  const toLine = makeLabels()
  const arrived: Array<Arrival> = []
  let requestId = ""
  let calls = 0
  let seen = 0

  const send = Effect.fnUntraced(function* (action: Action & { readonly _tag: "Call" }, number: number) {
    const { body, headers, invoke, method, name, path } = action
    const identifier = path.endsWith("/register") ? undefined : identifiers.get(name)
    const identified = identifier === undefined ? headers : { ...headers, "Lambda-Extension-Identifier": identifier }
    const address = invoke ? invokeApi : runtimeApi
    const answer = yield* request(address, method, path.replace("$REQ", requestId), identified, body)
    const given = answer.headers["lambda-extension-identifier"]
    if (given !== undefined) identifiers.set(name, given)
    requestId = answer.headers["lambda-runtime-aws-request-id"] ?? requestId
    arrived.push({ number, answer, action })
  })

  /** Processes that have started and ended since the last look. */
  const processes = Effect.map(journal.entries, (entries) =>
    entries.slice(seen).flatMap((entry) => {
      if (entry._tag !== "ProcessStarted" && entry._tag !== "ProcessExited") return []
      const name = entry.source.replace("extension:", "")
      return [`${entry._tag === "ProcessStarted" ? "start" : "end"} ${name}`]
    })
  )

  const act = Effect.fnUntraced(function* (action: Action) {
    switch (action._tag) {
      case "Call": {
        const number = calls++
        const before = (yield* journal.entries).length
        yield* Effect.forkScoped(send(action, number))
        // A call that waits for its answer is in the journal.
        const isThere = Effect.map(
          journal.entries,
          (entries) => entries.length > before || arrived.some((arrival) => arrival.number === number)
        )
        return yield* awaitTrue(isThere)
      }
      case "Exit": {
        const end = emulator.endManualProcess(sourceOf(action.name), { _tag: "Code", code: action.code })
        // The recorder asked for the end of processes that were gone too.
        return yield* Effect.ignore(end)
      }
      case "Terminate":
        return yield* Effect.forkScoped(emulator.shutdown())
      case "Wait":
        return
    }
  })

  const transcript: Array<ReadonlyArray<string>> = []
  for (const [action, ...expected] of steps) {
    yield* act(action)
    const ofProcesses = expected.filter((outcome) => !outcome.startsWith("#")).length
    // The recorder has an end without an answer only of the call that it made last, and none of a caller at the end.
    const isRecorded = ({ action: { invoke }, answer, number }: Arrival): boolean =>
      answer.statusLine === "" ? expected.includes(closed(number)) : !(invoke && action._tag === "Terminate")
    yield* awaitTrue(
      Effect.map(
        processes,
        (found) => found.length >= ofProcesses && arrived.filter(isRecorded).length >= expected.length - ofProcesses
      )
    )
    // All other outcomes of this step come before the answer to one more request.
    yield* request(runtimeApi, "GET", "/2018-06-01/ping")
    const answers = arrived
      .splice(0)
      .filter(isRecorded)
      .toSorted((one, other) => one.number - other.number)
      .map(({ action: { invoke, name }, answer, number }) => `#${number} ${toLine(answer, name, invoke)}`)
    transcript.push([...answers, ...(yield* processes)].toSorted())
    seen = (yield* journal.entries).length
  }
  return transcript
})

/** Looks until the condition holds, thirty seconds at most; the comparison shows what is missing then. */
const awaitTrue = (condition: Effect.Effect<boolean>) =>
  condition.pipe(
    Effect.repeat({ until: (met) => met, schedule: Schedule.spaced("5 millis") }),
    Effect.timeoutOption("30 seconds")
  )
