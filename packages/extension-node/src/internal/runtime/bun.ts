/** The runtime is bun. */
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as BunHttpClient from "../../BunHttpClient.ts"
import type { Runtime } from "./Runtime.ts"

export { appendFile, createServer, gunzip, gzip, logSize, watchProcess, whenWritten } from "./likeNode.ts"

/** {@link Runtime.lambdaClient}: bun's `fetch`. The stub hands over no connection, since bun cannot take over a descriptor. */
export const lambdaClient: Runtime["lambdaClient"] = () => BunHttpClient.layer

/** {@link Runtime.sinkClient}: bun's `fetch`, which is part of the executable, is loaded already, and obeys the proxy variables. */
export const sinkClient: Runtime["sinkClient"] = FetchHttpClient.layer
