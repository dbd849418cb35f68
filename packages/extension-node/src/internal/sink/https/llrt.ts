/**
 * The runtime is LLRT, which has no `node:tls`: `https:` goes over its `fetch`.
 *
 * LLRT sends a request again only if a kept connection took no byte of it. An agent has its connections, whose clock may
 * stand still in a freeze. So the clock of the system says when another agent begins.
 */
// The memory of a body belongs to LLRT until its request has ended, whatever the Effect runtime does.
// @effect-diagnostics globalTimers:off globalTimersInEffect:off
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as Stream from "effect/Stream"
import { isFieldValue, isToken } from "@effect-lambda/extension/ExtensionsProtocol"
import { hasWord, type Headers } from "../../http/headers.ts"
import { type Origin, originOf } from "../../http/origin.ts"
import { afterAwake } from "../awake.ts"
import { Failed, unwritable } from "../Failed.ts"
import { Incoming } from "../Incoming.ts"
import { openSocket } from "../open.ts"
import { outgoing } from "../outgoing.ts"
import type { MakeExchange, Way } from "./Https.ts"

/** The methods that LLRT sends, and whether a request may be sent twice (RFC 9110, 9.2.2). */
const isIdempotent: Readonly<Record<string, boolean>> = {
  GET: true,
  HEAD: true,
  PUT: true,
  DELETE: true,
  POST: false,
  PATCH: false
}

/** A body that LLRT reads must live as long as its request, which ends some time after it was aborted. */
const graceMillis = 1000

/** Firewalls refuse requests that do not say what sent them. */
const userAgent = "effect-lambda"

interface Prepared {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body: Uint8Array<ArrayBuffer> | undefined
}

const prepare = (request: HttpClientRequest, keeps: boolean): Effect.Effect<Prepared, Failed> =>
  Effect.gen(function* () {
    const { method } = request
    if (isIdempotent[method] === undefined) return yield* Effect.fail(unwritable(`LLRT does not send ${method}`))
    const headers: Record<string, string> = { "user-agent": userAgent, "accept-encoding": "identity" }
    for (const [name, value] of Object.entries(request.headers)) {
      // The message leaves out the value, which may be a secret.
      if (!isToken(name) || !isFieldValue(value)) {
        return yield* Effect.fail(unwritable(`the header ${JSON.stringify(name)} cannot be sent`))
      }
      if (name !== "content-length" && name !== "transfer-encoding" && name !== "connection") headers[name] = value
    }
    if (!keeps) headers["connection"] = "close"
    const body = yield* outgoing(request.body)
    if (body?.contentType !== undefined) headers["content-type"] ??= body.contentType
    if (body === undefined) return { method, headers, body }
    const parts = [body.bytes]
    if (body.stream !== undefined)
      yield* Stream.runForEach(body.stream, (part) => Effect.sync(() => void parts.push(part)))
    const bytes = new Uint8Array(Buffer.concat(parts))
    if (body.length !== undefined && body.length !== bytes.length) {
      return yield* Effect.fail(unwritable(`the body says that it has ${body.length} bytes, and has ${bytes.length}`))
    }
    return { method, headers, body: bytes }
  })

const lost = (place: string) =>
  Object.assign(new Error(`${place} closes the connection before it answers, or does not answer by HTTP`), {
    code: "ECONNRESET"
  })

/** LLRT does not say why it has no connection. A connection without TLS tells whether the server is there. */
const whyUnconnected = (origin: Origin, place: string, millis: number): Effect.Effect<Error> =>
  openSocket({ origin: { ...origin, isSecure: false }, via: undefined, sessions: new Map(), millis }).pipe(
    Effect.match({
      onFailure: ({ cause }) => cause,
      onSuccess: (socket) => {
        socket.destroy()
        return new Error(
          `${place} takes a connection, and the TLS handshake fails. LLRT does not say why: the certificate has expired, is for ` +
            `another host, is that of an authority itself (CA:TRUE), or comes from an authority that LLRT does not know and ` +
            `NODE_EXTRA_CA_CERTS names no file with; or ${place} does not speak TLS`
        )
      }
    })
  )

const headersOf = (response: Response): Headers => {
  const headers = new Map<string, string>()
  for (const [name, value] of response.headers) {
    const known = headers.get(name)
    headers.set(name, known === undefined ? value : known + (name === "set-cookie" ? "\n" : ", ") + value)
  }
  // LLRT has undone it.
  headers.delete("content-encoding")
  return headers
}

/** The exchange of one client, with its connections. */
export const makeExchange: NonNullable<MakeExchange> = (bounds) => {
  const { answerMillis, connectMillis, idleMillis, maxAnswerBytes } = bounds
  const limitMillis = connectMillis + answerMillis
  const newAgent = () => new (process.getBuiltinModule("node:https").Agent)()
  let agent: ReturnType<typeof newAgent> | undefined
  let lastAnswer = 0

  const send = ({ body, headers, method }: Prepared, url: URL, { clock, place }: Way) =>
    Effect.callback<Incoming, Failed>((resume) => {
      const controller = new AbortController()
      const isKept = agent !== undefined && clock.currentTimeMillisUnsafe() - lastAnswer < idleMillis
      if (!isKept) agent = newAgent()
      let incoming: Incoming | undefined
      const fail = (cause: Error, loss?: "unanswered") => {
        const failed = new Failed(cause, loss, false, isKept)
        incoming?.end(failed)
        resume(Effect.fail(failed))
      }
      const init = { method, headers, redirect: "manual" as const, signal: controller.signal, agent }
      let isOver = false
      const giveUp = () => {
        if (isOver) return
        stop()
        controller.abort()
        setTimeout(() => body?.length, graceMillis).unref()
      }
      const stop = afterAwake(limitMillis, () => {
        giveUp()
        fail(new Error(`${place} does not answer within ${Duration.format(Duration.millis(limitMillis))}`))
      })
      fetch(url.href, body === undefined ? init : { ...init, body })
        .then((response) => {
          const source = { status: response.status, headers: headersOf(response), body: Buffer.alloc(0) }
          const coming = new Incoming(source, giveUp)
          incoming = coming
          resume(Effect.succeed(coming))
          const tooLong = new Error(`${place}: the answer is longer than ${maxAnswerBytes} bytes`)
          if (Number(response.headers.get("content-length") ?? 0) > maxAnswerBytes) {
            controller.abort()
            return fail(tooLong)
          }
          // LLRT gives a body only as a whole.
          return response.arrayBuffer().then((bytes) => {
            lastAnswer = clock.currentTimeMillisUnsafe()
            if (bytes.byteLength > maxAnswerBytes) return fail(tooLong)
            source.body = Buffer.from(bytes)
            coming.end()
          })
        })
        .catch((cause: unknown) => {
          const text = cause instanceof Error ? cause.message : String(cause)
          if (incoming === undefined && text.includes("(SendRequest)")) return fail(lost(place), "unanswered")
          if (incoming !== undefined || !text.includes("(Connect)")) return fail(new Error(`${place}: ${text}`))
          resume(
            Effect.flatMap(whyUnconnected(originOf(url), place, connectMillis), (why) => Effect.fail(new Failed(why)))
          )
        })
        .finally(() => {
          isOver = true
          stop()
        })
      return Effect.sync(giveUp)
    })

  return (request, url, way) =>
    Effect.gen(function* () {
      const keeps = way.keeps && !hasWord(new Map(Object.entries(request.headers)), "connection", "close")
      const prepared = yield* prepare(request, keeps)
      return yield* Effect.catch(send(prepared, url, way), (failed) => {
        const isStale = failed.isKept && failed.loss === "unanswered" && isIdempotent[prepared.method] === true
        // The connections of the agent died together, such as in a freeze.
        if (failed.loss === "unanswered") agent = undefined
        return isStale ? send(prepared, url, way) : Effect.fail(failed)
      })
    })
}
