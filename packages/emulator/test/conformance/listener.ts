/** A listener for telemetry by hand over a raw socket: it has the received bytes as they came. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"

export interface Delivery {
  readonly requestLine: string
  /** As they came, `name: value`. */
  readonly headerLines: ReadonlyArray<string>
  readonly body: string
}

/** The fields that the tests look at in the records of the platform. */
export interface PlatformRecord {
  readonly name?: string
  readonly version?: string
  readonly types?: ReadonlyArray<string>
  readonly events?: ReadonlyArray<string>
  readonly requestId?: string
  readonly phase?: string
  readonly status?: string
  readonly errorType?: string
  readonly state?: string
  readonly instanceId?: string
  readonly reason?: string
  readonly droppedRecords?: number
  readonly tracing?: unknown
  readonly spans?: ReadonlyArray<{ readonly name: string }>
  readonly metrics?: {
    readonly durationMs: number
    readonly billedDurationMs?: number
    readonly memorySizeMB?: number
    readonly initDurationMs?: number
    readonly producedBytes?: number
  }
}

export interface TelemetryEvent {
  readonly time: string
  readonly type: string
  /** `{}` if the record is text. */
  readonly record: PlatformRecord
  readonly text: string | undefined
}

export interface Listener {
  readonly port: number
  readonly deliveries: ReadonlyArray<Delivery>
  /** The texts of connections that carry no HTTP. */
  readonly text: () => string
  /** The events of all deliveries that are JSON, in their order. */
  readonly events: () => ReadonlyArray<TelemetryEvent>
  readonly types: () => ReadonlyArray<string>
  /** The next answers; the last one is that of all others too. 0: no answer at all. */
  readonly answer: (...statuses: ReadonlyArray<number>) => void
  /** Stops listening. */
  readonly close: Effect.Effect<void>
}

const headEnd = "\r\n\r\n"

/** Takes the complete requests out of what was received. */
const takeRequests = (received: Buffer, take: (delivery: Delivery) => void): Buffer => {
  let rest = received
  for (;;) {
    const end = rest.indexOf(headEnd)
    if (end === -1) return rest
    const [requestLine = "", ...headerLines] = rest.subarray(0, end).toString("latin1").split("\r\n")
    const length = Number(/^content-length: (\d+)$/im.exec(headerLines.join("\n"))?.[1] ?? 0)
    const begin = end + headEnd.length
    if (rest.length < begin + length) return rest
    take({ requestLine, headerLines, body: rest.subarray(begin, begin + length).toString("utf8") })
    rest = rest.subarray(begin + length)
  }
}

const parse = (body: string): ReadonlyArray<TelemetryEvent> => {
  try {
    const events: ReadonlyArray<{ time: string; type: string; record: PlatformRecord | string }> = JSON.parse(body)
    return events.map(({ record, time, type }) =>
      typeof record === "string" ? { time, type, record: {}, text: record } : { time, type, record, text: undefined }
    )
  } catch {
    return []
  }
}

/** Listens on any free port, or on the given port, until the scope closes. */
export const listen = Effect.fnUntraced(function* (
  port = 0,
  host = "127.0.0.1"
): Effect.fn.Return<Listener, never, Scope.Scope> {
  const deliveries: Array<Delivery> = []
  const connections = new Set<Net.Socket>()
  let text = ""
  let statuses: ReadonlyArray<number> = [200]
  const server = Net.createServer((socket) => {
    let received: Buffer = Buffer.alloc(0)
    connections.add(socket)
    socket.on("error", () => connections.delete(socket))
    socket.on("close", () => connections.delete(socket))
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk])
      if (!/^P(OST|UT) /.test(received.subarray(0, 5).toString("latin1"))) {
        text += received.toString("utf8")
        received = Buffer.alloc(0)
        return
      }
      received = takeRequests(received, (delivery) => {
        deliveries.push(delivery)
        const [status = 200, ...others] = statuses
        if (others.length > 0) statuses = others
        if (status !== 0) socket.write(`HTTP/1.1 ${status} Any\r\nContent-Length: 0\r\n\r\n`)
      })
    })
  })
  const close = Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    for (const connection of connections) connection.destroy()
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.on("error", (error) => resume(Effect.die(error)))
      server.listen(port, host, () => resume(Effect.void))
    }),
    () => close
  )
  const address = server.address()
  const events = () => deliveries.flatMap(({ body }) => parse(body))
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    deliveries,
    text: () => text,
    events,
    types: () => events().map(({ type }) => type),
    answer: (...next) => {
      statuses = next
    },
    close
  }
})
