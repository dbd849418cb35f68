/** A client with an inherited connection on descriptor 3; `PROBE` says what it does with it. */
import { LambdaHttpClient } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import { fstatSync, openSync } from "node:fs"

const runtimeApi = process.env.AWS_LAMBDA_RUNTIME_API ?? ""
const request = HttpClientRequest.get(`http://${runtimeApi}/`)

const isOpen = (descriptor: number) => {
  try {
    return fstatSync(descriptor).isSocket()
  } catch {
    return false
  }
}

const use = Effect.gen(function* () {
  switch (process.env.PROBE) {
    case "unused":
      yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3 })
      return
    case "interrupted": {
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3 })
      // Both before the socket is made: in the same turn of the event loop.
      const fiber = yield* Effect.forkChild(client.execute(request), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      return
    }
    case "two at once": {
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3 })
      yield* Effect.all([client.execute(request), client.execute(request)], { concurrency: "unbounded" })
      yield* client.execute(request)
      return
    }
    default: {
      const descriptor = process.env.PROBE === "a file" ? openSync(import.meta.filename, "r") : 4000
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor })
      yield* client.execute(request)
    }
  }
})

await Effect.runPromise(Effect.scoped(use))
// eslint-disable-next-line no-console
console.log(`open: ${isOpen(3)}`)
process.exit()
