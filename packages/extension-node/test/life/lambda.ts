/** A scripted Lambda for programs that run as processes, and their log. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Program from "../support/Program.ts"
import { type Answer, http, makeServer, type Received } from "../support/RawServer.ts"
import type { Row, RuntimeName, Scenario } from "../../../test/runtimes/scenario.ts"

export const registered = http("200 OK", '{"functionName":"f","functionVersion":"1","handler":""}\n', {
  "Lambda-Extension-Identifier": "8b9ed9b8-3a1a-4a3e-9d2b-2f0e1d6a0c11"
})
export const invoke = () =>
  http(
    "200 OK",
    JSON.stringify({ eventType: "INVOKE", deadlineMs: Date.now() + 3000, requestId: "r-1", invokedFunctionArn: "a" })
  )
export const shutdown = (milliseconds: number) =>
  http(
    "200 OK",
    JSON.stringify({ eventType: "SHUTDOWN", deadlineMs: Date.now() + milliseconds, shutdownReason: "spindown" })
  )
const accepted = http("202 Accepted", '{"status":"OK"}\n')

/** A Lambda that answers register, then the given polls one after the other; later polls stay parked. */
export const lambda = (...polls: ReadonlyArray<() => Answer>) => {
  let index = 0
  return makeServer((request: Received) => {
    if (request.url.endsWith("/register")) return registered
    if (request.url.endsWith("/error")) return accepted
    return polls[index++]?.() ?? "park"
  })
}

export const registeredByStub = {
  EFFECT_LAMBDA_EXTENSION_IDENTIFIER: "id-1",
  EFFECT_LAMBDA_EXTENSION_EVENTS: "INVOKE,SHUTDOWN"
}

const Line = Schema.Struct({
  level: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.String),
  annotations: Schema.Record(Schema.String, Schema.String)
})
export const logOf = (output: string) =>
  Effect.orDie(Schema.decodeUnknownEffect(Schema.Array(Schema.fromJsonString(Line)))(output.trimEnd().split("\n")))

// The Extensions API is never called through a proxy, whatever the runtime does with these variables.
const proxy = { HTTP_PROXY: "http://127.0.0.1:1", http_proxy: "http://127.0.0.1:1" }

type Start = (program: string, env: Record<string, string>, isBundled?: boolean) => ReturnType<typeof Program.start>

/** @param play gets the way to start a program on the runtime */
export const scenario = (
  name: string,
  play: (start: Start, runtime: RuntimeName) => Effect.Effect<void, never, Scope.Scope>,
  not: Row["not"] = {}
): Scenario => ({
  name,
  not,
  run: (runtime) =>
    play((program, env, isBundled) => Program.start(program, { ...proxy, ...env }, runtime, isBundled), runtime)
})
