/**
 * SnapStart takes a snapshot after init. Every environment is restored with the connections that were open then, but
 * they are dead, and the process is not told. So no connection is kept until the first event.
 */
import { ExtensionsApi } from "@effect-lambda/extension/ExtensionsApi"
import { LambdaEnvironment } from "@effect-lambda/extension/LambdaEnvironment"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { Fetch } from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import { KeepsConnections } from "../sink/keeping.ts"

/**
 * With SnapStart this layer makes `SinkHttpClient` and `FetchHttpClient` close each connection after its answer, until Lambda
 * has given the first event. The Extensions API stays as it is: the API and the connections to it are part of the snapshot.
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
      }).pipe(
        Context.add(Fetch, withoutKeeping),
        Context.add(KeepsConnections, () => hadEvent)
      )
    })
  )
