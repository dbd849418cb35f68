/** The runtime is Node. */
import * as LambdaHttpClient from "../../LambdaHttpClient.ts"
import * as SinkHttpClient from "../../SinkHttpClient.ts"
import * as likeNode from "./likeNode.ts"
import type { Runtime } from "./Runtime.ts"

export { appendFile, gunzip, gzip, logSize, watchProcess, whenWritten } from "./likeNode.ts"

/** `undefined`: a name, or an address that takes the long way. */
const familyOf = (host: string) => (host === "::1" ? 6 : /^\d{1,3}(\.\d{1,3}){3}$/.test(host) ? 4 : undefined)
const isPort = (port: number) => Number.isInteger(port) && port >= 0 && port < 65_536

/**
 * {@link Runtime.createServer}: `listen` of Node asks `cluster` whether this process is a worker, and `dns` for the address.
 * That loads 13 modules, a tenth of the CPU of a start with telemetry (docs/decisions/0019). `_listen2` is what `listen`
 * calls then. A Node without it, a name and an address of IPv6 other than `::1` take the long way.
 */
export const createServer: Runtime["createServer"] = (onConnection) => {
  const server = likeNode.createServer(onConnection)
  const setUp: unknown = Reflect.get(server, "_listen2")
  return {
    on: (event, listener) => server.on(event, listener),
    listen: ({ host, port }, onListening) => {
      const family = familyOf(host)
      if (typeof setUp !== "function" || family === undefined || !isPort(port)) {
        return server.listen({ host, port }, onListening)
      }
      server.once("listening", onListening)
      return Reflect.apply(setUp, server, [host, port, family])
    },
    address: () => server.address(),
    close: () => server.close()
  }
}

/** {@link Runtime.lambdaClient}: HTTP over `node:net`, over the connection of the stub if there is one. */
export const lambdaClient: Runtime["lambdaClient"] = (inherited) =>
  inherited === undefined ? LambdaHttpClient.layer : LambdaHttpClient.layerInheriting(inherited)

/** {@link Runtime.sinkClient}: HTTP over `node:net` and `node:tls`. */
export const sinkClient: Runtime["sinkClient"] = SinkHttpClient.layer
