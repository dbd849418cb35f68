/** An extension as a process, and the Lambda and the backend that it talks to, which only answer. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { Agent, createServer, request as ask, type IncomingMessage, type ServerResponse } from "node:http"
import { createInterface } from "node:readline"
import { portOf } from "../feed.ts"
import { functionVariables, invoke, registered, shutdown } from "../platform.ts"
import { cpuMillis, peakMegabytes, waitMillis } from "../proc.ts"
import { field } from "../telemetry/server.ts"

export interface Shipper {
  readonly label: string
  /** The program of Node, or with `isExecutable` a file that starts by itself. */
  readonly file: string
  readonly isExecutable?: boolean
  readonly env: Readonly<Record<string, string>>
  /** The variable that names the backend. */
  readonly variable: string
  /** The consumer in the accounting that has the log lines. */
  readonly consumer: string
}

/** An extension that runs, in next. */
export interface Running {
  /**
   * An invocation with its telemetry, each body when the body before it is answered, until the extension asks for the next one.
   * Gives the milliseconds without those in which the extension waited for a CPU.
   */
  readonly invocation: (number: number, bodies: ReadonlyArray<Buffer>) => Promise<number>
  readonly cpuMillis: () => number
  readonly peakMegabytes: () => number
  /** Ends the extension, and gives what it counted. */
  readonly stop: () => Promise<unknown>
}

// It only keeps a broken run from waiting for ever.
const limitMillis = 60_000

const backend = "/ingest"

/** The accounting in a line of the extension's log, if it is that. */
const accountingIn = (line: string): unknown => {
  if (!line.includes("lambda_extension.telemetry_accounting")) return undefined
  const parsed: unknown = JSON.parse(line)
  return field(parsed, "accounting") ?? field(field(parsed, "annotations"), "accounting")
}

/** @param signal ends the extension */
export const start = async (shipper: Shipper, signal: AbortSignal): Promise<Running> => {
  const { env, file, isExecutable = false, label, variable } = shipper
  let port: number | undefined
  let poll: ServerResponse | undefined
  let onPoll: () => void = () => undefined
  let onSubscribed: () => void = () => undefined
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.startsWith(backend) === true) {
      request.resume().once("end", () => response.end())
      return
    }
    if (request.method === "PUT") {
      void request.toArray().then((chunks) => {
        port = portOf(Buffer.concat(chunks).toString("utf8"))
        response.end("OK")
        onSubscribed()
      })
      return
    }
    request.resume()
    response.setHeader("Content-Type", "application/json")
    if (request.url?.endsWith("/register") === true) {
      response.setHeader("Lambda-Extension-Identifier", "2f0e5a52-7d4f-4a5b-9d1c-7a2f6e9b3c11")
      response.end(registered)
      return
    }
    response.setHeader("Lambda-Extension-Event-Identifier", "b0e1a5c3-3c86-4d0e-8f6c-0d6b7c1d2e3f")
    poll = response
    onPoll()
  }
  const server = createServer(answer).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the server has no port")
  const host = `127.0.0.1:${address.port}`
  const [command, ...args] = isExecutable ? [file] : [process.execPath, file]
  const child = spawn(command, args, {
    env: { ...functionVariables, ...env, AWS_LAMBDA_RUNTIME_API: host, [variable]: `http://${host}${backend}` },
    stdio: ["ignore", "pipe", "inherit"],
    signal,
    killSignal: "SIGKILL"
  })
  const closed = once(child, "close")
  closed.catch(() => undefined)
  const { pid } = child
  if (pid === undefined) throw new Error(`${label} did not start`)
  let counted: unknown
  let lastLine = ""
  createInterface(child.stdout).on("line", (line) => {
    counted ??= accountingIn(line)
    lastLine = line
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  const within = async <A>(work: Promise<A>): Promise<A> => {
    const timer = setTimeout(() => child.kill("SIGKILL"), limitMillis)
    const ended = closed.then(() => {
      throw new Error(`${label} ended with ${child.exitCode ?? child.signalCode}. Its last line: ${lastLine || "none"}`)
    })
    try {
      return await Promise.race([work, ended])
    } finally {
      clearTimeout(timer)
    }
  }
  const subscribed = () =>
    within(new Promise<void>((resolve) => (port === undefined ? (onSubscribed = resolve) : resolve())))
  const polled = () => within(new Promise<void>((resolve) => (poll === undefined ? (onPoll = resolve) : resolve())))
  const give = (event: string) => {
    const response = poll
    poll = undefined
    onPoll = () => undefined
    response?.end(event)
  }
  const post = (body: Buffer) =>
    within(
      new Promise<void>((resolve, reject) => {
        const headers = { "Content-Type": "application/json", "Content-Length": body.length }
        ask({ agent, host: "127.0.0.1", port, method: "POST", path: "/", headers }, (response) => {
          response.resume().once("error", reject).once("end", resolve)
        })
          .once("error", reject)
          .end(body)
      })
    )
  await subscribed()
  await polled()

  return {
    invocation: async (number, bodies) => {
      const clock = () => performance.now() - waitMillis(pid)
      const startedAt = clock()
      give(invoke(number))
      for (const body of bodies) await post(body)
      await polled()
      return clock() - startedAt
    },
    cpuMillis: () => cpuMillis(pid),
    peakMegabytes: () => peakMegabytes(pid),
    stop: async () => {
      give(shutdown())
      const timer = setTimeout(() => child.kill("SIGKILL"), limitMillis)
      await closed
      clearTimeout(timer)
      agent.destroy()
      server.closeAllConnections()
      server.close()
      return counted
    }
  }
}
