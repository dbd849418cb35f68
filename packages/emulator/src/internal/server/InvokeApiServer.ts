/**
 * The Invoke API over HTTP, for clients that exist already: the AWS SDK's Lambda client, `aws lambda invoke`, curl.
 *
 * The profile `real` answers as Lambda does (header `X-Amz-Function-Error`, error documents that the SDK understands),
 * the others as AWS's own emulator does (docs/protocol.md#invoking-rie). There is one function, whatever name
 * the path carries. Signatures are not checked. A request that a web page of another site made a browser send is
 * refused.
 *
 * @since 0.1.0
 */
import * as Crypto from "node:crypto"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { EmulatorError, NotLoopback, PortUnavailable } from "../../EmulatorError.ts"
import * as ForeignRequest from "./ForeignRequest.ts"
import * as HeaderValue from "./HeaderValue.ts"
import * as HttpBytes from "./HttpBytes.ts"
import type { Profile } from "../../Profile.ts"
import type { InvokeListen } from "../settings/Options.ts"

/**
 * The part of a request that describes the invocation, without the payload.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvokeHeaders {
  readonly requestId: string
  readonly traceHeader?: string
  /** JSON text. */
  readonly clientContext: string
  readonly tenantId: string
  readonly contentType?: string
  /** Version or alias; empty: none. */
  readonly qualifier: string
}

/**
 * The outcome of an invocation. `respondedByRuntime` tells an error that the function reported from a failure of the
 * environment; AWS's emulator answers them differently.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvokeOutcome {
  readonly payload: string
  readonly functionError: string | undefined
  readonly respondedByRuntime: boolean
}

/**
 * The options of the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvokeApiServerOptions {
  readonly profile: Profile
  readonly listen: InvokeListen
  readonly functionVersion: string
  /** Seconds, for the text of a timeout. */
  readonly timeoutSeconds: number
  /** The largest payload in bytes; more is refused, and never kept. */
  readonly maxPayloadBytes: number
  readonly invoke: (payload: string | Uint8Array, headers: InvokeHeaders) => Effect.Effect<InvokeOutcome, EmulatorError>
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const invokePath = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/

/** Milliseconds for a request to arrive; the answer takes as long as the function may. */
const requestTimeoutMs = 60_000

const json = { "Content-Type": "application/json" }

/** An error as the AWS SDK reads it: the name from a header, the text from the body. */
const awsError = (status: number, name: string, message: string): Answer => ({
  status,
  headers: { ...json, "X-Amzn-ErrorType": name },
  body: JSON.stringify({ Type: status < 500 ? "User" : "Service", message, Message: message })
})

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/**
 * `undefined` when the text is not base64. Node ignores characters that do not belong there, so the result is compared.
 */
const decodeClientContext = (text: string): string | undefined => {
  const decoded = Buffer.from(text, "base64")
  const same = decoded.toString("base64").replaceAll("=", "") === text.replaceAll("=", "")
  return same ? decoded.toString("utf8") : undefined
}

/** A name, `name:qualifier`, a partial or a whole ARN: the qualifier is what follows the name. */
const qualifierOf = (functionName: string): string => {
  const [, , qualifier] = /(?:^|:function:)([^:]+)(?::([^:]+))?$/.exec(functionName) ?? []
  return qualifier ?? ""
}

interface Invocation {
  readonly payload: Buffer
  readonly bytes: number
  readonly functionName: string
  readonly query: URLSearchParams
  readonly header: (name: string) => string
}

const realAnswer = Effect.fnUntraced(function* (
  options: InvokeApiServerOptions,
  request: Invocation,
  later: (effect: Effect.Effect<unknown>) => void
): Effect.fn.Return<Answer> {
  const { header } = request
  const requestId = Crypto.randomUUID()
  const withId = (answer: Answer): Answer => ({
    ...answer,
    headers: { "x-amzn-RequestId": requestId, ...answer.headers }
  })
  const type = header("x-amz-invocation-type") || "RequestResponse"
  if (type === "DryRun") return withId({ status: 204, headers: {}, body: "" })
  if (type !== "RequestResponse" && type !== "Event") {
    const message = `${type} is not an invocation type; there are RequestResponse, Event and DryRun.`
    return withId(awsError(400, "InvalidParameterValueException", message))
  }
  if (request.bytes > options.maxPayloadBytes) {
    const message = `Request must be smaller than ${options.maxPayloadBytes} bytes for the InvokeFunction operation`
    return withId(awsError(413, "RequestTooLargeException", message))
  }
  // An invocation without a payload gets an empty object.
  const payload = request.bytes === 0 ? "{}" : request.payload.toString("utf8")
  if (!isJson(payload)) {
    return withId(awsError(400, "InvalidRequestContentException", "Could not parse request body into json"))
  }
  const clientContext = decodeClientContext(header("x-amz-client-context"))
  if (clientContext === undefined || (clientContext !== "" && !isJson(clientContext))) {
    return withId(
      awsError(400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
    )
  }
  const traceHeader = header("x-amzn-trace-id")
  const invoked = options.invoke(payload, {
    requestId,
    ...(traceHeader === "" ? {} : { traceHeader }),
    clientContext,
    tenantId: header("x-amz-tenant-id"),
    qualifier: request.query.get("Qualifier") ?? qualifierOf(request.functionName)
  })
  if (type === "Event") {
    // The caller does not wait for the result; the journal has it.
    later(
      invoked.pipe(Effect.catch((error) => Effect.logWarning(`emulator: asynchronous invocation: ${error.message}`)))
    )
    return withId({ status: 202, headers: {}, body: "" })
  }
  const answer = yield* Effect.match(invoked, {
    onFailure: ({ reason }) => awsError(500, "ServiceException", reason.message),
    onSuccess: ({ functionError, payload }): Answer => ({
      status: 200,
      headers: {
        ...json,
        "X-Amz-Executed-Version": options.functionVersion,
        ...(functionError === undefined ? {} : { "X-Amz-Function-Error": "Unhandled" })
      },
      body: payload
    })
  })
  return withId(answer)
})

const timeoutTypes = new Set(["Sandbox.Timedout", "Sandbox.Timeout"])

/** Go guesses the content type, and gives an empty body none. */
const goAnswer = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer => {
  const contentType = HttpBytes.sniffContentType(body)
  return { status, headers: contentType === undefined ? headers : { ...headers, "Content-Type": contentType }, body }
}

/** The outcomes of AWS's emulator (docs/protocol.md#invoking-rie). */
const rieAnswer = Effect.fnUntraced(function* (
  options: InvokeApiServerOptions,
  request: Invocation
): Effect.fn.Return<Answer> {
  const { header } = request
  const clientContext = decodeClientContext(header("x-amz-client-context"))
  if (clientContext === undefined) return goAnswer(500, "")
  const contentType = header("content-type")
  return yield* Effect.match(
    options.invoke(request.payload, {
      requestId: Crypto.randomUUID(),
      traceHeader: header("x-amzn-trace-id"),
      clientContext,
      tenantId: header("x-amz-tenant-id"),
      ...(contentType === "" ? {} : { contentType }),
      qualifier: ""
    }),
    {
      onFailure: ({ reason }): Answer => {
        if (reason._tag !== "InvocationRefused") return goAnswer(500, reason.message)
        return goAnswer(400, "", reason.errorType === "" ? {} : { "Error-Type": reason.errorType })
      },
      onSuccess: ({ functionError, payload, respondedByRuntime }): Answer => {
        if (functionError === undefined || respondedByRuntime) return goAnswer(200, payload)
        if (!timeoutTypes.has(functionError)) return goAnswer(502, payload)
        return goAnswer(200, `Task timed out after ${options.timeoutSeconds.toFixed(2)} seconds`)
      }
    }
  )
})

/**
 * Listens until the scope closes. The value is the endpoint, `http://host:port`, as clients take it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options: InvokeApiServerOptions
): Effect.fn.Return<string, EmulatorError, Scope.Scope> {
  const { host = "127.0.0.1", port } = options.listen
  const fail = (reason: NotLoopback | PortUnavailable) => new EmulatorError({ method: "Emulator.layer", reason })
  if (!ForeignRequest.isLoopback(host)) return yield* fail(new NotLoopback({ host }))
  const run = yield* FiberSet.makeRuntime<never>()
  const answer = (request: Invocation): Effect.Effect<Answer> =>
    options.profile.invokeApi === "lambda" ? realAnswer(options, request, run) : rieAnswer(options, request)

  const onRequest = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
    const real = options.profile.invokeApi === "lambda"
    const send = ({ body, headers, status }: Answer) => {
      const bytes = Buffer.from(body)
      if (!real) HttpBytes.omitConnection(response)
      response.writeHead(status, {
        ...HeaderValue.encodeAll(headers),
        ...HttpBytes.lengthHeader(options.profile, bytes)
      })
      response.end(bytes)
    }
    const refusal = ForeignRequest.refusalOf(request)
    if (refusal !== undefined) {
      request.resume()
      return send(real ? awsError(403, "AccessDeniedException", refusal) : goAnswer(403, `${refusal}\n`))
    }
    const { path, query } = HttpBytes.splitTarget(request.url ?? "")
    const functionName = decodeName(invokePath.exec(path)?.[1] ?? "")
    if (functionName === "" || (!real && functionName !== "function")) {
      request.resume()
      if (!real) return send(goAnswer(404, "404 page not found\n", { "X-Content-Type-Options": "nosniff" }))
      const message = `The emulator has no ${request.method} ${path}; it has POST /2015-03-31/functions/<name>/invocations.`
      return send(awsError(404, "UnknownOperationException", message))
    }
    if (real && request.method !== "POST") {
      request.resume()
      return send(awsError(405, "UnknownOperationException", "An invocation is a POST."))
    }
    request.on("error", () => {
      // The client closed the connection before its request was complete, so there is nothing to invoke.
    })
    HttpBytes.readBody(request, options.maxPayloadBytes, (payload, bytes) => {
      const header = HeaderValue.reader(request)
      const invocation = { payload, bytes, functionName, query: new URLSearchParams(query), header }
      const answered = Effect.map(answer(invocation), send)
      run(
        Effect.catchCause(answered, (cause) => {
          response.destroy()
          return Effect.logError("emulator: an invocation over HTTP failed", cause)
        })
      )
    })
  }

  const server = Http.createServer({ requestTimeout: requestTimeoutMs, maxHeaderSize: 65_536 }, onRequest)

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
