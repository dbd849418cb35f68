/** Explains the fate of every line that the function printed. Pure: what was seen goes in, a fate for each line comes out. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import * as Journal from "@effect-lambda/emulator/Journal"
import type * as TelemetryAccounting from "@effect-lambda/extension/telemetry/TelemetryAccounting"
import type * as Backend from "./Backend.ts"
import { endOf, extension, idOf } from "./Plan.ts"
import { recordsOf, type Shipped } from "./Records.ts"

export const fates = [
  "arrived",
  "countedLost",
  "neverGiven",
  /** The run killed the extension that had the line. */
  "killed",
  /** The platform killed the extension that had the line: it was never told to shut down, since a fault took the event. */
  "cutOff",
  /** The platform killed that extension although it was told: it had too little of the machine, or of the time. */
  "late",
  "lostByTcp",
  "unexplained"
] as const
export type Fate = (typeof fates)[number]

/** How many lines had each fate, before the first line. */
export const noLines = (): Record<Fate, number> => ({
  arrived: 0,
  countedLost: 0,
  neverGiven: 0,
  killed: 0,
  cutOff: 0,
  late: 0,
  lostByTcp: 0,
  unexplained: 0
})

export interface Seen {
  readonly entries: ReadonlyArray<JournalEntry>
  readonly requests: ReadonlyArray<Backend.Request>
  /** The text that the file sink wrote. */
  readonly file: string
  /** The deliveries to each process of the extension, by its pid. */
  readonly given: ReadonlyMap<number, string>
}

/** A process of the extension. */
interface Life {
  readonly given: string
  readonly accounting: TelemetryAccounting.TelemetryAccounting | undefined
  /** The side that ended it: itself, the run, or the platform when its time had passed. */
  readonly end: "itself" | "the run" | "the platform"
  /** How it ended, for the reader of a failure. */
  readonly how: string
  readonly wasToldToShutDown: boolean
}

export interface Explanation {
  readonly fates: Readonly<Record<Fate, number>>
  /** Lines that are at the backend more than once, by what the documents say about it. */
  readonly doubles: { readonly sameBatch: number; readonly givenTwice: number }
  readonly problems: ReadonlyArray<string>
}

/** The event of SHUTDOWN has reached it: no fault has cut the connection under it. */
const wasTold = (own: ReadonlyArray<JournalEntry>): boolean => {
  const told = own.find(
    (entry) => entry._tag === "EventDelivered" && entry.eventType === "SHUTDOWN" && entry.source === extension
  )
  const isCut = own.some(
    (entry) =>
      entry._tag === "FaultInjected" && entry.fault._tag === "Partial" && entry.index > (told?.index ?? Infinity)
  )
  return told?._tag === "EventDelivered" && !told.lost && !isCut
}

const livesOf = ({ entries, given }: Seen): ReadonlyArray<Life> => {
  const lives: Array<Life> = []
  for (const started of entries.filter(Journal.is("ProcessStarted", ({ source }) => source === extension))) {
    const rest = entries.slice(entries.indexOf(started) + 1)
    const end = rest.findIndex((entry) => entry._tag === "ProcessExited" && entry.source === extension)
    const own = end === -1 ? rest : rest.slice(0, end + 1)
    const output = own.filter(Journal.is("Output", ({ source }) => source === extension)).map(({ line }) => line)
    const accounting = output.find((line) => line.startsWith('{"message":"accounting '))
    const exited = own.find(Journal.is("ProcessExited", ({ source }) => source === extension))
    const isCrashed = own.some(
      (entry) => entry._tag === "FaultInjected" && entry.fault._tag === "Crash" && entry.target === extension
    )
    const isKilled = exited?.status._tag === "Signal" && exited.status.signal === "SIGKILL"
    lives.push({
      given: given.get(started.pid ?? 0) ?? "",
      accounting: accounting === undefined ? undefined : JSON.parse(JSON.parse(accounting).message.slice(11)),
      end: isCrashed ? "the run" : isKilled ? "the platform" : "itself",
      how: JSON.stringify({ status: exited?.status, state: exited?.state }),
      wasToldToShutDown: wasTold(own)
    })
  }
  return lives
}

const lostOf = ({ accounting }: Life): number =>
  accounting === undefined
    ? 0
    : accounting.consumers.reduce(
        (sum, { droppedByQueue, droppedBySink, unsent, waiting }) =>
          sum + droppedByQueue + droppedBySink + unsent + waiting,
        accounting.undecodable
      )

/** How many records are in HTTP bodies; not known if one was cut into pieces, which are no JSON. */
const countIn = (given: string): number | undefined => {
  try {
    const bodies = given.split("\n").filter((body) => body !== "")
    return bodies.reduce((sum, body) => sum + JSON.parse(body).length, 0)
  } catch {
    return undefined
  }
}

/** Every delivered record counts as received, and has exactly one end. */
const accountingProblem = ({ accounting, given }: Life, isTcp: boolean): string | undefined => {
  if (accounting === undefined) return undefined
  const { consumers, decoded, received, undecodable } = accounting
  const ends = consumers.reduce(
    (sum, { delivered, droppedByQueue, droppedBySink, unsent, waiting }) =>
      sum + delivered + droppedByQueue + droppedBySink + waiting + unsent,
    0
  )
  if (received !== decoded + undecodable || received !== ends) {
    return `the accounting does not add up: ${JSON.stringify(accounting)}`
  }
  const records = isTcp ? received : (countIn(given) ?? received)
  return records === received ? undefined : `${records} records were given, and ${received} are counted as received`
}

/** Every record at the backend, with the batch that it came in. */
const shippedOf = (
  { entries, file, requests }: Seen,
  wasKilled: boolean,
  problems: Array<string>
): ReadonlyArray<Shipped> => {
  const shipped: Array<Shipped> = []
  const bodies = new Map<string, string>()
  for (const { body, contentType, id, isTaken } of requests) {
    if (bodies.has(id) && bodies.get(id) !== body) problems.push(`the batch ${id} came again with another content`)
    bodies.set(id, body)
    if (isTaken) shipped.push(...recordsOf(body, contentType === "application/json", id, problems))
  }
  // A kill tears the last line.
  const torn: Array<string> = wasKilled ? [] : problems
  shipped.push(...recordsOf(file, false, "file", torn))
  const printed = entries.filter(Journal.is("Output", ({ source }) => source === extension)).map(({ line }) => line)
  const console = printed.filter((line) => line.startsWith('{"time":')).join("\n")
  shipped.push(...recordsOf(console, false, "console", torn))
  return shipped
}

/** Explains a run. Every problem is a sentence; a run without any is explained. */
export const explain = (seen: Seen): Explanation => {
  const problems: Array<string> = []
  const lives = livesOf(seen)
  const { entries } = seen
  const wasKilled = lives.some(({ end }) => end !== "itself")
  const shipped = new Map<number, Array<Shipped>>()
  for (const record of shippedOf(seen, wasKilled, problems)) {
    if (record.id !== undefined) shipped.set(record.id, [...(shipped.get(record.id) ?? []), record])
  }

  const count = noLines()
  const doubles = { sameBatch: 0, givenTwice: 0 }
  const missingOf = new Map<Life, number>()
  const printed = entries.filter(Journal.is("Output", ({ source }) => source === "runtime"))

  for (const { line } of printed) {
    const id = idOf(line)
    if (id === undefined) continue
    const found = shipped.get(id) ?? []
    shipped.delete(id)
    // A function that is killed leaves half a line.
    const marker = line.includes(endOf(id)) ? endOf(id) : `@${id}(`
    const holders = lives.filter(({ given }) => given.includes(marker))
    if (found.length > 0) {
      count.arrived++
      const changed = found.find(({ text }) => text !== line)
      if (changed !== undefined) {
        problems.push(`line ${id} was changed: ${shorten(line)} became ${shorten(changed.text)} (${changed.batch})`)
      }
      const batches = new Set(found.map(({ batch }) => batch))
      if (found.length > batches.size && (batches.has("file") || batches.has("console"))) {
        const copies = holders.reduce((sum, { given }) => sum + given.split(marker).length - 1, 0)
        if (found.length > copies)
          problems.push(`line ${id} was written ${found.length} times, and given ${copies} times`)
        else doubles.givenTwice++
      } else if (found.length > batches.size) doubles.sameBatch++
      if (batches.size > 1) {
        const copies = holders.reduce((sum, { given }) => sum + given.split(marker).length - 1, 0)
        if (batches.size > copies)
          problems.push(`line ${id} came in ${batches.size} batches, and was given ${copies} times`)
        else doubles.givenTwice++
      }
      continue
    }
    if (holders.length === 0) {
      count.neverGiven++
      continue
    }
    const last = holders.at(-1)
    if (holders.some(({ end }) => end === "the run")) count.killed++
    else if (last !== undefined && last.accounting !== undefined) {
      count.countedLost++
      missingOf.set(last, (missingOf.get(last) ?? 0) + 1)
    } else if (last?.end === "the platform") count[last.wasToldToShutDown ? "late" : "cutOff"]++
    else {
      count.unexplained++
      problems.push(
        `line ${id} was given to a process that neither sent nor counted it: ${last?.how}; ${shorten(line)}`
      )
    }
  }

  for (const id of shipped.keys()) problems.push(`line ${id} is at the backend, and was never printed`)
  for (const [life, missing] of missingOf) {
    const lost = lostOf(life)
    if (missing <= lost) continue
    count.countedLost -= missing - lost
    count.unexplained += missing - lost
    problems.push(`${missing} lines are missing, and ${lost} are counted lost: ${JSON.stringify(life.accounting)}`)
  }
  // TCP has no acknowledgement: to the platform a record is delivered when it has left.
  const isTcp = entries.some((entry) => entry._tag === "TelemetrySubscription" && entry.destination?.startsWith("tcp:"))
  for (const life of lives) {
    const problem = accountingProblem(life, isTcp)
    if (problem !== undefined) problems.push(problem)
  }
  const dropped = entries.filter(Journal.is("TelemetryDropped")).reduce((sum, { records }) => sum + records, 0)
  const isSubscribed = entries.some((entry) => entry._tag === "TelemetrySubscription" && entry.state === "Subscribed")
  if (isTcp && count.neverGiven > dropped) {
    count.lostByTcp = count.neverGiven - dropped
    count.neverGiven = dropped
  }
  if (isSubscribed && count.neverGiven > dropped) {
    count.unexplained += count.neverGiven - dropped
    problems.push(`${count.neverGiven} lines never came to the extension, and the journal has ${dropped} dropped`)
    count.neverGiven = dropped
  }
  return { fates: count, doubles, problems }
}

const shorten = (text: string) => JSON.stringify(text.length > 160 ? `${text.slice(0, 80)} … ${text.slice(-80)}` : text)
