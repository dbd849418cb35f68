/** One server at a time as a process, and one client on one kept-alive connection. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createConnection } from "node:net"
import { createInterface } from "node:readline"
import { cpuMillis, peakMegabytes } from "../proc.ts"
import { eventsPerBatch } from "./batches.ts"

export interface Server {
  readonly label: string
  readonly file: string
  readonly env: Readonly<Record<string, string>>
}

/** The state of a server when it had answered so many batches. */
export interface Mark {
  readonly millis: number
  readonly cpuMillis: number
  readonly peakMegabytes: number
}

export interface Life {
  /** One at the end of each phase. */
  readonly marks: ReadonlyArray<Mark>
  /** The last line of the server: what it counted. */
  readonly counted: unknown
}

// Generous: it only keeps a broken run from waiting for ever.
const limitMillis = 120_000

const running = new Set<ChildProcess>()
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")))

/** Sends batches, each as soon as the one before it is answered. */
const send = async (
  port: number,
  requests: ReadonlyArray<Buffer>,
  batches: number,
  onAnswer: (answered: number) => void
) => {
  const socket = createConnection({ host: "127.0.0.1", port, noDelay: true })
  await once(socket, "connect")
  let answered = 0
  const next = () => socket.write(requests[answered % requests.length] ?? "")
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject)
    socket.once("close", () => reject(new Error(`the server closed the connection after ${answered} batches`)))
    socket.on("data", (chunk: Buffer) => {
      const answer = chunk.toString("latin1")
      if (!answer.startsWith("HTTP/1.1 200 ") || !answer.endsWith("\r\n\r\n")) return reject(new Error(answer))
      answered++
      onAnswer(answered)
      if (answered < batches) next()
      else resolve()
    })
    next()
  })
  socket.destroy()
}

/** Starts a server, sends the batches of one phase after the other, and asks the server what it counted. */
export const live = async (
  { env, file, label }: Server,
  requests: ReadonlyArray<Buffer>,
  phases: ReadonlyArray<number>
): Promise<Life> => {
  const child = spawn(process.execPath, [file], { env: { ...env }, stdio: ["pipe", "pipe", "inherit"] })
  const { pid } = child
  if (pid === undefined) throw new Error(`${label} did not start`)
  running.add(child)
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMillis)
  const lines = createInterface(child.stdout)
  const closed = once(child, "close")
  const line = async (): Promise<unknown> => JSON.parse(String((await Promise.race([once(lines, "line"), closed]))[0]))
  try {
    const port = Number(field(await line(), "port"))
    const ends = phases.map((_, index) => phases.slice(0, index + 1).reduce((sum, count) => sum + count, 0))
    const batches = ends.at(-1) ?? 0
    const marks: Array<Mark> = []
    await send(port, requests, batches, (answered) => {
      if (!ends.includes(answered)) return
      marks.push({ millis: performance.now(), cpuMillis: cpuMillis(pid), peakMegabytes: peakMegabytes(pid) })
    })
    child.stdin.end()
    const counted = await line()
    await closed
    const received = field(counted, "received")
    if (received !== batches * eventsPerBatch) {
      throw new Error(`${label} received ${String(received)} of ${batches * eventsPerBatch} events`)
    }
    return { marks, counted }
  } finally {
    clearTimeout(timer)
    child.kill("SIGKILL")
    running.delete(child)
  }
}

/** A field of what a server wrote. */
export const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined
