/** The record of what goes over the wire, for the option `wire`: bodies as text, cut to a bound. */
import type { JournalEvent } from "./JournalEvent.ts"

type Exchanged = Extract<JournalEvent, { readonly _tag: "Exchanged" }>

export interface WireRecord {
  /** Bytes of a body that are kept. */
  readonly maxBytes: number
  readonly textOf: (body: Uint8Array) => string
  readonly record: (exchange: Omit<Exchanged, "_tag">) => void
}

const defaultMaxBytes = 2048

/** `undefined` if nothing is to be recorded. */
export const make = (
  wire: boolean | { readonly maxBytes?: number } | undefined,
  record: (event: JournalEvent) => void
): WireRecord | undefined => {
  if (wire === undefined || wire === false) return undefined
  const maxBytes = (wire === true ? undefined : wire.maxBytes) ?? defaultMaxBytes
  return {
    maxBytes,
    // A character that is cut at the end is left out.
    textOf: (body) => new TextDecoder().decode(body.subarray(0, maxBytes), { stream: body.length > maxBytes }),
    record: (exchange) => record({ _tag: "Exchanged", ...exchange })
  }
}
