/** The implementations that the tests of the wire check. To test another listener or client, add it here. */
import type * as TelemetryListener from "@effect-lambda/extension/telemetry/TelemetryListener"
import { BunHttpClient, LambdaHttpClient, NodeTelemetryListener } from "@effect-lambda/extension-node"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"

/** A way to listen for telemetry, tested in NodeTelemetryListener.test.ts. */
export interface ListenerImplementation {
  readonly name: string
  readonly make: (limits?: Partial<NodeTelemetryListener.Limits>) => TelemetryListener.TelemetryListener["Service"]
}

export const listeners: ReadonlyArray<ListenerImplementation> = [
  { name: "NodeTelemetryListener", make: NodeTelemetryListener.make }
]

/** A client that can carry the Extensions API, tested in Contract.test.ts and Framing.test.ts. */
export interface ClientImplementation {
  readonly name: string
  readonly layer: Layer.Layer<HttpClient.HttpClient>
  /** Node's `fetch` fails at a 100 that it did not ask for. Lambda never sends a 100. */
  readonly failsAtInterim?: true
}

const lambdaHttpClient: ClientImplementation = { name: "LambdaHttpClient", layer: LambdaHttpClient.layer }

export const clients: ReadonlyArray<ClientImplementation> = [
  lambdaHttpClient,
  // On the fetch of Node: NodeExtension.test.ts shows how bun treats it.
  { name: "BunHttpClient", layer: BunHttpClient.layer, failsAtInterim: true },
  { name: "layerNodeHttp", layer: NodeHttpClient.layerNodeHttp },
  { name: "fetch", layer: FetchHttpClient.layer, failsAtInterim: true }
]

/** Clients of `clients` that also keep connections as we promise, tested in LambdaHttpClient.test.ts. */
export const transports: ReadonlyArray<ClientImplementation> = [lambdaHttpClient]
