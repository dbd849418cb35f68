/** One request and its answer over a connection. */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { type Answer, AnswerReader } from "../http/Answer.ts"
import { afterAwake } from "./awake.ts"
import type { Call, Connection } from "../http/Connection.ts"
import { explain } from "./explain.ts"
import { Failed, unwritable } from "./Failed.ts"
import { Incoming } from "./Incoming.ts"
import type { Origin, Via } from "../http/origin.ts"
import type { Outgoing } from "./outgoing.ts"

/** A request as it leaves. */
export interface Sending {
  readonly method: string
  readonly origin: Origin
  readonly via: Via | undefined
  /** `host:port` of the other side, for messages. */
  readonly place: string
  /** Connections with the same key are exchangeable. */
  readonly key: string
  readonly head: Buffer
  readonly body: Outgoing | undefined
  /** Whether the connection is kept for the next request. */
  readonly keeps: boolean
  readonly clock: Clock.Clock
}

/** An answer with a larger head is refused. The servers in use cut the heads of requests at less. */
const maxHeadBytes = 65_536

/** A head and a body up to this size leave together. */
const maxJoinedBytes = 65_536

const nothing = new Uint8Array()
const lastChunk = Buffer.from("0\r\n\r\n")

const chunk = (part: Uint8Array) =>
  Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`, "latin1"), part, Buffer.from("\r\n")])

/** Sends the parts of a body as the connection takes them. */
const uploaded = (used: Connection, call: Call, { length }: Outgoing, stream: Stream.Stream<Uint8Array, Failed>) => {
  let sent = 0
  const write = (part: Uint8Array, isLast: boolean) =>
    Effect.callback<void>((resume) => used.write(part, call, isLast, () => resume(Effect.void)))
  const wrong = (bytes: string) =>
    Effect.fail(unwritable(new Error(`the body says that it has ${length} bytes, and has ${bytes}`)))
  return Stream.runForEach(stream, (part) => {
    // An empty chunk would end the body.
    if (part.length === 0) return Effect.void
    sent += part.length
    if (length === undefined) return write(chunk(part), false)
    return sent > length ? wrong("more") : write(part, false)
  }).pipe(
    Effect.andThen(
      Effect.suspend(() => {
        if (length === undefined) return write(lastChunk, true)
        return sent < length ? wrong(String(sent)) : write(nothing, true)
      })
    )
  )
}

const send = (used: Connection, { body, head }: Sending, call: Call) => {
  const { bytes = nothing, stream } = body ?? {}
  if (stream !== undefined) return used.send(head, call, false)
  if (bytes.length <= maxJoinedBytes) return used.send(Buffer.concat([head, bytes]), call)
  used.send(head, call, false)
  used.write(bytes, call, true, () => {})
}

/**
 * Sends the request, and waits for the head of the answer. The body comes afterwards, within the same limit. Whatever ends
 * the wait for either, the connection is given up unless the whole answer has come.
 *
 * @param onAnswer the connection can carry another request, or is closed
 */
export const exchange = (
  used: Connection,
  sending: Sending,
  { answerMillis, maxAnswerBytes }: { readonly answerMillis: number; readonly maxAnswerBytes: number },
  onAnswer: (used: Connection, answer: Answer) => void
): Effect.Effect<Incoming, Failed> =>
  Effect.suspend(() => {
    const { body, method, place } = sending
    const { isKept } = used
    const answered = Deferred.makeUnsafe<Incoming, Failed>()
    let uploading: Fiber.Fiber<void> | undefined
    const reader = new AnswerReader(method, {
      maxBytes: maxAnswerBytes,
      maxHeadBytes: Math.min(maxHeadBytes, maxAnswerBytes),
      tooLong: `the answer is longer than ${maxAnswerBytes} bytes, or its head than ${maxHeadBytes}`
    })
    const end = (failed?: Failed) => {
      stop()
      uploading?.interruptUnsafe()
      used.abandon(call)
      incoming.end(failed)
      // Without a head, a failure is that of the request.
      if (failed !== undefined && reader.status < 200) Deferred.doneUnsafe(answered, Effect.fail(failed))
      else Deferred.doneUnsafe(answered, Effect.succeed(incoming))
    }
    const fail = (text: string) => end(new Failed(new Error(text)))
    // Each answer is given up when its reader is done. A whole one needs no error, which would take a stack for each request.
    const incoming = new Incoming(reader, () => (incoming.hasEnded ? end() : fail("it is given up")))
    const call: Call = {
      reader,
      onPart: () => {
        if (reader.status >= 200) Deferred.doneUnsafe(answered, Effect.succeed(incoming))
        incoming.wake()
      },
      onAnswer: (answer) => {
        onAnswer(used, answer)
        end()
      },
      onError: (cause: NodeJS.ErrnoException, loss) => {
        const isEnd = cause.code === "ECONNRESET" || cause.code === "EPIPE"
        const closes = `${place} closes the connection before ${reader.hasBegun ? "its answer is complete" : "it answers"}`
        const error = isEnd ? Object.assign(new Error(closes), { code: cause.code }) : explain(cause, place)
        end(new Failed(error, loss, false, isKept))
      }
    }
    const stop = afterAwake(answerMillis, () => {
      const time = Duration.format(Duration.millis(answerMillis))
      fail(`${place} takes the request, and does not answer it${reader.hasBegun ? " whole" : ""} within ${time}`)
    })
    send(used, sending, call)
    const { stream } = body ?? {}
    const upload =
      body === undefined || stream === undefined
        ? Effect.undefined
        : uploaded(used, call, body, stream).pipe(
            Effect.catchDefect((cause) => Effect.fail(unwritable(cause))),
            Effect.catch((failed) => Effect.sync(() => end(failed))),
            Effect.forkDetach({ startImmediately: true })
          )
    // Nothing may interrupt between the fork and the wait: the fiber would have no owner.
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(upload, (fiber) => {
        uploading = fiber
        return Effect.onInterrupt(restore(Deferred.await(answered)), () => Effect.sync(incoming.giveUp))
      })
    )
  })
