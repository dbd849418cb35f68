/** The backends of an extension in memory: an `HttpClient` that answers every request at once. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { Answer } from "./script.ts"

// A global of every runtime, without a type here.
declare const Response: new (
  body: string | null,
  init: { readonly status: number; readonly headers: Readonly<Record<string, string>> }
) => Parameters<typeof HttpClientResponse.fromWeb>[1]

export const make = (
  respond: (request: HttpClientRequest) => Answer = () => ({ status: 200 }),
  onSent: (request: HttpClientRequest, status: number) => Effect.Effect<void>
): HttpClient.HttpClient =>
  HttpClient.make((request) =>
    Effect.suspend(() => {
      const { body = null, headers = {}, status } = respond(request)
      const response = new Response(body, { status, headers })
      return Effect.as(onSent(request, status), HttpClientResponse.fromWeb(request, response))
    })
  )
