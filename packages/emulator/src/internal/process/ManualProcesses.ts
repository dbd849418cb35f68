/** Slots run without a process: your code speaks for them over HTTP, and they print and end by hand. */
import type { ProcessId } from "../Source.ts"
import type { Source } from "../../Journal.ts"
import * as LineFraming from "./LineFraming.ts"

export type Channel = "stdout" | "stderr"

export interface Slots {
  readonly start: (source: Source, process: ProcessId) => void
  /** Prints text; `false` means that no such slot runs. */
  readonly write: (source: Source, channel: Channel, text: string) => boolean
  /** Ends a slot, after its unfinished line; `undefined` means that no such slot runs. */
  readonly end: (source: Source) => ProcessId | undefined
  /** `undefined` means that this is a process. */
  readonly sourceOf: (process: ProcessId) => Source | undefined
}

interface Slot {
  readonly process: ProcessId
  readonly lines: Readonly<Record<Channel, LineFraming.LineFraming>>
}

export const make = (onLine: (source: Source, channel: Channel, line: string) => void): Slots => {
  const slots = new Map<Source, Slot>()
  return {
    start: (source, process) => {
      slots.set(source, { process, lines: { stdout: LineFraming.make(), stderr: LineFraming.make() } })
    },
    write: (source, channel, text) => {
      const slot = slots.get(source)
      slot?.lines[channel].push(text).forEach((line) => onLine(source, channel, line))
      return slot !== undefined
    },
    end: (source) => {
      const slot = slots.get(source)
      slots.delete(source)
      if (slot === undefined) return undefined
      for (const channel of ["stdout", "stderr"] as const) {
        slot.lines[channel].end().forEach((line) => onLine(source, channel, line))
      }
      return slot.process
    },
    sourceOf: (process) => {
      for (const [source, slot] of slots) if (slot.process === process) return source
      return undefined
    }
  }
}
