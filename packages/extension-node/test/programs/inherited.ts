/** A client with an inherited connection on descriptor 3; `PROBE` says what the client does with the connection. */
import { LambdaHttpClient } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Scope from "effect/Scope"
import { closeSync, fstatSync, openSync } from "node:fs"

const runtimeApi = process.env.AWS_LAMBDA_RUNTIME_API ?? ""
const request = HttpClientRequest.get(`http://${runtimeApi}/`)

const pollPath = "/2020-01-01/extension/event/next"
const sent = `GET ${pollPath}`

const isOpen = (descriptor: number) => {
  try {
    return fstatSync(descriptor).isSocket()
  } catch {
    return false
  }
}

// eslint-disable-next-line no-console
const say = (text: string) => console.log(text)

const use = Effect.gen(function* () {
  switch (process.env.PROBE) {
    case "unused":
      yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3 })
      return
    case "interrupted": {
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3 })
      // Both calls come before the socket is made, in the same turn of the event loop.
      const fiber = yield* Effect.forkChild(client.execute(request), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      return
    }
    case "scope closed": {
      const scope = yield* Scope.make()
      const client = yield* Scope.provide(LambdaHttpClient.make({ runtimeApi, descriptor: 3 }), scope)
      const fiber = yield* Effect.forkChild(Effect.flip(client.execute(request)), { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      say(`${(yield* Fiber.join(fiber)).reason.cause}`)
      return
    }
    case "closed by somebody": {
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3 })
      closeSync(3)
      say((yield* Effect.flip(client.execute(request))).reason._tag)
      yield* client.execute(request)
      return
    }
    case "large": {
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3 })
      yield* client.execute(
        HttpClientRequest.post(`http://${runtimeApi}/`).pipe(HttpClientRequest.bodyText("ł".repeat(1_000_000)))
      )
      return
    }
    case "late": {
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3 })
      yield* Effect.yieldNow
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      yield* client.execute(request)
      return
    }
    case "two at once": {
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3 })
      yield* Effect.all([client.execute(request), client.execute(request)], { concurrency: "unbounded" })
      yield* client.execute(request)
      return
    }
    case "sent: several calls": {
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3, sent })
      // Others come first, and beside it.
      yield* client.execute(request)
      const poll = HttpClientRequest.get(`http://${runtimeApi}${pollPath}`)
      const [first] = yield* Effect.all([client.execute(poll), client.execute(request)], { concurrency: 2 })
      say(yield* first.text)
      say(yield* (yield* client.execute(poll)).text)
      return
    }
    case "sent: unused":
      yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3, sent })
      return
    case "sent: interrupted": {
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor: 3, sent })
      const poll = HttpClientRequest.get(`http://${runtimeApi}${pollPath}`)
      const fiber = yield* Effect.forkChild(client.execute(poll), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      say(yield* (yield* client.execute(poll)).text)
      return
    }
    default: {
      const descriptor = process.env.PROBE === "a file" ? openSync(import.meta.filename, "r") : 4000
      const client = yield* LambdaHttpClient.make({ runtimeApi, descriptor })
      yield* client.execute(request)
    }
  }
})

if (process.env.PROBE?.startsWith("left ") === true) {
  // Nothing closes the client's connections, and nothing else keeps the process alive.
  const scope = Scope.makeUnsafe()
  const client = await Effect.runPromise(Scope.provide(LambdaHttpClient.make({ runtimeApi, descriptor: 3 }), scope))
  if (process.env.PROBE === "left idle") {
    await Effect.runPromise(Effect.all([client.execute(request), client.execute(request)], { concurrency: 2 }))
    await Effect.runPromise(client.execute(request))
  }
} else {
  await Effect.runPromise(Effect.scoped(use))
}
say(`open: ${isOpen(3)}`)
