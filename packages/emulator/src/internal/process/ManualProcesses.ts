/**
 * Processes that are none: the code of a test speaks for them over HTTP, and they print and end by hand. An extension
 * that is given by its name is one, and so is the side of a missing function.
 */
import type { ProcessId, Source } from "../Source.ts"
import * as LineFraming from "./LineFraming.ts"

export type Channel = "stdout" | "stderr"

export interface ManualProcesses {
  readonly start: (source: Source, process: ProcessId) => void
  /** Prints text; `false` means that no such process runs. */
  readonly write: (source: Source, channel: Channel, text: string) => boolean
  /** Ends a process, after its unfinished line; `undefined` means that no such process runs. */
  readonly end: (source: Source) => ProcessId | undefined
  /** `undefined` means that this is a real process. */
  readonly sourceOf: (process: ProcessId) => Source | undefined
}

interface ManualProcess {
  readonly process: ProcessId
  readonly lines: Readonly<Record<Channel, LineFraming.LineFraming>>
}

export const make = (onLine: (source: Source, channel: Channel, line: string) => void): ManualProcesses => {
  const running = new Map<Source, ManualProcess>()
  return {
    start: (source, process) => {
      running.set(source, { process, lines: { stdout: LineFraming.make(), stderr: LineFraming.make() } })
    },
    write: (source, channel, text) => {
      const manual = running.get(source)
      manual?.lines[channel].push(text).forEach((line) => onLine(source, channel, line))
      return manual !== undefined
    },
    end: (source) => {
      const manual = running.get(source)
      running.delete(source)
      if (manual === undefined) return undefined
      for (const channel of ["stdout", "stderr"] as const) {
        manual.lines[channel].end().forEach((line) => onLine(source, channel, line))
      }
      return manual.process
    },
    sourceOf: (process) => {
      for (const [source, manual] of running) if (manual.process === process) return source
      return undefined
    }
  }
}
