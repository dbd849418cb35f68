/** A client of the Telemetry API or of the Logs API against answers in memory. */
import * as LogsApi from "@effect-lambda/extension/telemetry/LogsApi"
import type * as Registration from "@effect-lambda/extension/Registration"
import * as TelemetryApi from "@effect-lambda/extension/telemetry/TelemetryApi"
import type * as TelemetrySubscription from "@effect-lambda/extension/telemetry/TelemetrySubscription"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"

export const registration: Registration.Registration = {
  functionName: "f",
  functionVersion: "$LATEST",
  handler: "h",
  extensionName: "a",
  extensionIdentifier: "8b9ed9b8-3a1a-4a3e-9d2b-2f0e1d6a0c11",
  events: ["INVOKE"]
}

export const subscription: TelemetrySubscription.Subscription = {
  types: ["platform", "function"],
  destination: { protocol: "HTTP", port: 4243 }
}

export interface Sent {
  readonly request: HttpClientRequest
  readonly body: string
}

export type Answer = readonly [status: number, body: string]

export const apis = { telemetry: TelemetryApi.make, logs: LogsApi.make }

/** Subscribes; the answers come in order, the last one again and again. */
export const subscribe = (
  options: {
    readonly api?: "telemetry" | "logs"
    readonly answers?: ReadonlyArray<Answer>
    readonly subscription?: Partial<TelemetrySubscription.Subscription>
    readonly initializationType?: string
    readonly registration?: Registration.Registration
  } = {}
) =>
  Effect.gen(function* () {
    const sent: Array<Sent> = []
    const answers = options.answers ?? [[200, '"OK"']]
    const client = HttpClient.make((request) =>
      Effect.sync(() => {
        const body = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
        sent.push({ request, body })
        const [status, text] = answers[Math.min(sent.length, answers.length) - 1]!
        return HttpClientResponse.fromWeb(request, new Response(text, { status }))
      })
    )
    const api = yield* apis[options.api ?? "telemetry"]({
      runtimeApi: "lambda:9001",
      initializationType: options.initializationType ?? "on-demand"
    }).pipe(Effect.provideService(HttpClient.HttpClient, client))
    const result = yield* Effect.result(
      api.subscribe(options.registration ?? registration, { ...subscription, ...options.subscription })
    )
    const versions: ReadonlyArray<unknown> = sent.map(({ body }) => JSON.parse(body).schemaVersion)
    return { result, sent, versions }
  })

export const failure = (options: Parameters<typeof subscribe>[0]) =>
  Effect.map(subscribe(options), ({ result, sent }) => {
    if (result._tag === "Success") throw new Error(`subscribed: ${result.success._tag}`)
    return { error: result.failure, requests: sent.length }
  })

export const refusal = (errorType: string, errorMessage: string) => JSON.stringify({ errorType, errorMessage })
