/**
 * The Invoke API over HTTP, for clients that exist already: the AWS SDK's Lambda client, `aws lambda invoke`, curl.
 *
 * The profile says whether it answers as Lambda does, or as AWS's own emulator does. There is one function, whatever
 * name the path carries. Signatures are not checked. A request that a web page of another site made a browser send is
 * refused.
 */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type * as Http from "node:http"
import NodeProcess from "node:process"
import { EmulatorError, NotLoopback, PortUnavailable } from "../../EmulatorError.ts"
import type { Profile } from "../../Profile.ts"
import type { InvokeListen } from "../settings/Options.ts"
import * as ForeignRequest from "./ForeignRequest.ts"
import * as HeaderValue from "./HeaderValue.ts"
import * as HttpBytes from "./HttpBytes.ts"
import type { Answer, InvokedFunction } from "./InvokeApi.ts"
import * as LambdaInvokeApi from "./LambdaInvokeApi.ts"
import * as RieInvokeApi from "./RieInvokeApi.ts"

export interface InvokeApiServerOptions extends InvokedFunction {
  readonly profile: Profile
  readonly listen: InvokeListen
}

const invokePath = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/

/** Milliseconds for a request to arrive; the answer takes as long as the function may. */
const requestTimeoutMs = 60_000

/** Listens until the scope closes. The value is the endpoint, `http://host:port`, as clients take it. */
export const make = Effect.fnUntraced(function* (
  options: InvokeApiServerOptions
): Effect.fn.Return<string, EmulatorError, Scope.Scope> {
  const { host = "127.0.0.1", port } = options.listen
  const fail = (reason: NotLoopback | PortUnavailable) => new EmulatorError({ method: "Emulator.layer", reason })
  if (!ForeignRequest.isLoopback(host)) return yield* fail(new NotLoopback({ host }))
  const run = yield* FiberSet.makeRuntime<never>()
  const api = options.profile.invokeApi === "lambda" ? LambdaInvokeApi.make(options, run) : RieInvokeApi.make(options)

  const onRequest = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    const send = ({ body, headers, status }: Answer) => {
      const bytes = Buffer.from(body)
      if (api.omitsConnection) HttpBytes.omitConnection(response)
      const length = HttpBytes.lengthHeader(options.profile, bytes)
      response.writeHead(status, { ...HeaderValue.encodeAll(headers), ...length })
      response.end(bytes)
    }
    const { path, query } = HttpBytes.splitTarget(request.url ?? "")
    const functionName = decodeName(invokePath.exec(path)?.[1] ?? "")
    const foreign = ForeignRequest.refusalOf(request)
    const refusal = foreign === undefined ? api.refusal(request.method ?? "", path, functionName) : api.foreign(foreign)
    if (refusal !== undefined) {
      request.resume()
      return send(refusal)
    }
    request.on("error", () => {
      // The client closed the connection before its request was complete, so there is nothing to invoke.
    })
    HttpBytes.readBody(request, options.maxPayloadBytes, (payload, bytes) => {
      const header = HeaderValue.reader(request)
      const invocation = { payload, bytes, functionName, query: new URLSearchParams(query), header }
      const answered = Effect.map(api.answer(invocation), send)
      run(
        Effect.catchCause(answered, (cause) => {
          response.destroy()
          return Effect.logError("emulator: an invocation over HTTP failed", cause)
        })
      )
    })
  }

  // An import of node:http would make Node load the client of `WebSocket` too.
  const server = NodeProcess.getBuiltinModule("node:http").createServer(
    { requestTimeout: requestTimeoutMs, maxHeaderSize: 65_536 },
    onRequest
  )

  yield* Effect.acquireRelease(
    Effect.callback<void, EmulatorError>((resume) => {
      server.once("error", (cause) => resume(Effect.fail(fail(new PortUnavailable({ host, port, cause })))))
      server.listen(port, host, () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const address = server.address()
  const listening = address !== null && typeof address === "object" ? address.port : port
  return `http://${host.includes(":") ? `[${host}]` : host}:${listening}`
})

/** An ARN comes percent-encoded; a name that is not well encoded is no name. */
const decodeName = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return ""
  }
}
