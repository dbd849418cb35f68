/**
 * `pnpm soak [minutes]`: one real poll of the hello extension, parked for 70 minutes over our transport. Node's fetch
 * gives up after 5 minutes, undici's own client after 60. Exit code 0 if the poll that was parked first is the one that
 * receives SHUTDOWN.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"

const minutes = Number(process.argv[2] ?? 70)
if (!(minutes > 0)) {
  console.error(`soak takes a number of minutes, such as "pnpm soak 70", not ${JSON.stringify(process.argv[2])}`)
  process.exit(2)
}
const started = Date.now()
const log = (line: string) => console.log(`${((Date.now() - started) / 60_000).toFixed(2).padStart(6)} min  ${line}`)

let polls = 0
let cuts = 0
let parked: ServerResponse | undefined
const server = createServer((request, response) => {
  request.resume()
  if (request.url?.endsWith("/register")) {
    log("registered")
    response.setHeader("Lambda-Extension-Identifier", crypto.randomUUID())
    response.setHeader("Content-Type", "application/json")
    return response.end('{"functionName":"soak","functionVersion":"$LATEST","handler":""}\n')
  }
  polls++
  log(`poll ${polls} parked`)
  parked = response
  return response.on("close", () => {
    if (response.writableEnded) return
    cuts++
    log("the client gave the poll up")
  })
})
// Lambda never answers a parked poll by a timeout and never closes an idle connection.
Object.assign(server, { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, timeout: 0 })
server.listen(0, "127.0.0.1")
await once(server, "listening")

const { port } = server.address() as AddressInfo
const extension = spawn(process.execPath, [join(import.meta.dirname, "../../examples/hello/src/hello.ts")], {
  env: { PATH: process.env.PATH, AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}` },
  stdio: ["ignore", "inherit", "inherit"]
})
const exited = once(extension, "exit")

const beat = setInterval(() => log("still parked"), 10 * 60_000)
const timer = setTimeout(() => {
  log(`answering poll ${polls} with SHUTDOWN`)
  parked?.end(JSON.stringify({ eventType: "SHUTDOWN", deadlineMs: Date.now() + 2000, shutdownReason: "spindown" }))
}, minutes * 60_000)

const [code] = await exited
clearInterval(beat)
clearTimeout(timer)
server.closeAllConnections()
server.close()
const isGood = code === 0 && polls === 1 && cuts === 0
log(`extension exited with ${code}; polls: ${polls}, given up: ${cuts}: ${isGood ? "good" : "BAD"}`)
process.exit(isGood ? 0 : 1)
