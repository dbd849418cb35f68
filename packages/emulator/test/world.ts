/** An environment whose extensions and function are driven by the test, request by request. */
import * as Journal from "@effect-lambda/emulator/Journal"
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { RawAnswer } from "./support.ts"
import { request, startEmulator } from "./support.ts"

export const unknownIdentifier = "00000000-0000-4000-8000-000000000000"

export const json = { "content-type": "application/json" }

/** The bytes of an API error: message first, one final newline. */
export const errorBody = (errorType: string, errorMessage: string): string =>
  `${JSON.stringify({ errorMessage, errorType })}\n`

/** Compares status, the named headers and every byte of the body. */
export const expectAnswer = (
  answer: RawAnswer,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string
): void => {
  const named = Object.fromEntries(Object.keys(headers).map((name) => [name, answer.headers[name]]))
  assert.deepStrictEqual({ status: answer.status, headers: named, body: answer.body }, { status, headers, body })
}

export const expectRefusal = (answer: RawAnswer, errorType: string, errorMessage: string, status = 403): void =>
  expectAnswer(answer, status, json, errorBody(errorType, errorMessage))

export const makeWorld = Effect.fnUntraced(function* (options: Emulator.Options) {
  const emulator = yield* startEmulator(options)
  const call = (method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = "") =>
    request(emulator.runtimeApi, method, path, headers, body)

  const register = (name: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
    call("POST", "/2020-01-01/extension/register", { "Lambda-Extension-Name": name, ...headers }, body)

  const identifierOf = (answer: RawAnswer): string => answer.headers["lambda-extension-identifier"] ?? ""

  /** Registers and returns the identifier. */
  const registered = Effect.fnUntraced(function* (name: string, events: ReadonlyArray<string>) {
    const answer = yield* register(name, JSON.stringify({ events }))
    assert.strictEqual(answer.status, 200, answer.body)
    return identifierOf(answer)
  })

  const next = (identifier: string) =>
    call("GET", "/2020-01-01/extension/event/next", { "Lambda-Extension-Identifier": identifier })

  /** Starts a poll and waits until the environment has it. */
  const poll = Effect.fnUntraced(function* (source: Journal.Source, waiting: Effect.Effect<RawAnswer>) {
    const before = (yield* emulator.journal.entries).length
    const fiber = yield* Effect.forkScoped(waiting)
    yield* emulator.journal.waitFor(
      Journal.is("NextCalled", (entry) => entry.index >= before && entry.source === source)
    )
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

  /** Registers slot `a`, lets everybody poll, waits for the end of init. */
  const ready = Effect.fnUntraced(function* (events: ReadonlyArray<string> = ["INVOKE", "SHUTDOWN"]) {
    const identifier = yield* registered("a", events)
    const extensionPoll = yield* pollExtension("a", identifier)
    const runtimePoll = yield* pollRuntime
    yield* emulator.journal.waitFor(Journal.is("InitEnded"))
    return { identifier, extensionPoll, runtimePoll }
  })

  /** As `ready`, then an invocation that both sides have received. */
  const invoking = Effect.fnUntraced(function* (options: Emulator.InvokeOptions = {}) {
    const { extensionPoll, identifier, runtimePoll } = yield* ready()
    const caller = yield* Effect.forkScoped(emulator.invoke('{"n":1}', options))
    const event = yield* Fiber.join(extensionPoll)
    const invocation = yield* Fiber.join(runtimePoll)
    const requestId = invocation.headers["lambda-runtime-aws-request-id"] ?? ""
    return { identifier, caller, event, invocation, requestId }
  })

  return {
    emulator,
    journal: emulator.journal,
    call,
    register,
    registered,
    identifierOf,
    next,
    pollExtension,
    pollRuntime,
    report,
    respond,
    respondError,
    ready,
    invoking
  }
})

export type World = Effect.Success<ReturnType<typeof makeWorld>>
