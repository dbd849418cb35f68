/** The backends of an extension in memory: an `HttpClient` that answers every request at once. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { Answer } from "./script.ts"

// A global of every runtime, without a type here.
declare const Response: new (body: null, init: Answer) => Parameters<typeof HttpClientResponse.fromWeb>[1]

export const make = (
  respond: (request: HttpClientRequest) => Answer = () => ({ status: 200 }),
  onSent: (request: HttpClientRequest, status: number) => Effect.Effect<void>
): HttpClient.HttpClient =>
  HttpClient.make((request) =>
    Effect.suspend(() => {
      const answer = respond(request)
      return Effect.as(onSent(request, answer.status), HttpClientResponse.fromWeb(request, new Response(null, answer)))
    })
  )
