/** The platform's side: a server on loopback that gives events as fast as they are asked for, and one process at a time. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type RequestListener } from "node:http"
import { cpuMillis, peakMegabytes, waitMillis } from "./proc.ts"

export interface Program {
  readonly label: string
  /** The file to run and its arguments. */
  readonly command: readonly [string, ...ReadonlyArray<string>]
  readonly env: Readonly<Record<string, string>>
  /** The program writes a line per invocation and a line at SHUTDOWN to stdout; otherwise nothing. */
  readonly isLogging: boolean
}

/** The costs of one process, from its start to its SHUTDOWN. */
export interface Life {
  /** The time until the process runs the file, mostly the fork of this process; a part of the two times below. */
  readonly spawnMillis: number
  readonly registerMillis: number
  readonly firstNextMillis: number
  /** The part of the two times in which the process waited for a CPU after the spawn. */
  readonly registerWaitMillis: number
  readonly firstNextWaitMillis: number
  readonly firstNextCpuMillis: number
  readonly firstNextPeakMegabytes: number
  readonly eventCpuMillis: number
  readonly peakMegabytes: number
}

export interface Platform {
  /** Starts a program, gives it `events` invocations and SHUTDOWN, and waits for its end. */
  readonly live: (program: Program, events: number) => Promise<Life>
  readonly close: () => void
}

const arn = "arn:aws:lambda:eu-central-1:123456789012:function:benchmark"
const registered = '{"functionName":"benchmark","functionVersion":"$LATEST","handler":"index.handler"}\n'

// Field order, headers and content types as Lambda sends them.
const invoke = (number: number) => {
  const hex = number.toString(16).padStart(12, "0")
  const trace = `Root=1-69219a00-${hex}${hex};Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:99f746fe:0`
  return (
    `{"eventType":"INVOKE","deadlineMs":${Date.now() + 60_000},"requestId":"4f3cbbf7-6a1f-4c4f-9f3b-${hex}",` +
    `"invokedFunctionArn":"${arn}","tracing":{"type":"X-Amzn-Trace-Id","value":"${trace}"}}`
  )
}
const shutdown = () => `{"eventType":"SHUTDOWN","deadlineMs":${Date.now() + 2000},"shutdownReason":"spindown"}`

// The limits are generous: they only keep a broken run from waiting for ever.
const startLimitMillis = 30_000
const eventLimitMillis = 20

/** @param signal ends the process that is running */
export const open = async (signal: AbortSignal): Promise<Platform> => {
  let listener: RequestListener | undefined
  const server = createServer((request, response) => {
    request.resume()
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
      env: { ...program.env, AWS_LAMBDA_RUNTIME_API: runtimeApi },
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      killSignal: "SIGKILL"
    })
    const spawnMillis = performance.now() - startedAt
    const { pid } = child
    // The wait for a CPU in the fork is part of the time that the spawn took.
    const spawnWaitMillis = pid === undefined ? NaN : waitMillis(pid)

    let registerMillis = NaN
    let firstNextMillis = NaN
    let registerWaitMillis = NaN
    let firstNextWaitMillis = NaN
    let firstNextCpuMillis = NaN
    let firstNextPeakMegabytes = NaN
    let lastNextCpuMillis = NaN
    let peak = NaN
    let polls = 0
    listener = (request, response) => {
      if (pid === undefined) return
      if (request.url?.endsWith("/register")) {
        registerMillis = performance.now() - startedAt
        registerWaitMillis = waitMillis(pid) - spawnWaitMillis
        response.setHeader("Lambda-Extension-Identifier", "2f0e5a52-7d4f-4a5b-9d1c-7a2f6e9b3c11")
        response.setHeader("Content-Type", "application/json")
        response.end(registered)
        return
      }
      polls++
      if (polls === 1) {
        firstNextMillis = performance.now() - startedAt
        firstNextWaitMillis = waitMillis(pid) - spawnWaitMillis
        firstNextCpuMillis = cpuMillis(pid)
        firstNextPeakMegabytes = peakMegabytes(pid)
      }
      if (polls <= events) {
        response.setHeader("Lambda-Extension-Event-Identifier", "b0e1a5c3-3c86-4d0e-8f6c-0d6b7c1d2e3f")
        response.setHeader("Content-Type", "application/json")
        response.end(invoke(polls))
        return
      }
      lastNextCpuMillis = cpuMillis(pid)
      peak = peakMegabytes(pid)
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
    }

    const expectedLines = program.isLogging ? events + 1 : 0
    if (child.exitCode !== 0 || polls !== events + 1 || lines !== expectedLines) {
      throw new Error(
        `${program.label} ended with ${child.exitCode ?? child.signalCode} after ${polls} polls (${events + 1} expected) ` +
          `and ${lines} lines of output (${expectedLines} expected). Its last output: ${lastOutput || "none"}`
      )
    }
    return {
      spawnMillis,
      registerMillis,
      firstNextMillis,
      registerWaitMillis,
      firstNextWaitMillis,
      firstNextCpuMillis,
      firstNextPeakMegabytes,
      eventCpuMillis: (lastNextCpuMillis - firstNextCpuMillis) / events,
      peakMegabytes: peak
    }
  }

  return {
    live,
    close: () => {
      server.closeAllConnections()
      server.close()
    }
  }
}
