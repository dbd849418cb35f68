/** The implementations that the tests of the wire check. To test another listener or client, add it here. */
import type * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import { BunHttpClient, LambdaHttpClient, NodeTelemetryListener, SinkHttpClient } from "@effect-lambda/extension-node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"

/** A way to listen for telemetry, tested in NodeTelemetryListener.test.ts. */
export interface ListenerImplementation {
  readonly name: string
  /** @param throws whether the receiver throws at everything, for one in another process */
  readonly make: (
    limits?: Partial<NodeTelemetryListener.Limits>,
    throws?: boolean
  ) => TelemetryListener.TelemetryListener["Service"]
  /** Stops the process of the listener. Default: the event loop of this one stands still. */
  readonly freeze?: (millis: number) => Effect.Effect<void>
  /** Waits for what a listener in another process has handed over so far. */
  readonly settle?: Effect.Effect<void>
}

export const listeners: ReadonlyArray<ListenerImplementation> = [
  { name: "NodeTelemetryListener", make: (limits) => NodeTelemetryListener.make(limits) }
]

/** A client that can carry the Extensions API, tested in Contract.test.ts and Framing.test.ts. */
export interface ClientImplementation {
  readonly name: string
  readonly layer: Layer.Layer<HttpClient.HttpClient>
  /** Node's `fetch` fails at a 100 that it did not ask for. Lambda never sends a 100. */
  readonly failsAtInterim?: true
}

const lambdaHttpClient: ClientImplementation = { name: "LambdaHttpClient", layer: LambdaHttpClient.layer }
const sinkHttpClient: ClientImplementation = { name: "SinkHttpClient", layer: SinkHttpClient.layer }

export const clients: ReadonlyArray<ClientImplementation> = [
  lambdaHttpClient,
  sinkHttpClient,
  // On the fetch of Node: NodeExtension.test.ts shows how bun treats it.
  { name: "BunHttpClient", layer: BunHttpClient.layer, failsAtInterim: true },
  { name: "layerNodeHttp", layer: NodeHttpClient.layerNodeHttp },
  { name: "fetch", layer: FetchHttpClient.layer, failsAtInterim: true }
]

/** Our clients of Lambda, tested in LambdaHttpClient.test.ts. */
export const transports: ReadonlyArray<ClientImplementation> = [lambdaHttpClient]

/** Clients of `clients` whose bounds and kept connections are ours, tested in Framing.test.ts. */
export const ours: ReadonlyArray<ClientImplementation> = [
  ...transports,
  {
    name: "SinkHttpClient with answers of 1 MiB",
    layer: Layer.effect(HttpClient.HttpClient, SinkHttpClient.make({ maxAnswerBytes: 2 ** 20 }))
  }
]
