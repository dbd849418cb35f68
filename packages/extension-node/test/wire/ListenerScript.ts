/** Plays one row of listenerCases.ts: raw sockets on one side, a receiver that writes down its deliveries on the other. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { once } from "node:events"
import { createConnection, type Socket } from "node:net"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { until } from "../support/RawServer.ts"
import type { ListenerImplementation } from "./implementations.ts"
import type { Limits } from "../../src/NodeTelemetryListener.ts"

export const MiB = 2 ** 20

/** A thing that happens. A client connects when it is first named. */
export type Step =
  /** The bytes leave in one write, as often as it says. */
  | readonly [client: string, does: "sends", bytes: string | Uint8Array, times?: number]
  /** The bytes leave as the listener reads them, and the script goes on at once. The memory is compared from then on. */
  | readonly [client: string, does: "presses", bytes: Uint8Array]
  /** Sends a byte every few milliseconds from then on. */
  | readonly [client: string, does: "trickles"]
  | readonly [client: string, does: "ends" | "resets"]
  /** Has received exactly these bytes. */
  | readonly [client: string, does: "receives", bytes: string]
  /** Has so many answers of 200. */
  | readonly [client: string, does: "is answered", times: number]
  | readonly [client: string, does: "is closed" | "is open" | "is refused"]
  /** The receiver has so much of what came over the connection of this client: TCP only. */
  | readonly [client: string, does: "is delivered", text: string]
  | readonly ["the receiver", does: "has bodies", count: number]
  /** The event loop stands still while the world goes on. */
  | readonly ["the process", does: "freezes", milliseconds: number]
  | readonly ["the listener", does: "closes"]

export interface Case {
  readonly name: string
  readonly protocol?: "HTTP" | "TCP"
  readonly maxBodyBytes?: number
  readonly limits?: Partial<Limits>
  /** The receiver throws at everything. */
  readonly throws?: boolean
  readonly steps: ReadonlyArray<Step>
  /** The bodies that were handed over, in their order; or in any, if clients are at work at the same time. */
  readonly bodies?: ReadonlyArray<string>
  readonly isAnyOrder?: boolean
  /** The sizes of the bodies that were too large. */
  readonly tooLarge?: ReadonlyArray<number>
  /** How often the end of each TCP connection was handed over. */
  readonly ends?: ReadonlyArray<number>
  /** Text of the only line that was logged; without it there is none. */
  readonly logs?: string
  /** The bytes that memory may grow by while a step sends, or that may be kept since the first one pressed. */
  readonly growth?: number
}

export const mebibyte = Buffer.alloc(MiB, "x")
export const many = Array.from({ length: 254 }, (_, index) => `client ${index}`)

export const eachBegins = (clients: ReadonlyArray<string>, step: (name: string) => Step): ReadonlyArray<Step> =>
  clients.map(step)

/** A receiver that writes down what it is handed. */
const makeReceiver = (throws: boolean) => {
  const bodies: Array<Buffer> = []
  const tooLarge: Array<number> = []
  const connections: Array<{ readonly chunks: Array<Buffer>; held: number; ends: number }> = []
  const fault = () => {
    if (throws) throw new Error("a fault of the receiver")
  }
  const deliveries = {
    body: (bytes: Uint8Array) => {
      bodies.push(Buffer.from(bytes))
      fault()
    },
    tooLarge: (bytes: number) => {
      tooLarge.push(bytes)
      fault()
    },
    connection: () => {
      const seen = { chunks: new Array<Buffer>(), held: 0, ends: 0 }
      connections.push(seen)
      return {
        chunk: (bytes: Uint8Array) => {
          seen.chunks.push(Buffer.from(bytes))
          const newline = bytes.lastIndexOf(0x0a)
          seen.held = newline === -1 ? seen.held + bytes.length : bytes.length - newline - 1
          fault()
        },
        // The receiver keeps what belongs to no whole line yet.
        held: () => seen.held,
        end: () => {
          seen.ends++
          fault()
        }
      }
    }
  }
  return { bodies, tooLarge, connections, deliveries }
}

/** A client that writes raw bytes and notes what it reads. */
const connect = (port: number) =>
  Effect.gen(function* () {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => createConnection({ host: "127.0.0.1", port, noDelay: true })),
      (socket) => Effect.sync(() => socket.destroy())
    )
    const client = { socket, received: "", isClosed: false, isTrickling: false, error: "" }
    socket.on("data", (chunk: Buffer) => (client.received += chunk.toString()))
    socket.on("error", (error: NodeJS.ErrnoException) => (client.error = error.code ?? error.message))
    socket.once("close", () => (client.isClosed = true))
    // A refusal is in `error`.
    yield* Effect.promise(() => once(socket, "connect").catch(() => {}))
    return client
  })

const write = (socket: Socket, bytes: string | Uint8Array) =>
  Effect.callback<void>((resume) => {
    socket.write(bytes, () => resume(Effect.void))
  })

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const memory = () => {
  collectGarbage()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

/** Writes so often, and looks at the memory now and then: the most by which it grew. */
const writeOften = Effect.fnUntraced(function* (socket: Socket, bytes: string | Uint8Array, times: number) {
  // A few writes are not worth a collection of garbage.
  const isMeasured = times >= 64
  const before = isMeasured ? memory() : 0
  let most = 0
  for (let written = 1; written <= times; written++) {
    yield* write(socket, bytes)
    if (isMeasured && written % 64 === 0) most = Math.max(most, memory() - before)
  }
  return most
})

/** Plays the case against a listener, and compares. */
export const play = Effect.fnUntraced(function* (
  { freeze, make, settle = Effect.void }: ListenerImplementation,
  row: Case
) {
  const { bodies, connections, deliveries, tooLarge } = makeReceiver(row.throws ?? false)
  const lines: Array<string> = []
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
  const { protocol = "HTTP", maxBodyBytes = 8 * MiB } = row
  const { port } = yield* make(row.limits, row.throws)
    .listen({ protocol, host: "127.0.0.1", port: 0, maxBodyBytes }, deliveries)
    .pipe(
      Scope.provide(scope),
      Effect.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]))
    )
  const clients = new Map<string, Effect.Success<ReturnType<typeof connect>>>()
  let growth = 0
  let before: number | undefined

  // Garbage of a busy machine goes sooner or later, and what is kept stays.
  const settled = Effect.fnUntraced(function* (what: string) {
    const { growth: most } = row
    if (before === undefined || most === undefined) return
    const start = before
    yield* until(`${what}, within ${most} bytes`, () => memory() - start < most)
  })

  for (const [index, step] of row.steps.entries()) {
    const [name, does] = step
    const what = `step ${index + 1}, ${name} ${does}`
    switch (does) {
      case "has bodies":
        yield* until(what, () => bodies.length === step[2])
        continue
      case "freezes":
        if (freeze === undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, step[2])
        else yield* freeze(step[2])
        continue
      case "closes":
        yield* Scope.close(scope, Exit.void)
        // Not later: a program that closes the receiver may count what there is.
        assert.deepStrictEqual(
          connections.map(({ ends }) => ends),
          connections.map(() => 1)
        )
        continue
    }
    const client = clients.get(name) ?? (yield* connect(port))
    clients.set(name, client)
    const { socket } = client
    switch (does) {
      case "sends":
        growth = Math.max(growth, yield* writeOften(socket, step[2], step[3] ?? 1))
        break
      case "presses":
        before ??= memory()
        socket.write(step[2])
        break
      case "trickles":
        yield* Effect.sync(() => socket.write("x")).pipe(Effect.delay("5 millis"), Effect.forever, Effect.forkScoped)
        break
      case "ends":
        socket.end()
        break
      case "resets":
        socket.resetAndDestroy()
        break
      case "receives":
        yield* until(what, () => client.received.length >= step[2].length)
        assert.strictEqual(client.received, step[2])
        break
      case "is answered":
        yield* until(what, () => client.received.split("HTTP/1.1 200 OK").length - 1 === step[2])
        yield* settled(what)
        break
      case "is delivered": {
        const connection = () => connections[[...clients.keys()].indexOf(name)]
        yield* until(what, () => Buffer.concat(connection()?.chunks ?? []).toString() === step[2])
        yield* settled(what)
        break
      }
      case "is closed":
        yield* until(what, () => client.isClosed)
        break
      case "is open":
        assert.isFalse(client.isClosed, what)
        break
      case "is refused":
        assert.strictEqual(client.error, "ECONNREFUSED", what)
        break
    }
  }

  yield* settle
  const order = (texts: ReadonlyArray<string>) => (row.isAnyOrder ? texts.toSorted() : texts)
  assert.deepStrictEqual(order(bodies.map(String)), order(row.bodies ?? []))
  assert.deepStrictEqual(tooLarge, row.tooLarge ?? [])
  if (row.ends !== undefined) {
    const { ends } = row
    yield* until("the ends", () => connections.every((connection, index) => connection.ends === ends[index]))
    assert.lengthOf(connections, ends.length)
  }
  if (row.growth !== undefined) assert.isBelow(growth, row.growth)
  if (row.logs !== undefined) yield* until("the line", () => lines.length > 0)
  assert.lengthOf(lines, row.logs === undefined ? 0 : 1, lines.join("\n"))
  assert.include(lines.join("\n"), row.logs ?? "")
})
