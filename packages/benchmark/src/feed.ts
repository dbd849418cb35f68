/** The telemetry of one life: the platform events of each invocation, sent to the listener that subscribed. */
import { Agent, request } from "node:http"

export interface Feed {
  /** Takes the body of a subscription. */
  readonly subscribe: (body: string) => void
  /** Sends the events of an invocation whose function was done at once. */
  readonly invoked: (requestId: string) => void
  readonly end: () => void
}

/** As Lambda does, a delivery is tried again while the listener is not up. */
const retryMillis = 5

const post = (agent: Agent, port: number, body: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }
    request({ agent, host: "127.0.0.1", port, method: "POST", path: "/", headers }, (response) => {
      response.resume().once("error", reject).once("end", resolve)
    })
      .once("error", reject)
      .end(body)
  })

/** `URI` of a subscription names a host of the sandbox, which is this machine. */
export const portOf = (subscription: string): number => {
  const { destination } = JSON.parse(subscription)
  return Number(new URL(destination.URI).port)
}

const eventsOf = (requestId: string) => {
  const time = new Date().toISOString()
  const metrics = { durationMs: 1.5, producedBytes: 4 }
  return [
    { time, type: "platform.start", record: { requestId, version: "$LATEST" } },
    { time, type: "platform.runtimeDone", record: { requestId, status: "success", metrics } }
  ]
}

export const make = (): Feed => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let port: number | undefined
  let waiting: Array<unknown> = []
  let isSending = false
  let isEnded = false

  const send = async (): Promise<void> => {
    if (isSending || port === undefined) return
    isSending = true
    while (waiting.length > 0) {
      const events = waiting
      waiting = []
      try {
        await post(agent, port, JSON.stringify(events))
      } catch {
        if (isEnded) return
        waiting = [...events, ...waiting]
        await new Promise((resolve) => setTimeout(resolve, retryMillis))
      }
    }
    isSending = false
  }

  return {
    subscribe: (body) => {
      port = portOf(body)
      void send()
    },
    invoked: (requestId) => {
      // A program without a subscription gets none.
      if (port === undefined) return
      waiting.push(...eventsOf(requestId))
      void send()
    },
    end: () => {
      isEnded = true
      agent.destroy()
    }
  }
}
