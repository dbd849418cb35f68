/**
 * Collects events into batches. A batch is full when it has `maxItems` events or when its events have reached
 * `maxBytes`. The caller keeps the third limit, `timeoutMs` after its first event, and then calls `close`
 * (docs/protocol.md#batches).
 *
 * With `cuts` a record that is larger than a whole batch goes out in pieces, as the real service sends it
 * (docs/protocol.md#a-record-larger-than-a-batch).
 */
import type { Encoded } from "./Projection.ts"

export interface BatchLimits {
  readonly maxItems: number
  readonly maxBytes: number
}

/** The content of a request. */
export interface Batch {
  /** JSON objects; a piece of a record that was cut is not valid JSON. Bytes are an item that a fault has spoilt. */
  readonly items: ReadonlyArray<string | Uint8Array>
  /** Events that are complete with this batch: only the last piece of a cut record counts. */
  readonly records: number
  /** Bytes of the items, without the characters between them. */
  readonly bytes: number
  /** `true` if the batch has only reports of dropped events. */
  readonly isLossReport: boolean
  /** The log text, if the batch is one whole line, from which the real service makes its `sequence-id`. */
  readonly line: string | undefined
}

export interface Item extends Encoded {
  readonly isLossReport: boolean
  readonly line: string | undefined
}

export interface Batcher {
  /** Adds an item, and returns the batches that it fills. */
  readonly add: (item: Item) => ReadonlyArray<Batch>
  /** Ends the batch that is being collected; `undefined` if there is none. */
  readonly close: () => Batch | undefined
  /** Bytes in the batch that is being collected; 0 if there is none. */
  readonly bytes: () => number
}

const isText = (item: string | Uint8Array): item is string => typeof item === "string"

/** The items one after another, as UTF-8. */
export const bytesOf = (items: Batch["items"], before: string, between: string, after: string): Buffer => {
  if (items.every(isText)) return Buffer.from(`${before}${items.join(between)}${after}`)
  const parts = items.flatMap((item, index) => [index === 0 ? before : between, item])
  return Buffer.concat([...parts, after].map((part) => (isText(part) ? Buffer.from(part) : part)))
}

/** The JSON array of a request. */
export const bodyOf = ({ items }: Batch): Buffer => bytesOf(items, "[", ",", "]")

/** Cuts text into pieces of `maxBytes` at most, never inside of a character. */
const cut = (text: string, maxBytes: number): ReadonlyArray<string> => {
  const bytes = Buffer.from(text)
  const pieces: Array<string> = []
  for (let from = 0; from < bytes.length;) {
    let to = Math.min(from + maxBytes, bytes.length)
    // A byte 10xxxxxx goes on with a character.
    while (to < bytes.length && ((bytes[to] ?? 0) & 0xc0) === 0x80) to--
    pieces.push(bytes.toString("utf8", from, to))
    from = to
  }
  return pieces
}

export const make = (limits: BatchLimits & { readonly cuts: boolean }): Batcher => {
  let items: Array<string> = []
  let records = 0
  let bytes = 0
  let isLossReport = true
  let line: string | undefined

  const close = (): Batch | undefined => {
    if (items.length === 0) return undefined
    const batch = { items, records, bytes, isLossReport, line: records === 1 ? line : undefined }
    items = []
    records = 0
    bytes = 0
    isLossReport = true
    line = undefined
    return batch
  }

  const push = (text: string, size: number, item: Item | undefined): void => {
    items.push(text)
    bytes += size
    if (item === undefined) return
    records += 1
    isLossReport &&= item.isLossReport
    line = item.line
  }

  return {
    bytes: () => bytes,
    close,
    add: (item) => {
      const full: Array<Batch> = []
      const closeInto = (): void => {
        const batch = close()
        if (batch !== undefined) full.push(batch)
      }
      const { prefix, rest } = item
      if (limits.cuts && item.bytes > limits.maxBytes) {
        // Pieces follow directly one after the other.
        closeInto()
        const pieces = cut(rest, limits.maxBytes - Buffer.byteLength(prefix) - 1)
        pieces.forEach((piece, index) => {
          const isLast = index === pieces.length - 1
          const text = isLast ? `${prefix}${piece}` : `${prefix}${piece}}`
          isLossReport = false
          push(text, Buffer.byteLength(text), isLast ? { ...item, line: undefined } : undefined)
          if (!isLast) closeInto()
        })
      } else {
        push(`${prefix}${rest}`, item.bytes, item)
      }
      if (items.length >= limits.maxItems || bytes >= limits.maxBytes) closeInto()
      return full
    }
  }
}
