/** The runtime is Node. */
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as LambdaHttpClient from "../../LambdaHttpClient.ts"
import { ofThisProcess } from "../telemetry/unusedProxy.ts"
import type { Runtime } from "./Runtime.ts"

export { appendFile, createServer, logSize, watchProcess, whenWritten } from "./likeNode.ts"

/** {@link Runtime.lambdaClient}: HTTP over `node:net`, over the connection of the stub if there is one. */
export const lambdaClient: Runtime["lambdaClient"] = (inherited) =>
  inherited === undefined ? LambdaHttpClient.layer : LambdaHttpClient.layerInheriting(inherited)

/** {@link Runtime.sinkClient}: Node's `fetch`. */
export const sinkClient: Runtime["sinkClient"] = FetchHttpClient.layer

/** {@link Runtime.unusedProxy}: Node's `fetch` obeys the variables when it is told to. */
export const unusedProxy: Runtime["unusedProxy"] = ofThisProcess
