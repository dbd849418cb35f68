/** The whole extension in memory: Lambda's script on one side, a backend of OTLP on the other. */
import { Extension, TelemetrySink } from "@effect-lambda/extension"
import type * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import { ExtensionTest } from "@effect-lambda/extension/testing"
import { assert } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { Otel, type OtelConfig } from "@effect-lambda/otel"
import { gunzipSync, gzipSync } from "node:zlib"

/** What the backend does with a request. `half`: it answers 200 and closes in the middle of the body. */
export type Answer =
  | "hang"
  | "close"
  | "half"
  | {
      readonly status: number
      readonly body?: string | Uint8Array
      readonly headers?: Readonly<Record<string, string>>
    }

export interface Received {
  readonly signal: OtelConfig.Signal
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly status: number | undefined
}

const halfBody = () =>
  new ReadableStream({
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode("{"))
      controller.error(new Error("closed in the middle"))
    }
  })

const bodyOf = ({ body, headers }: HttpClientRequest.HttpClientRequest) => {
  const bytes = body._tag === "Uint8Array" ? body.body : new Uint8Array()
  return headers["content-encoding"] === "gzip" ? new Uint8Array(gunzipSync(bytes)) : bytes
}

const signalOf = (url: string): OtelConfig.Signal =>
  url.endsWith("/v1/metrics") ? "metrics" : url.endsWith("/v1/logs") ? "logs" : "traces"

/** A backend in memory: `answer` is asked for each request of a signal, which is the nth, from 1 on. */
export const backend = (answer: (signal: OtelConfig.Signal, nth: number, body: Uint8Array) => Answer) => {
  const received: Array<Received> = []
  const client = HttpClient.make((request) =>
    Effect.suspend(() => {
      const signal = signalOf(request.url)
      const body = bodyOf(request)
      const nth = received.filter((each) => each.signal === signal).length + 1
      const given = answer(signal, nth, body)
      const status = given === "half" ? 200 : typeof given === "string" ? undefined : given.status
      received.push({ signal, headers: request.headers, body, status })
      if (given === "hang") return Effect.never
      if (given === "close") {
        return Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause: new Error("the connection was closed") })
          })
        )
      }
      const response =
        given === "half"
          ? new Response(halfBody(), { status: 200 })
          : new Response(given.body === undefined ? null : new Uint8Array(asBytes(given.body)), {
              status: given.status,
              headers: given.headers ?? {}
            })
      return Effect.succeed(HttpClientResponse.fromWeb(request, response))
    })
  )
  return { client, received }
}

const asBytes = (body: string | Uint8Array) => (typeof body === "string" ? new TextEncoder().encode(body) : body)

export const endpoint = "https://otlp.example.com"

/** Variables of a function, with a backend that gets JSON. */
export const variables = {
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
  AWS_REGION: "eu-central-1",
  EFFECT_LAMBDA_OTLP_ENDPOINT: endpoint,
  EFFECT_LAMBDA_OTLP_PROTOCOL: "http/json",
  EFFECT_LAMBDA_OTLP_RECEIVER: "false"
}

/** Bodies of answers are streams of the web, which come in real time and not in that of the test. */
const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Runs with the clock moved on until the effect is done, at most an hour. */
export const runInTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect))
    for (let second = 0; second < 3600 && fiber.pollUnsafe() === undefined; second++) {
      yield* turn
      yield* TestClock.adjust("1 second")
    }
    assert.isDefined(fiber.pollUnsafe(), "still running after an hour")
    return yield* Fiber.join(fiber)
  })

/** For how long each invocation was held after its records had come: until the extension called next. */
export const heldMillis = (journal: ReadonlyArray<ExtensionTest.Entry>): ReadonlyArray<number> =>
  journal.flatMap((entry, index) => {
    if (entry._tag !== "Event" || entry.event.eventType !== "INVOKE") return []
    const next = journal.slice(index).find(({ _tag }) => _tag === "Next")
    return [(next?.at ?? Number.NaN) - entry.at]
  })

export interface Options {
  readonly script: ReadonlyArray<ExtensionTest.Step>
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly answer?: Parameters<typeof backend>[0] | undefined
  readonly otel?: Otel.Options | undefined
  readonly history?: ExtensionTest.Options["history"]
}

/** Runs the extension through the script, with the time that it needs. */
export const run = Effect.fnUntraced(function* ({
  answer = () => ({ status: 200 }),
  env,
  history,
  otel,
  script
}: Options) {
  const { client, received } = backend(answer)
  const messages: Array<string> = []
  let accounting: TelemetryAccounting.TelemetryAccounting | undefined
  const { onInvoke, telemetry } = Otel.make({
    grace: 0,
    quiet: 0,
    ...otel,
    onAccounting: (last) =>
      Effect.sync(() => {
        accounting = last
      })
  })
  const logs = Logger.layer([
    Logger.make(({ cause, logLevel, message }) => {
      const text = Array.isArray(message) ? message.map(String).join(" ") : String(message)
      messages.push(`${logLevel}: ${text}${cause.reasons.length === 0 ? "" : ` ${String(cause)}`}`)
    })
  ])
  const journal = yield* runInTime(
    Extension.run({ onInvoke, telemetry }).pipe(
      Effect.provideService(HttpClient.HttpClient, client),
      Effect.provideService(TelemetrySink.CurrentGzip, (body) => Effect.sync(() => new Uint8Array(gzipSync(body)))),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: { ...variables, ...env } })),
      Effect.provide(logs)
    )
  ).pipe(Effect.andThen(ExtensionTest.journal), Effect.provide(ExtensionTest.layer(script, { history })))
  return {
    received,
    messages,
    /** The calls of the extension, and what Lambda answered. */
    journal,
    of: (signal: OtelConfig.Signal) => received.filter((each) => each.signal === signal),
    counts: (signal: OtelConfig.Signal) => accounting?.consumers.find(({ name }) => name === `otlp ${signal}`)
  }
})
