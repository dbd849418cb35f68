/** A run of the matrix of contents, chosen by a seed: what the function prints, what goes wrong, and the backend of the lines. */
import type { Fault } from "@effect-lambda/emulator"
import type * as Backend from "./Backend.ts"
import * as Random from "./Random.ts"

export const strategies = ["endOfInvocation", "endOfInvocationPipelined", "periodic", "adaptive", "continuous"] as const
export const sinks = ["http ndjson", "http json", "file", "console"] as const

/** The settings that the extension of a run gets, in the variable MATRIX. */
export interface Settings {
  readonly strategy: (typeof strategies)[number]
  readonly sink: (typeof sinks)[number]
  readonly protocol: "HTTP" | "TCP"
  readonly gzip: boolean
  /** 0: any free port, another one for every process. */
  readonly port: number
  readonly flushMillis: number
  readonly batchBytes: number
  readonly queueRecords: number
  readonly bufferingBytes: number
}

export interface Invocation {
  readonly pauseMillis: number
  readonly lines: ReadonlyArray<string>
}

export interface Plan {
  readonly index: number
  readonly seed: number
  readonly settings: Settings
  /** A program that polls by itself, or a handler whose console logs record by record. */
  readonly runtime: "program" | "handler"
  readonly logFormat: "text" | "json"
  readonly backend: Backend.Behaviour
  readonly faults: ReadonlyArray<Fault.Fault>
  readonly timeoutMillis: number
  readonly invocations: ReadonlyArray<Invocation>
}

export const extension = "extension:contents.ts"

/** Marks around the text of a line, so that it is found however it was written. */
export const beginOf = (id: number) => `@${id}(`
export const endOf = (id: number) => `)${id}@`
export const idOf = (text: string): number | undefined => {
  const found = /@(\d+)\(/.exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

const alphabets = ["abcdefghij klmnopqr", "äöüß€ żółw 日本", "😀👩‍🚀🏳️‍🌈 é", '\\"\t\u001b[31m\u0000\u2028/<&>'] as const

const textOf = (random: Random.Random, length: number): string => {
  const characters = Array.from(random.pick(alphabets))
  const word = Array.from({ length: 40 }, () => characters[random.between(0, characters.length - 1)]).join("")
  return word
    .repeat(Math.ceil(length / word.length))
    .slice(0, length)
    .toWellFormed()
}

/** Numbers that no JSON parser of JavaScript gives back as they were. */
const numbers = ["123456789012345678901234567890", "9007199254740993", "1e400", "1.10", "-0", "0.1000000000000000055"]

const lineOf = (random: Random.Random, id: number, most: number): string => {
  const kind = random.next()
  if (kind < 0.02) return `${beginOf(id)}${textOf(random, random.between(most / 3, most))}${endOf(id)}`
  if (kind < 0.1) return `${beginOf(id)}${textOf(random, random.between(1000, 60_000))}${endOf(id)}`
  if (kind < 0.3) {
    const value = random.pick(["1", ...numbers])
    return `{"level":"info","id":"${beginOf(id)}","n":${value},"n":${value},"text":${JSON.stringify(textOf(random, 20))},"end":"${endOf(id)}"}`
  }
  return `${beginOf(id)}${textOf(random, random.between(0, 120))}${endOf(id)}`
}

/** Lambda takes 6 MiB in one invocation, so lines beyond that are left out. */
const fitting = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  let bytes = 0
  return lines.filter((line) => (bytes += Buffer.byteLength(JSON.stringify(line)) + 1) < 6_000_000)
}

const makeInvocations = (random: Random.Random, strategy: string, most: number): ReadonlyArray<Invocation> => {
  let id = 0
  // `adaptive` changes its mind after twenty.
  const count = strategy === "adaptive" && random.chance(0.2) ? 23 : random.between(2, 5)
  return Array.from({ length: count }, () => ({
    pauseMillis: random.chance(0.3) ? random.between(50, 250) : 0,
    lines: fitting(
      Array.from({ length: random.chance(0.1) ? 0 : random.between(1, count > 20 ? 5 : 40) }, () => {
        const lines = Array.from({ length: random.chance(0.05) ? 3 : 1 }, () => lineOf(random, id++, most))
        return lines.join("\n")
      })
    )
  }))
}

const makeFault = (random: Random.Random, invocations: number): Fault.Fault => {
  const when = { at: random.between(1, invocations + 1) }
  const delay = random.chance(0.4) ? 0 : random.between(1, 120)
  const moment = random.pick(["during-invoke", "after-response"] as const)
  const faults: readonly [Fault.Fault, ...ReadonlyArray<Fault.Fault>] = [
    { _tag: "Reset", route: "next", when },
    { _tag: "Slow", route: "next", delay: random.between(10, 300), when },
    { _tag: "Partial", route: "next", bytes: random.between(0, 60), when },
    { _tag: "Status", route: "next", status: random.pick([403, 500]), when },
    { _tag: "DropParkedNext", when },
    { _tag: "Timeout", when },
    {
      _tag: "Crash",
      source: "runtime",
      moment: random.pick(["during-invoke", "after-response", "shutdown"]),
      delay,
      when
    },
    {
      _tag: "Crash",
      source: extension,
      moment: random.pick(["during-invoke", "after-response", "shutdown"]),
      delay,
      when
    },
    { _tag: "Crash", source: extension, moment, delay, when },
    { _tag: "HoldThaw", hold: random.between(100, 400), when },
    { _tag: "Shutdown", moment, delay, when },
    { _tag: "Slow", route: "register", delay: random.between(10, 300) },
    { _tag: "Slow", route: "telemetry", delay: random.between(10, 300) },
    { _tag: "Reset", route: "telemetry" },
    { _tag: "Slow", route: "runtime/response", delay: random.between(10, 100), when }
  ]
  return random.pick(faults)
}

const makeBackend = (random: Random.Random): Backend.Behaviour => {
  const behaviours: readonly [Backend.Behaviour, ...ReadonlyArray<Backend.Behaviour>] = [
    { _tag: "Healthy" },
    { _tag: "Slow", millis: random.between(10, 90) },
    { _tag: "Hanging", first: random.pick([1, 3, Number.POSITIVE_INFINITY]) },
    { _tag: "Failing", status: 500, first: random.between(1, 6) },
    { _tag: "Failing", status: 401, first: random.pick([1, 2, Number.POSITIVE_INFINITY]) },
    { _tag: "Busy", first: random.between(1, 3) },
    { _tag: "Limited", bytes: random.between(2000, 40_000) },
    { _tag: "Doubling", every: random.between(1, 3) },
    { _tag: "Mixed" }
  ]
  return random.pick(behaviours)
}

/** The run of this number. Every cell of strategy and sink has its turn, whatever the seed. */
export const make = (seed: number, index: number): Plan => {
  const random = Random.make(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
  const cell = index % (strategies.length * sinks.length)
  const strategy = strategies[cell % strategies.length] ?? "endOfInvocation"
  const sink = sinks[Math.floor(cell / strategies.length)] ?? "http ndjson"
  const isHttp = sink.startsWith("http")
  // A line that the console sink prints is cut at 1 Mi characters, as any line is.
  const invocations = makeInvocations(random, strategy, sink === "console" ? 200_000 : 900_000)
  const faults = Array.from({ length: random.pick([0, 1, 1, 1, 2, 3]) }, () => makeFault(random, invocations.length))
  return {
    index,
    seed,
    settings: {
      strategy,
      sink,
      protocol: random.chance(0.2) ? "TCP" : "HTTP",
      gzip: isHttp && random.chance(0.5),
      port: random.chance(0.5) ? 0 : 20_000 + ((process.pid * 61 + index) % 10_000),
      flushMillis: random.between(100, 300),
      batchBytes: random.pick([1_048_576, 32_768, 4096]),
      queueRecords: random.chance(0.15) ? 60 : 50_000,
      bufferingBytes: random.chance(0.3) ? 262_144 : 1_048_576
    },
    runtime: random.pick(["program", "handler"]),
    logFormat: random.chance(0.3) ? "json" : "text",
    backend: isHttp ? makeBackend(random) : { _tag: "Healthy" },
    faults,
    timeoutMillis: faults.some(({ _tag }) => _tag === "Timeout") ? 2000 : 15_000,
    invocations
  }
}
