/** An HTTP sink against an endpoint in memory. */
import { TelemetrySink } from "@effect-lambda/extension"
import { TelemetryTest } from "@effect-lambda/extension/testing"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"

export const url = "https://logs.example.com/v1"
export const secret = "s3cret-t0ken"

export const events = [TelemetryTest.start("request-1"), TelemetryTest.log("a line")]
export const batch: TelemetrySink.TelemetryBatch = { id: "batch-1", events }
export const ndjson = events.map((event) => `${JSON.stringify(event)}\n`).join("")

export const bytesOf = ({ body }: HttpClientRequest.HttpClientRequest) => {
  assert.strictEqual(body._tag, "Uint8Array")
  return body._tag === "Uint8Array" ? body.body : new Uint8Array()
}

type Answer = number | ((request: HttpClientRequest.HttpClientRequest) => HttpClientError.HttpClientErrorReason)

/** A transport in memory; the answers come in order, the last one again and again. */
export const endpoint = (...answers: ReadonlyArray<Answer>) => {
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make((request) =>
    Effect.suspend(() => {
      requests.push(request)
      const answer = answers[Math.min(requests.length, answers.length) - 1] ?? 200
      return typeof answer === "number"
        ? Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, { status: answer })))
        : Effect.fail(new HttpClientError.HttpClientError({ reason: answer(request) }))
    })
  )
  return { client, requests, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

export const http = (options: Partial<TelemetrySink.HttpOptions>, client: HttpClient.HttpClient) =>
  Effect.provideService(TelemetrySink.http({ url, ...options }), HttpClient.HttpClient, client)

export const sent = (options: Partial<TelemetrySink.HttpOptions>, sentBatch = batch) =>
  Effect.gen(function* () {
    const { client, requests } = endpoint(200)
    yield* (yield* http(options, client)).export(sentBatch)
    assert.strictEqual(requests.length, 1)
    return requests[0]!
  })

export const refusal = (options: Partial<TelemetrySink.HttpOptions>, ...answers: ReadonlyArray<Answer>) =>
  Effect.gen(function* () {
    const { client } = endpoint(...answers)
    return yield* Effect.flip((yield* http(options, client)).export(batch))
  })

export const transportError = (cause: unknown) => (request: HttpClientRequest.HttpClientRequest) =>
  new HttpClientError.TransportError({ request, cause })
