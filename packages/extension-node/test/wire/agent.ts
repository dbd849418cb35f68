/** The clients and the listener in a process of another runtime, for the tables of the wire. */
import * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import { createInterface } from "node:readline"
import type { RuntimeName } from "../../../test/runtimes/scenario.ts"
import { start } from "../support/Program.ts"
import type { ClientName, Event, Task } from "./agentProtocol.ts"
import type { Outcome } from "./contract.ts"
import type { ClientImplementation, ListenerImplementation } from "./implementations.ts"

type Without<T> = T extends unknown ? Omit<T, "id"> : never

interface Answer {
  readonly fails?: string
  readonly message?: string
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly port?: number
}

/** A process of the runtime that does what the tests ask for. */
class Agent {
  readonly #socket: Socket
  readonly #child: { readonly kill: (signal: NodeJS.Signals) => boolean }
  readonly #handlers = new Map<number, (event: Event) => void>()
  #id = 0
  #end: string | undefined

  constructor(socket: Socket, child: { readonly kill: (signal: NodeJS.Signals) => boolean }, output: () => string) {
    this.#socket = socket
    this.#child = child
    createInterface({ input: socket }).on("line", (line) => {
      const event: Event = JSON.parse(line)
      this.#handlers.get(event.id)?.(event)
    })
    socket.on("error", () => {})
    socket.on("close", () => {
      this.#end = `the process ended: ${output()}`
      for (const [id, handler] of this.#handlers) handler({ id, is: "died", cause: this.#end })
    })
  }

  /** @param onEvent hears what comes before the result and after it */
  ask(task: Without<Task>, onEvent: (event: Event) => void = () => {}) {
    const id = ++this.#id
    const result = Effect.callback<Answer>((resume) => {
      if (this.#end !== undefined) return resume(Effect.die(new Error(this.#end)))
      this.#handlers.set(id, (event) => {
        if (event.is === "done") return resume(Effect.succeed(Object(event.result)))
        if (event.is === "died") return resume(Effect.die(new Error(event.cause)))
        return onEvent(event)
      })
      this.#socket.write(`${JSON.stringify({ ...task, id })}\n`)
    })
    return { id, result }
  }

  freeze(millis: number) {
    return Effect.sync(() => this.#child.kill("SIGSTOP")).pipe(
      Effect.andThen(Effect.sleep(millis)),
      Effect.andThen(Effect.sync(() => this.#child.kill("SIGCONT")))
    )
  }

  end(): void {
    this.#socket.destroy()
  }
}

const makeAgent = Effect.fnUntraced(function* (runtime: RuntimeName) {
  const server = createServer().listen(0, "127.0.0.1")
  yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
  yield* Effect.promise(() => once(server, "listening"))
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  const connected = once(server, "connection")
  const { child, exit, output } = yield* start("wire.ts", { CONTROL: String(port) }, runtime)
  const ended = exit.pipe(Effect.andThen(Effect.die(new Error(`wire.ts ended: ${output()}`))))
  const [socket] = yield* Effect.raceFirst(
    Effect.promise(() => connected),
    Effect.andThen(ended, Effect.never)
  )
  const agent = new Agent(socket, child, output)
  yield* Effect.addFinalizer(() => Effect.sync(() => agent.end()))
  return agent
})

const clientOf = (agent: Agent, client: ClientName): ClientImplementation => ({
  name: `${client} there`,
  layer: Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      const { id, result } = agent.ask({ does: "open", client })
      yield* result
      yield* Effect.addFinalizer(() => agent.ask({ does: "close", of: id }).result)
      return HttpClient.make((request, url) =>
        agent.ask({ does: "get", of: id, url: url.href }).result.pipe(
          Effect.flatMap(({ body, fails, headers = {}, message, status = 0 }) =>
            fails === undefined
              ? Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body, { status, headers })))
              : Effect.fail(
                  new HttpClientError.HttpClientError({
                    reason: new HttpClientError.TransportError({ request, description: `${fails}: ${message}` })
                  })
                )
          )
        )
      )
    })
  )
})

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"))

const listenerOf = (agent: Agent): ListenerImplementation => ({
  name: "NodeTelemetryListener there",
  freeze: (millis) => agent.freeze(millis),
  settle: Effect.suspend(() => agent.ask({ does: "nothing" }).result),
  make: (limits = {}, throws = false) => ({
    listen: Effect.fnUntraced(function* (options, deliveries) {
      const context = yield* Effect.context<never>()
      const connections: Array<TelemetryListener.Connection> = []
      const quietly = (deliver: () => void) => {
        try {
          deliver()
        } catch {
          // The receiver there throws too.
        }
      }
      const { id, result } = agent.ask({ does: "listen", limits, options, throws }, (event) => {
        switch (event.is) {
          case "body":
            return quietly(() => deliveries.body(bytesOf(event.bytes)))
          case "too large":
            return quietly(() => deliveries.tooLarge(event.bytes))
          case "connection":
            connections.push(deliveries.connection())
            return undefined
          case "chunk":
            return quietly(() => connections[event.connection]?.chunk(bytesOf(event.bytes)))
          case "end":
            return quietly(() => connections[event.connection]?.end())
          case "log":
            return void Effect.runSyncWith(context)(Effect.logWarning(event.line))
        }
      })
      const { message = "", port } = yield* result
      if (port === undefined) {
        return yield* new TelemetryListener.TelemetryListenerError({
          host: options.host,
          port: options.port,
          cause: new Error(message)
        })
      }
      yield* Effect.addFinalizer(() => agent.ask({ does: "close", of: id }).result)
      return { port }
    })
  })
})

/** What the tables of the wire check, in a process of the runtime. The process ends when `end` is called. */
export interface There {
  readonly clients: ReadonlyArray<ClientImplementation>
  readonly ours: ReadonlyArray<ClientImplementation>
  readonly listener: ListenerImplementation
  /** Makes the call of a case of the contract. */
  readonly contract: (client: ClientName, name: string, host: string) => Effect.Effect<Outcome>
  readonly end: () => Promise<void>
}

/** Starts the process, which all tests of a file share. */
export const open = async (runtime: RuntimeName): Promise<There> => {
  const scope = Effect.runSync(Scope.make())
  const agent = await Effect.runPromise(Scope.provide(makeAgent(runtime), scope))
  const clients = (["LambdaHttpClient", "SinkHttpClient"] as const).map((name) => clientOf(agent, name))
  const [lambda] = clients
  return {
    clients,
    ours: [...(lambda === undefined ? [] : [lambda]), clientOf(agent, "SinkHttpClient with answers of 1 MiB")],
    listener: listenerOf(agent),
    contract: (client, name, host) =>
      Effect.map(agent.ask({ does: "case", client, name, host }).result, (answer): Outcome =>
        JSON.parse(JSON.stringify(answer))
      ),
    end: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}
