/**
 * The HTTP server of an environment: it turns requests into inputs of the state machine and holds the responses until
 * the machine answers.
 *
 * A waiting poll is never answered by a timeout, and a connection is never closed for being idle.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { EmulatorError, PortUnavailable } from "./EmulatorError.ts"
import type { Exchange, Input } from "./EnvironmentState.ts"
import { maxPayloadBytes } from "./EnvironmentState.ts"
import type { Happening } from "./Journal.ts"
import type { WireResponse } from "./Wire.ts"
import * as Wire from "./Wire.ts"

/**
 * A listening server.
 *
 * @category models
 * @since 0.1.0
 */
export interface RuntimeApiServer {
  /** `host:port`, the value of `AWS_LAMBDA_RUNTIME_API`. */
  readonly address: string
  /** Answers a waiting request; a request whose connection is gone is forgotten. */
  readonly reply: (exchange: Exchange, response: WireResponse) => void
}

/**
 * What the server needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface RuntimeApiServerOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** `false`: every route of the Extensions and Logs/Telemetry APIs answers 404 with an empty body. */
  readonly extensionsEnabled: boolean
  readonly onInput: (input: Input) => void
  /** Refusals that the state machine has no part in: unknown paths, wrong methods, services that do not exist. */
  readonly onRefused: (happening: Happening) => void
}

interface Body {
  readonly text: string
  readonly bytes: number
}

interface Route {
  readonly method: "GET" | "POST" | "PUT"
  /** What to do with a complete request; a `WireResponse` is sent at once. */
  readonly handle: (header: (name: string) => string, body: Body, exchange: Exchange) => Input | WireResponse
}

const invocationPath = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/

const notSupported = (name: "Telemetry" | "Logs"): Route => ({
  method: "PUT",
  // 202, not an error status: the service is not there (spec: telemetry stub of RIE).
  handle: () => Wire.apiError(202, `${name}.NotSupported`, `${name} API is not supported`)
})

const reportRoute = (route: "init/error" | "exit/error"): Route => ({
  method: "POST",
  handle: (header, body, exchange) => ({
    _tag: "ExtensionsApi",
    request: {
      exchange,
      route,
      identifier: header("lambda-extension-identifier"),
      errorType: header("lambda-extension-function-error-type"),
      body: body.text
    }
  })
})

const routes: Readonly<Record<string, Route>> = {
  "/2020-01-01/extension/register": {
    method: "POST",
    handle: (header, body, exchange) => ({
      _tag: "ExtensionsApi",
      request: {
        exchange,
        route: "register",
        name: header("lambda-extension-name"),
        acceptFeature: header("lambda-extension-accept-feature"),
        body: body.text
      }
    })
  },
  "/2020-01-01/extension/event/next": {
    method: "GET",
    handle: (header, _, exchange) => ({
      _tag: "ExtensionsApi",
      request: { exchange, route: "next", identifier: header("lambda-extension-identifier") }
    })
  },
  "/2020-01-01/extension/init/error": reportRoute("init/error"),
  "/2020-01-01/extension/exit/error": reportRoute("exit/error"),
  "/2022-07-01/telemetry": notSupported("Telemetry"),
  "/2020-08-15/logs": notSupported("Logs"),
  "/2018-06-01/ping": { method: "GET", handle: () => Wire.pong },
  "/2018-06-01/runtime/invocation/next": {
    method: "GET",
    handle: (_, __, exchange) => ({ _tag: "RuntimeApi", request: { exchange, route: "next" } })
  },
  "/2018-06-01/runtime/init/error": {
    method: "POST",
    handle: (header, body, exchange) => ({
      _tag: "RuntimeApi",
      request: {
        exchange,
        route: "init/error",
        errorType: header("lambda-runtime-function-error-type"),
        body: body.text
      }
    })
  }
}

const invocationRoute = (requestId: string, kind: "response" | "error"): Route => ({
  method: "POST",
  handle: (header, body, exchange) => ({
    _tag: "RuntimeApi",
    request:
      kind === "response"
        ? {
            exchange,
            route: "response",
            requestId,
            responseMode: header("lambda-runtime-function-response-mode"),
            body: body.text,
            bodyBytes: body.bytes
          }
        : {
            exchange,
            route: "error",
            requestId,
            errorType: header("lambda-runtime-function-error-type"),
            contentType: header("content-type"),
            body: body.text
          }
  })
})

const findRoute = (path: string): Route | undefined => {
  const [, requestId, kind] = invocationPath.exec(path) ?? []
  if (requestId !== undefined && (kind === "response" || kind === "error")) return invocationRoute(requestId, kind)
  return Object.hasOwn(routes, path) ? routes[path] : undefined
}

/** Keeps at most one payload of a body; what is longer is counted and dropped. */
const readBody = (request: Http.IncomingMessage, onBody: (body: Body) => void): void => {
  const chunks: Array<Buffer> = []
  let bytes = 0
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= maxPayloadBytes) chunks.push(chunk)
  })
  request.on("end", () => onBody({ text: Buffer.concat(chunks).toString("utf8"), bytes }))
}

const send = (response: Http.ServerResponse, wire: WireResponse): void => {
  const body = Buffer.from(wire.body, "utf8")
  response.writeHead(wire.status, { ...wire.headers, "Content-Length": body.length })
  response.end(body)
}

/**
 * Listens until the scope closes; then every connection, waiting polls included, is closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: RuntimeApiServerOptions
): Effect.fn.Return<RuntimeApiServer, EmulatorError, Scope.Scope> {
  const { extensionsEnabled, host, onInput, onRefused, port } = options
  const waiting = new Map<Exchange, Http.ServerResponse>()
  let lastExchange = 0

  const onRequest = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    const method = request.method ?? ""
    const path = (request.url ?? "").split("?", 1)[0] ?? ""
    const route = findRoute(path)
    const exchange = ++lastExchange
    const refuse = (wire: WireResponse, message: string) => {
      onRefused({ _tag: "ApiRefused", method, path, status: wire.status, errorType: "", message })
      request.resume()
      send(response, wire)
    }
    if (route !== undefined && !extensionsEnabled && !path.startsWith("/2018-06-01/")) {
      return refuse(Wire.extensionsDisabled, "extensions are disabled")
    }
    if (route === undefined) return refuse(Wire.notFound, "no such path")
    if (route.method !== method) return refuse(Wire.methodNotAllowed(route.method), "wrong method")

    const header = (name: string) => request.headersDistinct[name]?.[0] ?? ""
    readBody(request, (body) => {
      const result = route.handle(header, body, exchange)
      if (!("_tag" in result)) return send(response, result)
      waiting.set(exchange, response)
      onInput(result)
    })
    request.on("error", () => {
      // A broken connection; `close` of the response tells the state machine.
    })
    response.on("close", () => {
      if (waiting.delete(exchange)) onInput({ _tag: "PollAborted", exchange })
      const requestId = invocationPath.exec(path)?.[1]
      if (!request.complete && requestId !== undefined) onInput({ _tag: "ResponseTruncated", requestId })
    })
  }

  const server = Http.createServer(
    // 0 is no limit: a process that is frozen between two bytes must find its connection again.
    { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, maxHeaderSize: 65_536 },
    onRequest
  )
  server.timeout = 0

  yield* Effect.acquireRelease(
    Effect.callback<void, EmulatorError>((resume) => {
      server.once("error", (cause) =>
        resume(
          Effect.fail(
            new EmulatorError({ method: "Emulator.layer", reason: new PortUnavailable({ host, port, cause }) })
          )
        )
      )
      server.listen(port, host, () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        waiting.clear()
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )

  const address = server.address()
  const listening = address !== null && typeof address === "object" ? address.port : port
  return {
    address: `${host}:${listening}`,
    reply: (exchange, wire) => {
      const response = waiting.get(exchange)
      waiting.delete(exchange)
      if (response !== undefined) send(response, wire)
    }
  }
})
