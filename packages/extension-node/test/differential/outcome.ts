/** What a server makes of the bytes of a connection, and what ours makes of them. */
import { HttpError } from "../../src/internal/http/headers.ts"
import { MessageReader } from "../../src/internal/http/MessageReader.ts"
import { methods, requests as kind } from "../../src/internal/http/Request.ts"
import { type Route, serve, type Socket } from "../../src/internal/listener/RequestConnection.ts"

export interface Outcome {
  /** Method, target and body of each whole request. */
  readonly requests: ReadonlyArray<readonly [method: string, target: string, body: string]>
  /** The final statuses. */
  readonly answers: ReadonlyArray<number>
}

/** Our side of a connection whose client sends the pieces and then ends. */
export const readByUs = (pieces: ReadonlyArray<Buffer>): Outcome => {
  const requests: Array<readonly [string, string, string]> = []
  let output = ""
  let isOpen = true
  let onData: ((chunk: Buffer) => void) | undefined
  const onEvent = { end: () => {}, close: () => {} }
  const on = (event: "data" | "end" | "close", listener: (chunk: Buffer) => void) => {
    if (event === "data") onData = listener
    else onEvent[event] = () => listener(Buffer.alloc(0))
  }
  const end = () => void (isOpen = false)
  const socket: Socket = {
    writableLength: 0,
    on,
    write: (data) => void (output += data.toString()),
    destroySoon: end,
    destroy: end
  }
  let current: readonly [string, string] = ["", ""]
  const route: Route = {
    methods,
    maxBodyBytes: Number.POSITIVE_INFINITY,
    body: (bytes) => {
      requests.push([...current, bytes.toString("latin1")])
      return { status: 200 }
    },
    tooLarge: () => ({ status: 200 })
  }
  serve(socket, {
    route: (_, { start }) => {
      current = [start.method, start.target]
      return route
    },
    part: { hold: () => {} },
    room: () => Number.POSITIVE_INFINITY,
    onWork: () => {}
  })
  for (const piece of pieces) {
    if (isOpen) onData?.(piece)
  }
  if (isOpen) onEvent.end()
  onEvent.close()
  const answers = [...output.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g)].map(([, status]) => Number(status))
  return { requests, answers }
}

/** Why our reader refuses the bytes. */
export const reasonOf = (bytes: Buffer): string => {
  try {
    for (let at = 0; at < bytes.length;) {
      at = new MessageReader(kind, { head: () => {}, data: () => {} }).read(bytes, at)
    }
  } catch (cause) {
    if (cause instanceof HttpError) return cause.message
    throw cause
  }
  return ""
}
