/** The body of a request, as bytes or as a stream of them. */
import * as Effect from "effect/Effect"
import type { HttpBody } from "effect/http/HttpBody"
import * as Stream from "effect/Stream"
import { type Failed, unwritable } from "./Failed.ts"

/** The body of a request as it leaves. */
export interface Outgoing {
  readonly bytes: Uint8Array
  /** The parts that come after `bytes`; such a request cannot be sent twice. */
  readonly stream?: Stream.Stream<Uint8Array, Failed> | undefined
  /** The length of the stream in bytes, if it is known before. */
  readonly length?: number | undefined
  /** The content type that the body itself has, such as that of a form with its boundary. */
  readonly contentType?: string | undefined
}

const nothing = new Uint8Array()

/** The classes of the web know how to write these; they are loaded with the first such body. */
const fromWeb = (body: unknown): Effect.Effect<Outgoing, Failed> =>
  Effect.suspend(() => {
    if (body instanceof ReadableStream) {
      const stream = Stream.fromReadableStream<Uint8Array, Failed>({ evaluate: () => body, onError: unwritable })
      return Effect.succeed({ bytes: nothing, stream })
    }
    if (
      !(body instanceof Blob) &&
      !(body instanceof FormData) &&
      !(body instanceof URLSearchParams) &&
      !(body instanceof ArrayBuffer)
    ) {
      return Effect.fail(unwritable(new Error("a raw body is a text, bytes, a Blob, a form, or a ReadableStream")))
    }
    const response = new Response(body)
    const contentType = response.headers.get("content-type") ?? undefined
    return Effect.map(
      Effect.tryPromise({ try: () => response.arrayBuffer(), catch: unwritable }),
      (buffer): Outgoing => ({ bytes: new Uint8Array(buffer), contentType })
    )
  })

/** `undefined`: the request has no body. */
export const outgoing = (body: HttpBody): Effect.Effect<Outgoing | undefined, Failed> => {
  switch (body._tag) {
    case "Empty":
      return Effect.undefined
    case "Uint8Array":
      return Effect.succeed({ bytes: body.body })
    case "Stream":
      return Effect.succeed({
        bytes: nothing,
        stream: Stream.mapError(body.stream, unwritable),
        length: body.contentLength
      })
    case "Raw":
      // As `fetch` sends a text.
      if (typeof body.body === "string") {
        return Effect.succeed({ bytes: Buffer.from(body.body), contentType: "text/plain;charset=UTF-8" })
      }
      return ArrayBuffer.isView(body.body)
        ? Effect.succeed({ bytes: new Uint8Array(body.body.buffer, body.body.byteOffset, body.body.byteLength) })
        : fromWeb(body.body)
    case "FormData":
      return fromWeb(body.formData)
  }
}
