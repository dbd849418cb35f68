/**
 * The platform's side: a server on loopback that gives events as fast as they are asked for, and one process at a time.
 * The server is also the service to which an extension ships its records.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type IncomingMessage, type RequestListener } from "node:http"
import * as Feed from "./feed.ts"
import { cpuMillis, peakMegabytes, waitMillis } from "./proc.ts"

export interface Program {
  readonly label: string
  /** The file to run and its arguments. */
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly env: Readonly<Record<string, string>>
  readonly work: Work
}

/**
 * The work of a program, which is checked: `logs` writes a line per invocation and a line at SHUTDOWN to stdout, `ships`
 * sends the telemetry of each invocation away before it asks for the next event. Its lines are not counted, since it warns
 * of a slow flush.
 */
export type Work = "logs" | "ships" | "nothing"

const expected = (work: Work, events: number): { readonly lines?: number; readonly shipments: number } => {
  switch (work) {
    case "logs":
      return { lines: events + 1, shipments: 0 }
    case "ships":
      return { shipments: events }
    case "nothing":
      return { lines: 0, shipments: 0 }
  }
}

/** The costs of a process from its start to one of its requests. */
export interface Moment {
  readonly millis: number
  /** The part of the time in which the process waited for a CPU after the spawn. */
  readonly waitMillis: number
  readonly cpuMillis: number
  readonly peakMegabytes: number
}

/** The costs of one process, from its start to its SHUTDOWN. */
export interface Life {
  /** The time until the process runs the file, mostly the fork of this process; a part of the times below. */
  readonly spawnMillis: number
  readonly register: Moment
  readonly firstNext: Moment
  /** The program has handled its first event, which waited for the poll, and asks for the second. */
  readonly secondNext: Moment
  readonly eventCpuMillis: number
  readonly peakMegabytes: number
}

export interface Platform {
  /** Starts a program, gives it `events` invocations and SHUTDOWN, and waits for its end. */
  readonly live: (program: Program, events: number) => Promise<Life>
  /** The service that takes what an extension ships, whatever it is. */
  readonly sinkUrl: string
  readonly close: () => void
}

const arn = "arn:aws:lambda:eu-central-1:123456789012:function:benchmark"
/** The answer to register. */
export const registered = '{"functionName":"benchmark","functionVersion":"$LATEST","handler":"index.handler"}\n'

// Field order, headers and content types as Lambda sends them.
const hexOf = (number: number) => number.toString(16).padStart(12, "0")
/** The request id of an invocation. */
export const requestIdOf = (number: number) => `4f3cbbf7-6a1f-4c4f-9f3b-${hexOf(number)}`
/** The event of an invocation; the request id holds its number. */
export const invoke = (number: number) => {
  const hex = hexOf(number)
  const trace = `Root=1-69219a00-${hex}${hex};Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:99f746fe:0`
  return (
    `{"eventType":"INVOKE","deadlineMs":${Date.now() + 60_000},"requestId":"${requestIdOf(number)}",` +
    `"invokedFunctionArn":"${arn}","tracing":{"type":"X-Amzn-Trace-Id","value":"${trace}"}}`
  )
}
/** The last event. */
export const shutdown = () => `{"eventType":"SHUTDOWN","deadlineMs":${Date.now() + 2000},"shutdownReason":"spindown"}`

// The limits are generous: they only keep a broken run from waiting for ever.
const startLimitMillis = 30_000
const sinkPath = "/ingest"
/** The variables that Lambda sets and an extension may need. */
export const functionVariables = {
  AWS_LAMBDA_FUNCTION_NAME: "benchmark",
  AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "1769",
  AWS_REGION: "eu-central-1"
}
const eventLimitMillis = 20

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks = await request.toArray()
  return Buffer.concat(chunks).toString("utf8")
}

/** @param signal ends the process that is running */
export const open = async (signal: AbortSignal): Promise<Platform> => {
  let listener: RequestListener | undefined
  let shipments = 0
  const server = createServer((request, response) => {
    // OTLP adds a path for each signal.
    if (request.url?.startsWith(sinkPath) === true) {
      shipments++
      request.resume().once("end", () => response.end())
      return
    }
    if (listener === undefined) return response.writeHead(503).end()
    return listener(request, response)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server has no port")
  const runtimeApi = `127.0.0.1:${address.port}`

  const live = async (program: Program, events: number): Promise<Life> => {
    const startedAt = performance.now()
    const [file, ...args] = program.command
    const child = spawn(file, args, {
      env: { ...functionVariables, ...program.env, AWS_LAMBDA_RUNTIME_API: runtimeApi },
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      killSignal: "SIGKILL"
    })
    const spawnMillis = performance.now() - startedAt
    const { pid } = child
    // The wait for a CPU in the fork is part of the time that the spawn took.
    const spawnWaitMillis = pid === undefined ? NaN : waitMillis(pid)

    const moment = (pid: number): Moment => ({
      millis: performance.now() - startedAt,
      waitMillis: waitMillis(pid) - spawnWaitMillis,
      cpuMillis: cpuMillis(pid),
      peakMegabytes: peakMegabytes(pid)
    })
    const feed = Feed.make()
    shipments = 0
    let register: Moment | undefined
    let firstNext: Moment | undefined
    let secondNext: Moment | undefined
    let lastNext: Moment | undefined
    let polls = 0
    listener = (request, response) => {
      if (pid === undefined) return
      if (request.method === "PUT") {
        void bodyOf(request).then((body) => {
          feed.subscribe(body)
          response.end("OK")
        })
        return
      }
      request.resume()
      if (request.url?.endsWith("/register")) {
        register = moment(pid)
        response.setHeader("Lambda-Extension-Identifier", "2f0e5a52-7d4f-4a5b-9d1c-7a2f6e9b3c11")
        response.setHeader("Content-Type", "application/json")
        response.end(registered)
        return
      }
      polls++
      if (polls === 1) firstNext = moment(pid)
      if (polls === 2) secondNext = moment(pid)
      if (polls <= events) {
        response.setHeader("Lambda-Extension-Event-Identifier", "b0e1a5c3-3c86-4d0e-8f6c-0d6b7c1d2e3f")
        response.setHeader("Content-Type", "application/json")
        response.end(invoke(polls))
        feed.invoked(requestIdOf(polls))
        return
      }
      lastNext = moment(pid)
      response.setHeader("Content-Type", "text/plain; charset=utf-8")
      response.end(shutdown())
    }

    // The pipe is drained, as Lambda does it. The lines are counted: both programs of a pair must do the same work.
    let lines = 0
    let lastOutput = ""
    child.stdout.on("data", (chunk: Buffer) => {
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines++
      lastOutput = chunk.toString("utf8").slice(-500)
    })
    child.stderr.on("data", (chunk: Buffer) => {
      lastOutput = chunk.toString("utf8").slice(-500)
    })
    const timer = setTimeout(() => child.kill("SIGKILL"), startLimitMillis + events * eventLimitMillis)
    try {
      await once(child, "close")
    } finally {
      clearTimeout(timer)
      listener = undefined
      feed.end()
    }

    const due = expected(program.work, events)
    const isWell =
      child.exitCode === 0 && polls === events + 1 && lines === (due.lines ?? lines) && shipments >= due.shipments
    if (!isWell || register === undefined || !firstNext || !secondNext || !lastNext) {
      throw new Error(
        `${program.label} ended with ${child.exitCode ?? child.signalCode} after ${polls} polls (${events + 1} expected), ` +
          `${lines} lines of output (${due.lines ?? "any number"} expected) and ${shipments} shipments (${due.shipments} expected). Its last output: ${lastOutput || "none"}`
      )
    }
    return {
      spawnMillis,
      register,
      firstNext,
      secondNext,
      eventCpuMillis: (lastNext.cpuMillis - firstNext.cpuMillis) / events,
      peakMegabytes: lastNext.peakMegabytes
    }
  }

  return {
    live,
    sinkUrl: `http://${runtimeApi}${sinkPath}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    }
  }
}
