/** A server as a process, and a client on a kept-alive connection. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createConnection } from "node:net"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { packageFolder } from "../bundle.ts"
import { cpuMillis, peakMegabytes, waitMillis } from "../proc.ts"
import { eventsPerBatch } from "./batches.ts"

export interface Server {
  readonly label: string
  /** The program of Node, or with `isExecutable` a file that starts by itself. */
  readonly file: string
  readonly isExecutable?: boolean
  readonly env: Readonly<Record<string, string>>
  /** Options of Node, such as those of a profile. */
  readonly nodeOptions?: ReadonlyArray<string>
}

/** The bare server that ours is compared with. */
export const raw: Server = {
  label: "raw-telemetry.cjs",
  file: join(packageFolder, "fixtures/raw-telemetry.cjs"),
  env: {}
}

/** A server that runs, and its client. The server uses no CPU between two calls of `send`. */
export interface Running {
  /**
   * Sends batches, each when the batch before it is answered. Gives the milliseconds that took, without those in which the
   * server waited for a CPU, since they belong to the neighbours.
   */
  readonly send: (batches: number) => Promise<number>
  readonly cpuMillis: () => number
  readonly peakMegabytes: () => number
  /** Ends the server, and gives what it counted. */
  readonly stop: () => Promise<unknown>
}

// The limits are generous: they only keep a broken run from waiting for ever.
const startLimitMillis = 30_000
const batchLimitMillis = 1000

/** Whether an answer has come with all of its body. */
const isWhole = (answer: string): boolean => {
  const bodyAt = answer.indexOf("\r\n\r\n") + 4
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(answer)?.[1]
  return bodyAt > 4 && length !== undefined && answer.length === bodyAt + Number(length)
}

/**
 * @param signal ends the server
 * @param each how many things the server counts for each request
 */
export const start = async (
  { env, file, isExecutable = false, label, nodeOptions = [] }: Server,
  requests: ReadonlyArray<Buffer>,
  signal: AbortSignal,
  each = eventsPerBatch
): Promise<Running> => {
  const [command, ...args] = isExecutable ? [file] : [process.execPath, ...nodeOptions, file]
  const child = spawn(command, args, {
    env: { ...env },
    stdio: ["pipe", "pipe", "inherit"],
    signal,
    killSignal: "SIGKILL"
  })
  const closed = once(child, "close")
  // A call that waits for a line gets the error. Between two calls it has no other listener.
  closed.catch(() => undefined)
  const within = async <A>(millis: number, work: Promise<A>): Promise<A> => {
    const timer = setTimeout(() => child.kill("SIGKILL"), millis)
    try {
      return await work
    } finally {
      clearTimeout(timer)
    }
  }
  const lines = createInterface(child.stdout)
  const line = () =>
    within(
      startLimitMillis,
      Promise.race([
        once(lines, "line").then(([text]): unknown => JSON.parse(String(text))),
        closed.then(() => {
          throw new Error(`${label} ended with ${child.exitCode ?? child.signalCode} without a line`)
        })
      ])
    )
  const up = await line()
  const port = Number(field(up, "port"))
  const end = field(up, "end")
  const socket = createConnection({ host: "127.0.0.1", port, noDelay: true })
  await once(socket, "connect")
  const { pid } = child
  if (pid === undefined) throw new Error(`${label} did not start`)

  let sent = 0
  const send = (batches: number) => {
    const end = sent + batches
    const clock = () => performance.now() - waitMillis(pid)
    const startedAt = clock()
    const next = () => socket.write(requests[sent++ % requests.length] ?? "")
    return within(
      startLimitMillis + batches * batchLimitMillis,
      new Promise<number>((resolve, reject) => {
        const onClose = () => reject(new Error(`${label} closed the connection after ${sent} batches`))
        const onData = (chunk: Buffer) => {
          const answer = chunk.toString("latin1")
          if (!answer.startsWith("HTTP/1.1 200 ") || !isWhole(answer)) {
            return reject(new Error(`${label} answered ${answer}`))
          }
          if (sent < end) return next()
          socket.off("data", onData).off("close", onClose).off("error", reject)
          return resolve(clock() - startedAt)
        }
        socket.on("data", onData).once("close", onClose).once("error", reject)
        next()
      })
    )
  }

  const stop = async () => {
    socket.destroy()
    child.stdin.end()
    if (typeof end === "number") createConnection({ host: "127.0.0.1", port: end }).on("error", () => undefined)
    const counted = await line()
    await within(startLimitMillis, closed)
    const received = field(counted, "received")
    if (received !== sent * each) throw new Error(`${label} received ${String(received)} of ${sent * each}`)
    return counted
  }

  return { send, cpuMillis: () => cpuMillis(pid), peakMegabytes: () => peakMegabytes(pid), stop }
}

/** A field of the line that a server wrote. */
export const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined
