/**
 * Sends a request to `TARGET` for each of `METHODS`: the first at once, another as soon as the file `GO` has as many bytes
 * as requests were sent. Nothing closes its connections, and nothing else keeps the process alive afterwards.
 */
import { SinkHttpClient } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import type { HttpMethod } from "effect/http/HttpMethod"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Scope from "effect/Scope"
import { readFileSync } from "node:fs"

const { GO = "", METHODS = "GET", TARGET = "" } = process.env

// eslint-disable-next-line no-console
const say = (text: string) => console.log(text)

const isMethod = (text: string): text is HttpMethod => ["GET", "POST", "PUT"].includes(text)

/** A timer, which runs before the sockets are read when the process wakes up. */
const told = (count: number) =>
  new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (readFileSync(GO).length < count) return
      clearInterval(timer)
      resolve()
    }, 2)
  })

const client = await Effect.runPromise(Scope.provide(SinkHttpClient.make(), Scope.makeUnsafe()))

for (const [index, method] of METHODS.split(",").filter(isMethod).entries()) {
  if (index > 0) await told(index)
  const request = HttpClientRequest.make(method)(TARGET).pipe(
    method === "GET" ? (same) => same : HttpClientRequest.bodyText("a body")
  )
  const result = await Effect.runPromise(Effect.result(client.execute(request)))
  if (result._tag === "Failure") say(`${method} failed: ${result.failure.message}`)
  else say(`${method} ${result.success.status} ${await Effect.runPromise(result.success.text)}`)
}
