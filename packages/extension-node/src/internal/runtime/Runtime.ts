/**
 * The differences between the runtimes that run a program: Node, bun, and any later one.
 *
 * Each runtime is one module beside this one, with exactly these exports. The import `#runtime` takes one of them by its
 * condition in package.json, which a bundler knows, so a bundle has no code of another runtime. Parts that every runtime has
 * (`process.env`, `process.argv`, `process.exit`, `Buffer`, timers) are not here.
 */
import type { Gzip } from "@effect-lambda/extension/telemetry/TelemetrySink"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"
import type { InheritedConnection } from "../../LambdaHttpClient.ts"
import type { Socket as ServedSocket } from "../listener/RequestConnection.ts"

/** The parts of a connection that the listener for telemetry needs. `on` adds to the listeners. */
export interface Socket extends ServedSocket {
  readonly on: ServedSocket["on"] & ((event: "error", listener: (cause: Error) => void) => unknown)
  /** Nothing is read until {@link resume}, and the other side has to wait. */
  readonly pause: () => unknown
  readonly resume: () => unknown
}

/** The parts of a server of sockets that the listener for telemetry needs. */
export interface Server {
  readonly on: (event: "error", listener: (cause: Error) => void) => unknown
  /**
   * Binds an address; `error` says that it could not.
   *
   * @throws Error if the port is no port
   */
  readonly listen: (address: { readonly host: string; readonly port: number }, onListening: () => void) => unknown
  /** The bound address, with the port that the system chose for port 0. */
  readonly address: () => string | { readonly port: number } | null
  /** Accepts no more connections; open connections go on. */
  readonly close: () => unknown
}

/** The events of its process that a program listens to. A runtime that does not learn of an event never calls its listener. */
export interface ProcessEvents {
  /** SIGINT or SIGTERM came, and did not end the process. `code`: the exit code that a shell knows the signal by. */
  readonly signal: (name: string, code: number) => void
  /** Nothing caught an exception. The process goes on. */
  readonly exception: (cause: unknown) => void
  /** Nothing handled the rejection of a promise. The process goes on. */
  readonly rejection: (cause: unknown) => void
  /** The process ends when this returns, for whatever reason. */
  readonly exit: (code: number) => void
}

/** The exports of the module of each runtime. */
export interface Runtime {
  /**
   * The client that carries the Extensions API and the subscription to telemetry. The client has no limit of time, no
   * proxy, no redirects and no tracing, and repeats no poll unasked.
   *
   * @param inherited a connection that is open already. The stub hands over none if the runtime cannot take it.
   */
  readonly lambdaClient: (inherited?: InheritedConnection) => Layer.Layer<HttpClient.HttpClient>
  /** The client of sinks, if the user gives no other, with the `CurrentUnusedProxy` that is true of it. */
  readonly sinkClient: Layer.Layer<HttpClient.HttpClient>
  /** A server that hands over each connection before it has read a byte of it. Nothing is bound yet. */
  readonly createServer: (onConnection: (socket: Socket) => void) => Server
  /** The gzip of a body, without the classes of the web, whose first use costs more than a whole flush. */
  readonly gzip: Gzip
  /** The bytes that were compressed, if they are not more than `maxBytes`. */
  readonly gunzip: (body: Uint8Array, maxBytes: number) => Uint8Array | "too long" | "not gzip"
  /** Appends all of the bytes to a file or none: half a record would spoil the one behind it as well. */
  readonly appendFile: (path: string, bytes: string | Uint8Array) => Promise<void>
  /** How many bytes this process has written to its log so far. A terminal and a file may count nothing. */
  readonly logSize: () => number
  /** Calls back when the log is written, or cannot be: lines that wait in memory would be lost with the process. */
  readonly whenWritten: (then: () => void) => void
  /** Called once, when the program starts. */
  readonly watchProcess: (events: ProcessEvents) => void
}
