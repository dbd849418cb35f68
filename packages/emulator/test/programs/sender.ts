#!/usr/bin/env node
/**
 * Sends the id of each invocation to RECEIVER by the means of the libraries: a limit that gives an answer one turn of
 * the event loop, and one more try. SENDER says how: `timer` leaves the sending to the background, with 1500 ms for
 * each; `pool` waits. Both have a timer in the background that never rests.
 */
import * as Background from "@effect-lambda/extension/Background"
import * as Deadline from "@effect-lambda/extension/Deadline"
import * as Extension from "@effect-lambda/extension/Extension"
import * as NodeExtension from "@effect-lambda/extension-node/NodeExtension"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import NodeProcess from "node:process"

const { RECEIVER = "", SENDER } = NodeProcess.env

const send = Effect.fnUntraced(
  function* (id: string) {
    const client = HttpClient.retryTransient(yield* HttpClient.HttpClient, { times: 1 })
    const response = yield* client.post(RECEIVER, { body: HttpBody.text(id) })
    yield* response.text
    yield* Effect.log(`kept ${id}`)
  },
  (sending) => (SENDER === "timer" ? Deadline.abandonAfter(sending, "1500 millis") : sending),
  (sending, id) => Effect.catchCause(sending, (cause) => Effect.log(`lost ${id}`, cause))
)

const ticker = Layer.effectDiscard(Background.fork(Effect.forever(Effect.sleep("5 millis"))))

Extension.run({
  layer: Layer.merge(FetchHttpClient.layer, ticker),
  onInvoke: ({ requestId }) => (SENDER === "timer" ? Background.fork(send(requestId)) : send(requestId))
}).pipe(NodeExtension.runMain)
