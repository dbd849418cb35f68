/** The span that the SDK of the function makes for an invocation, found in what the SDK sends. */
import type { Extent } from "./walk.ts"

/**
 * A span of kind SERVER or CONSUMER that says which invocation it is of. The ids are lower-case hexadecimal digits.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerSpan {
  /** The value of `faas.invocation_id`, or of the older `faas.execution`. */
  readonly requestId: string
  /** 32 digits, not all of them zero. */
  readonly traceId: string
  /** 16 digits, not all of them zero. */
  readonly spanId: string
  /** Missing in a root span. */
  readonly parentSpanId?: string
}

const bytesOf = (text: string) => /*#__PURE__*/ new TextEncoder().encode(text)

/** The second name is the older one; SDKs of 2022 have it. */
const invocationId = /*#__PURE__*/ bytesOf("faas.invocation_id")
const execution = /*#__PURE__*/ bytesOf("faas.execution")

/** The first bytes of fields with a length: those of a span, of an attribute, and of its value. */
const traceIdTag = 0x0a
const spanIdTag = 0x12
const parentSpanIdTag = 0x22
const attributesTag = 0x4a
const keyTag = 0x0a
const valueTag = 0x12
const textTag = 0x0a

/** Reads a message that the walk has found right: only its fields with a length, the others are passed over. */
class Fields {
  readonly #bytes: Uint8Array
  #at: number
  #end: number
  tag = 0
  /** The bytes of the field. */
  from = 0
  to = 0

  constructor(bytes: Uint8Array, { from, to }: Extent) {
    this.#bytes = bytes
    this.#at = from
    this.#end = to
  }

  /** Begins another message, with the same object: a span has many attributes. */
  begin({ from, to }: Extent): this {
    this.#at = from
    this.#end = to
    return this
  }

  /** Whether there is another field. */
  next(): boolean {
    while (this.#at < this.#end) {
      this.tag = this.#varint()
      const wireType = this.tag & 7
      if (wireType === 2) {
        const length = this.#varint()
        this.from = this.#at
        this.to = this.from + length
        this.#at = this.to
        return true
      }
      if (wireType === 0) this.#varint()
      else this.#at += wireType === 1 ? 8 : 4
    }
    return false
  }

  /** A number up to 2^53; larger ones are not used. */
  #varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.#bytes[this.#at++] ?? 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }
}

const isAt = (bytes: Uint8Array, from: number, to: number, expected: Uint8Array): boolean => {
  if (to - from !== expected.length) return false
  for (let index = 0; index < expected.length; index++) if (bytes[from + index] !== expected[index]) return false
  return true
}

/** An id of zeros is none. */
const idOf = (bytes: Buffer, { from, to }: Extent): string | undefined => {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return bytes.toString("hex", from, to)
  return undefined
}

/** The text of an attribute. Of a field that comes twice the last one counts. */
const textOf = (bytes: Buffer, attribute: Fields): string | undefined => {
  let text: string | undefined
  while (attribute.next()) {
    if (attribute.tag !== valueTag) continue
    const value = new Fields(bytes, attribute)
    while (value.next()) if (value.tag === textTag) text = bytes.toString("utf8", value.from, value.to)
  }
  return text
}

/** The one of the two names that an attribute has. */
const nameOf = (bytes: Buffer, attribute: Fields): Uint8Array | undefined => {
  let name: Uint8Array | undefined
  while (attribute.next()) {
    if (attribute.tag !== keyTag) continue
    const { from, to } = attribute
    if (isAt(bytes, from, to, invocationId)) name = invocationId
    else name = isAt(bytes, from, to, execution) ? execution : undefined
  }
  return name
}

/** @param request what the walk has found right; it has a span between the offsets */
export const serverSpan = (request: Uint8Array, extent: Extent): ServerSpan | undefined => {
  // A view, since only that makes a text of a part without another view.
  const bytes = Buffer.from(request.buffer, request.byteOffset, request.length)
  const span = new Fields(bytes, extent)
  const attribute = new Fields(bytes, extent)
  let traceId: string | undefined
  let spanId: string | undefined
  let parentSpanId: string | undefined
  let ofInvocation: string | undefined
  let ofExecution: string | undefined
  while (span.next()) {
    switch (span.tag) {
      case traceIdTag:
        traceId = idOf(bytes, span)
        break
      case spanIdTag:
        spanId = idOf(bytes, span)
        break
      case parentSpanIdTag:
        parentSpanId = idOf(bytes, span)
        break
      case attributesTag:
        switch (nameOf(bytes, attribute.begin(span))) {
          case invocationId:
            ofInvocation ??= textOf(bytes, attribute.begin(span))
            break
          case execution:
            ofExecution ??= textOf(bytes, attribute.begin(span))
        }
    }
  }
  const requestId = ofInvocation ?? ofExecution
  if (!requestId || traceId === undefined || spanId === undefined) return undefined
  return { requestId, traceId, spanId, ...(parentSpanId !== undefined && { parentSpanId }) }
}
