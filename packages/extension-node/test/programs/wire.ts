/**
 * The clients and the listener of the library in another process: connects to `CONTROL`, and does what its lines of JSON ask
 * for. The tests of the wire use it for runtimes that cannot run the tests themselves.
 */
import { LambdaHttpClient, NodeTelemetryListener, SinkHttpClient } from "@effect-lambda/extension-node"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import type { Event, Task } from "../wire/agentProtocol.ts"
import { outcomeOf } from "../wire/contract.ts"
import { contractCases } from "../wire/contractCases.ts"

const layers = {
  LambdaHttpClient: LambdaHttpClient.layer,
  SinkHttpClient: SinkHttpClient.layer,
  "SinkHttpClient with answers of 1 MiB": Layer.effect(
    HttpClient.HttpClient,
    SinkHttpClient.make({ maxAnswerBytes: 2 ** 20 })
  )
}

const port = Number(process.env.CONTROL)
const socket = process.getBuiltinModule("node:net").createConnection({ host: "127.0.0.1", port })
const tell = (event: Event) => void socket.write(`${JSON.stringify(event)}\n`)
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64")

/** The clients of a test, which close with its scope. */
const clients = new Map<number, { readonly client: HttpClient.HttpClient; readonly scope: Scope.Closeable }>()

const readWith = Effect.fnUntraced(function* (client: HttpClient.HttpClient, url: string) {
  const response = yield* client.execute(HttpClientRequest.get(url))
  return { status: response.status, headers: { ...response.headers }, body: yield* response.text }
})

/** The bytes of an unfinished line, which a receiver holds. */
const heldOf = (before: number, bytes: Uint8Array) => {
  const newline = bytes.lastIndexOf(0x0a)
  return newline === -1 ? before + bytes.length : bytes.length - newline - 1
}

const listen = Effect.fnUntraced(function* ({ id, limits, options, throws }: Extract<Task, { does: "listen" }>) {
  const fault = () => {
    if (throws) throw new Error("a fault of the receiver")
  }
  let connections = 0
  const { port } = yield* NodeTelemetryListener.make(limits).listen(options, {
    body: (bytes) => {
      tell({ id, is: "body", bytes: base64(bytes) })
      fault()
    },
    tooLarge: (bytes) => {
      tell({ id, is: "too large", bytes })
      fault()
    },
    connection: () => {
      const connection = connections++
      let held = 0
      tell({ id, is: "connection" })
      return {
        chunk: (bytes) => {
          held = heldOf(held, bytes)
          tell({ id, is: "chunk", connection, bytes: base64(bytes) })
          fault()
        },
        held: () => held,
        end: () => {
          tell({ id, is: "end", connection })
          fault()
        }
      }
    }
  })
  return port
})

const scopes = new Map<number, Scope.Closeable>()
const logging = (id: number) =>
  Logger.layer([Logger.make(({ message }) => tell({ id, is: "log", line: String(message) }))])

const perform = (task: Task): Effect.Effect<unknown> => {
  switch (task.does) {
    case "case": {
      const row = contractCases.find(({ name }) => name === task.name)
      return row === undefined
        ? Effect.die(new Error(`no case ${task.name}`))
        : Effect.scoped(outcomeOf(layers[task.client], row, task.host))
    }
    case "open":
      return Effect.gen(function* () {
        const scope = yield* Scope.make()
        const context = yield* Scope.provide(Layer.build(layers[task.client]), scope)
        clients.set(task.id, { client: Context.get(context, HttpClient.HttpClient), scope })
      })
    case "get": {
      const opened = clients.get(task.of)
      if (opened === undefined) return Effect.die(new Error("no such client"))
      return Effect.match(readWith(opened.client, task.url), {
        onFailure: ({ message, reason }) => ({ fails: reason._tag, message }),
        onSuccess: (answer) => answer
      })
    }
    case "listen":
      return Effect.gen(function* () {
        const scope = yield* Scope.make()
        scopes.set(task.id, scope)
        return yield* Effect.match(Scope.provide(listen(task), scope), {
          onFailure: ({ message }) => ({ fails: "TelemetryListenerError", message }),
          onSuccess: (port) => ({ port })
        })
      }).pipe(Effect.provide(logging(task.id)))
    case "nothing":
      return Effect.void
    case "close": {
      const scope = scopes.get(task.of) ?? clients.get(task.of)?.scope
      return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
    }
  }
}

let unfinished = ""
socket.on("data", (chunk: Uint8Array) => {
  const lines = (unfinished + String(chunk)).split("\n")
  unfinished = lines.pop() ?? ""
  for (const line of lines) {
    const task: Task = JSON.parse(line)
    Effect.runPromise(perform(task)).then(
      (result) => tell({ id: task.id, is: "done", result }),
      (cause) => tell({ id: task.id, is: "died", cause: String(cause) })
    )
  }
})
// The tests are over.
socket.on("close", () => process.exit(0))
