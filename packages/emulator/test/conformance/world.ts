/** An environment whose extensions and function are driven by the test, request by request. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EmulatorError } from "@effect-lambda/emulator/EmulatorError"
import * as Journal from "@effect-lambda/emulator/Journal"
import type { ProfileName } from "@effect-lambda/emulator/Profile"
import { assert } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { startEmulator } from "../support.ts"
import type { RawAnswer } from "./raw.ts"
import { request } from "./raw.ts"

/** Go's phrases; Node's differ in places. */
const phrases: Record<number, string> = {
  200: "OK",
  202: "Accepted",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  410: "Gone",
  413: "Request Entity Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway"
}

/** How one case is shown, under every profile it names or under some of them. */
export interface Scenario {
  readonly case: number
  /** The part of the case that this scenario shows, if a case has several. */
  readonly part?: string
  readonly profiles?: ReadonlyArray<ProfileName>
  /** Default: one extension, the manual extension `a`. */
  readonly options?: Emulator.Options
  readonly run: (world: World) => Effect.Effect<void, EmulatorError | Cause.TimeoutError, Scope.Scope>
}

export const manualExtensions = (...names: ReadonlyArray<string>): Emulator.Options => ({
  extensions: names.map((manual) => ({ manual }))
})

export const unknownIdentifier = "00000000-0000-4000-8000-000000000000"
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export const text = { "Content-Type": "text/plain; charset=utf-8" }
export const json = { "Content-Type": "application/json" }
export const accepted = '{"status":"OK"}\n'
export const notFoundHeaders = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" }
export const notFoundBody = "404 page not found\n"

/** The bytes of an API error: message first, one final newline. */
export const errorBody = (errorType: string, errorMessage: string): string =>
  `${JSON.stringify({ errorMessage, errorType })}\n`

/** Compares every byte but the date: status line, header lines in any order, body. */
export const expectAnswer = (
  answer: RawAnswer,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string
): void => {
  const bytes = Buffer.from(body)
  const isChunked = answer.headerLines.includes("Transfer-Encoding: chunked")
  const size = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${bytes.length}`
  assert.deepStrictEqual(
    {
      statusLine: answer.statusLine,
      headers: answer.headerLines.filter((line) => !line.startsWith("Date: ")).toSorted(),
      body: answer.bytes.toString("latin1")
    },
    {
      statusLine: `HTTP/1.1 ${status} ${phrases[status]}`,
      headers: [...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), size].toSorted(),
      body: bytes.toString("latin1")
    }
  )
}

export const expectRefusal = (answer: RawAnswer, errorType: string, errorMessage: string, status = 403): void =>
  expectAnswer(answer, status, json, errorBody(errorType, errorMessage))

/** The document of a failure of the environment. */
export const failureDocument = (errorType: string, requestId: string, message: string): string =>
  JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${message}` })

/** The answer of the Invoke API when the environment failed: Lambda's function error, or the 502 of Go. */
export const expectFailure = (profile: ProfileName, answer: RawAnswer, document: string): void => {
  if (profile !== "real") return expectAnswer(answer, 502, document === "" ? {} : text, document)
  assert.strictEqual(answer.statusLine, "HTTP/1.1 200 OK")
  assert.include(answer.headerLines, "X-Amz-Function-Error: Unhandled")
  assert.strictEqual(answer.body, document)
}

export const makeWorld = Effect.fnUntraced(function* (profile: ProfileName, options: Emulator.Options) {
  const emulator = yield* startEmulator({ invokeListen: { port: 0 }, ...options, profile })
  const { journal } = emulator
  /** An invocation over HTTP. */
  const post = (body: string | Buffer, headers: Readonly<Record<string, string>> = {}) => {
    const path = "/2015-03-31/functions/function/invocations"
    return request((emulator.invokeEndpoint ?? "").replace("http://", ""), "POST", path, headers, body)
  }

  // AWS's emulator starts nothing before the first invocation.
  const starter = profile === "rie" ? yield* Effect.forkScoped(post("{}")) : undefined
  yield* journal.waitFor(Journal.is("InitStarted"))

  const call = (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = "") =>
    request(emulator.runtimeApi, method, path, headers, body)

  const register = (name: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
    call("POST", "/2020-01-01/extension/register", { "Lambda-Extension-Name": name, ...headers }, body)

  /** Registers and returns the identifier. */
  const registered = Effect.fnUntraced(function* (name: string, events: ReadonlyArray<string>) {
    const answer = yield* register(name, JSON.stringify({ events }))
    assert.strictEqual(answer.status, 200, answer.body)
    return answer.headers["lambda-extension-identifier"] ?? ""
  })

  const next = (identifier: string) =>
    call("GET", "/2020-01-01/extension/event/next", { "Lambda-Extension-Identifier": identifier })

  /** Starts a poll and waits until the environment has it. */
  const poll = Effect.fnUntraced(function* (source: Journal.Source, waiting: Effect.Effect<RawAnswer>) {
    const before = (yield* journal.entries).length
    const fiber = yield* Effect.forkScoped(waiting)
    yield* journal.waitFor(Journal.is("NextCalled", (entry) => entry.index >= before && entry.source === source))
    return fiber
  })
  const pollExtension = (name: string, identifier: string) => poll(`extension:${name}`, next(identifier))
  const pollRuntime = poll("runtime", call("GET", "/2018-06-01/runtime/invocation/next"))

  const report = (route: "init" | "exit", identifier: string, errorType = "Extension.ConfigInvalid", body = "{}") =>
    call(
      "POST",
      `/2020-01-01/extension/${route}/error`,
      { "Lambda-Extension-Identifier": identifier, "Lambda-Extension-Function-Error-Type": errorType },
      body
    )

  const respond = (requestId: string, body = "{}", headers: Readonly<Record<string, string>> = {}) =>
    call("POST", `/2018-06-01/runtime/invocation/${requestId}/response`, headers, body)
  const respondError = (requestId: string, headers: Readonly<Record<string, string>> = {}, body = "{}") =>
    call("POST", `/2018-06-01/runtime/invocation/${requestId}/error`, headers, body)

  /** The events that an extension can have: a managed instance has no INVOKE. */
  const usualEvents = profile === "lmi" ? ["SHUTDOWN"] : ["INVOKE", "SHUTDOWN"]

  /** Registers the manual extension `a`, lets all clients poll, waits until the environment is idle. */
  const ready = Effect.fnUntraced(function* (events: ReadonlyArray<string> = usualEvents) {
    const identifier = yield* registered("a", events)
    const extensionPoll = yield* pollExtension("a", identifier)
    const runtimePoll = yield* pollRuntime
    yield* journal.waitFor(Journal.is("InitEnded"))
    if (starter === undefined) return { identifier, extensionPoll, runtimePoll }
    // The invocation that started everything is out of the way before the case begins.
    const { headers } = yield* Fiber.join(runtimePoll)
    yield* respond(headers["lambda-runtime-aws-request-id"] ?? "")
    const subscribed = events.includes("INVOKE")
    if (subscribed) yield* Fiber.join(extensionPoll)
    const again = {
      identifier,
      extensionPoll: subscribed ? yield* pollExtension("a", identifier) : extensionPoll,
      runtimePoll: yield* pollRuntime
    }
    yield* Fiber.join(starter)
    return again
  })

  /** As `ready`, then an invocation that both sides have received. */
  const invokingBy = Effect.fnUntraced(function* <A, E>(invocationOf: Effect.Effect<A, E>) {
    const { extensionPoll, identifier, runtimePoll } = yield* ready()
    const caller = yield* Effect.forkScoped(invocationOf)
    const invocation = yield* Fiber.join(runtimePoll)
    const requestId = invocation.headers["lambda-runtime-aws-request-id"] ?? ""
    return { identifier, caller, extensionPoll, invocation, requestId }
  })
  const invoking = (options: Emulator.InvokeOptions = {}) => invokingBy(emulator.invoke('{"n":1}', options))
  const posting = invokingBy(post('{"n":1}'))

  /** As `ready`, then the extension has an event in hand: INVOKE, or SHUTDOWN on a managed instance. */
  const running = Effect.fnUntraced(function* () {
    const { extensionPoll, identifier } = yield* ready()
    yield* Effect.forkScoped(profile === "lmi" ? emulator.shutdown() : Effect.ignore(emulator.invoke("{}")))
    yield* Fiber.join(extensionPoll)
    return identifier
  })

  const entries = <Tag extends Journal.JournalEntry["_tag"]>(tag: Tag) =>
    Effect.map(journal.entries, (all) => all.filter(Journal.is(tag)))

  return {
    profile,
    emulator,
    journal,
    entries,
    call,
    register,
    registered,
    next,
    pollExtension,
    pollRuntime,
    report,
    respond,
    respondError,
    usualEvents,
    ready,
    post,
    invoking,
    /** As `invoking`, by a caller over HTTP. */
    posting,
    running,
    starter,
    /** A refused transition, as this profile words it. */
    notAllowed: (from: string, to: string, subject: string, error = "State transition is not allowed") => {
      const text = profile === "lmi" ? error.toLowerCase() : error
      return `State transition from ${from} to ${to} failed for ${subject}. Error: ${text}`
    }
  }
})

export type World = Effect.Success<ReturnType<typeof makeWorld>>
