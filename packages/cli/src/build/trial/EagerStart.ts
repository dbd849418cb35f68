/**
 * The judgement of a trial run on an eager start: the subscription that the stub has to make, and the reasons to wait for
 * the program. Pure.
 */
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Crypto from "node:crypto"
import type * as LogEvent from "../../shared/LogEvent.ts"
import type * as Listeners from "./Listeners.ts"

export interface Seen {
  readonly name: string
  readonly entries: ReadonlyArray<Journal.JournalEntry>
  /** The marked lines of the program's log. */
  readonly events: ReadonlyArray<LogEvent.LogEvent>
  readonly listeners: ReadonlyArray<Listeners.Listener> | undefined
  readonly hasFailedInit: boolean
}

export interface EagerStart {
  /** The body of the subscription to telemetry, with the port that the program will get; `undefined`: there is none. */
  readonly subscription: string | undefined
  /** Sentences for the person who builds. */
  readonly notes: ReadonlyArray<string>
  /** Why no eager start can work. */
  readonly obstacles: ReadonlyArray<string>
  /** Parts of the program that the function may rely on, and would not have; the person who builds may know better. */
  readonly doubts: ReadonlyArray<string>
}

/** Below the ports that Linux gives to sockets which ask for none, and away from those of well-known services. */
const firstPort = 20_000
const ports = 10_000

/** The same name has the same port, so a process that Lambda starts again gets what its subscription still delivers. */
export const portOf = (name: string): number =>
  firstPort + (Crypto.createHash("sha256").update(name).digest().readUInt32BE(0) % ports)

/** An entry is ASCII. */
const escape = (json: string): string =>
  json.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** The request with another port; its keys keep their order, since Lambda compares the texts of subscriptions. */
const withPort = (body: string, port: number): string =>
  JSON.stringify(JSON.parse(body), (key, value: unknown) => {
    if (key === "port") return port
    return key === "URI" && typeof value === "string" ? value.replace(/:\d+(?=\/|$)/, `:${port}`) : value
  })

const telemetryPorts = (bodies: ReadonlyArray<string>): ReadonlyArray<number> =>
  bodies.flatMap((body) => {
    const { destination } = JSON.parse(body)
    return destination.protocol === "TCP" ? [destination.port] : [Number(new URL(destination.URI).port)]
  })

const describe = (listener: Listeners.Listener): string =>
  listener.protocol === "Unix" ? `the Unix socket ${listener.path}` : `${listener.protocol} port ${listener.port}`

export const of = ({ entries, events, hasFailedInit, listeners, name }: Seen): EagerStart => {
  const described = events.filter((event) => event["event.name"] === "lambda_extension.described")
  const subscriptions = entries.filter(Journal.is("TelemetrySubscription", ({ state }) => state === "Subscribed"))
  const bodies = subscriptions.map(({ body }) => body)
  const [body] = bodies
  const isAnyPort = described.some(({ telemetryPort }) => telemetryPort === "any")
  const port = portOf(name)
  const own = new Set(telemetryPorts(bodies))
  const isTelemetry = (listener: Listeners.Listener) => listener.protocol !== "Unix" && own.has(listener.port)
  const others = (listeners ?? []).filter((listener) => !isTelemetry(listener))

  const obstacles: Array<string> = []
  if (described.length === 0) {
    obstacles.push(
      "the program did not say in its trial run that it reads the answer to that next: it has to run by NodeExtension.runMain " +
        "of this version"
    )
  }
  if (subscriptions.some(({ api }) => api === "logs")) {
    obstacles.push("the program subscribes to the Logs API, and the entry can subscribe to the Telemetry API only")
  }
  if (subscriptions.length > 1) {
    obstacles.push(`the program makes ${subscriptions.length} subscriptions to telemetry, and the entry can make one`)
  }

  const doubts: Array<string> = []
  if (described.some(({ onInitFailure }) => onInitFailure === "exit")) {
    doubts.push(
      'onInitFailure is "exit", so the function must not run without the extension; but with start eager it may already run ' +
        "when the init of the extension fails"
    )
  }
  if (others.length > 0) {
    doubts.push(
      `the program listens on ${[...new Set(others.map(describe))].join(", ")}; a function that calls it in its init, or at once in its ` +
        "handler, may come before the program listens"
    )
  }
  if (body !== undefined && JSON.parse(body).destination.protocol === "TCP") {
    doubts.push(
      "the program receives telemetry over TCP, where records that come before it listens may be lost; HTTP has none of that"
    )
  }
  if (body !== undefined && !described.some(({ telemetryPort }) => telemetryPort !== undefined)) {
    doubts.push(
      `the program listens for telemetry without NodeTelemetry.layer, so the build cannot tell whether port ${[...own].join()} is ` +
        "the same in each start; the entry would subscribe with that port"
    )
  }
  if (hasFailedInit) {
    doubts.push(
      "init failed in the trial run, so the build knows neither the telemetry that the program subscribes to nor what it " +
        "listens on; give the variables that init needs by --env KEY=VALUE"
    )
  }

  const notes: Array<string> = []
  if (listeners === undefined && !hasFailedInit) {
    notes.push("start eager: this system does not tell what the program listens on, and the function may rely on that")
  }
  if (body !== undefined && isAnyPort) {
    notes.push(
      `start eager: the entry subscribes to telemetry, and the program listens on port ${port}, which was made from its name; ` +
        "the option port of its telemetry gives it another one"
    )
  }
  const subscription = body === undefined ? undefined : escape(isAnyPort ? withPort(body, port) : body)
  return { subscription, notes, obstacles, doubts }
}
