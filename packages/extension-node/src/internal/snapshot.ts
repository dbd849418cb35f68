/**
 * SnapStart takes a snapshot after init, and every environment comes out of it with the connections that were open then:
 * dead ones, of which nobody has told the process. So none is kept until the first event.
 */
import { ExtensionsApi } from "@effect-lambda/extension/ExtensionsApi"
import { LambdaEnvironment } from "@effect-lambda/extension/LambdaEnvironment"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Fetch } from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"

/**
 * With SnapStart: has `FetchHttpClient` close each connection behind its answer, until Lambda has given the first event. The API stays as
 * it is: it is part of the snapshot, and so are connections to it.
 */
export const closingConnections: Layer.Layer<ExtensionsApi, never, ExtensionsApi | LambdaEnvironment> =
  Layer.effectContext(
    Effect.gen(function* () {
      const api = yield* ExtensionsApi
      const { initializationType } = yield* LambdaEnvironment
      if (initializationType !== "snap-start") return Context.make(ExtensionsApi, api)
      const fetch = yield* Fetch
      let hadEvent = false
      const withoutKeeping: typeof fetch = (input, init) => {
        if (hadEvent) return fetch(input, init)
        const headers = new Headers(init?.headers)
        headers.set("connection", "close")
        return fetch(input, { ...init, headers })
      }
      return Context.make(ExtensionsApi, {
        ...api,
        nextEvent: (registration) =>
          Effect.tap(
            api.nextEvent(registration),
            Effect.sync(() => {
              hadEvent = true
            })
          )
      }).pipe(Context.add(Fetch, withoutKeeping))
    })
  )
