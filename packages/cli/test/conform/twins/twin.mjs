#!/usr/bin/env node
// The twin in Node: an extension that does everything right, and with TWIN a single thing wrong. It subscribes to the
// telemetry of the function, and sends the lines to TWIN_SINK before it calls next.
import { setTimeout as sleep } from "node:timers/promises"
import { existsSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import process from "node:process"

// An import would take longer than the start of Node.
const http = process.getBuiltinModule("node:http")
const mistake = process.env.TWIN ?? ""
const wrong = (name) => mistake === name
const forever = 2_000_000_000
const { locale } = Intl.DateTimeFormat().resolvedOptions()
const isManaged =
  process.env.AWS_LAMBDA_INITIALIZATION_TYPE === "lambda-managed-instances" && !wrong("always-registers-invoke")
const name = basename(process.argv[1])
const agent = new http.Agent({ keepAlive: true })

/** A request with a limit of time; the answer as a whole. */
const ask = (url, options, body, limitMs) =>
  new Promise((resolve, reject) => {
    // The limit also holds while there is no connection yet.
    const signal = limitMs === undefined ? undefined : AbortSignal.timeout(limitMs)
    const request = http.request(url, { ...options, signal }, (response) => {
      const pieces = []
      response.on("data", (piece) => pieces.push(piece)).on("error", reject)
      response.on("end", () => {
        if (!response.complete) return reject(new Error("half an answer"))
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(pieces).toString() })
      })
      response.on("close", () => response.complete || reject(new Error("half an answer")))
    })
    request.on("error", reject)
    request.end(body)
  })
const api = (method, path, headers, body, limitMs) =>
  ask(`http://${process.env.AWS_LAMBDA_RUNTIME_API}${path}`, { method, headers, agent }, body, limitMs)

/** A file that outlives a reset, and no other environment has. */
const memory = join(tmpdir(), `twin-${process.env.AWS_LAMBDA_RUNTIME_API.replace(":", "-")}`)

// --- The telemetry of the function, and the backend.

const queue = []
let lost = 0
const doneIds = new Set()
let onDone = () => {}

/** The beginning of a record that was cut over two batches. */
let rest = ""
const envelope = /^\[\{"time":"[^"]*","type":"[^"]*","record":/
const recordsOf = (text) => {
  const whole = rest === "" ? text : rest + text.replace(envelope, "")
  try {
    const records = JSON.parse(whole)
    rest = ""
    return Array.isArray(records) ? records : []
  } catch {
    rest = wrong("no-join") ? "" : whole.replace(/\}\]$/, "")
    return undefined
  }
}

const lineOf = (record) => {
  if (wrong("needs-text")) return record.trim()
  return typeof record === "string" ? record : `${JSON.stringify(record)}\n`
}

const known = /^(function|extension|platform\.(init|start|runtime|report|extension|telemetry|logs|restore))/
const take = ({ record, type }) => {
  if (wrong("strict-types") && !known.test(type)) throw new TypeError(`unknown record ${type}`)
  if (wrong("strict-status") && type === "platform.report" && record.status !== "success") process.exit(1)
  if (type === "function") queue.push(lineOf(record))
  if (type === "platform.runtimeDone") doneIds.add(record.requestId)
  if (type === "platform.logsDropped" && !wrong("ignores-dropped")) {
    process.stdout.write(`Lambda dropped ${record.droppedRecords} records\n`)
  }
  if (wrong("exit-at-error") && type === "function" && record.includes("asked to throw")) process.exit(1)
  if (wrong("small-queue")) queue.splice(0, queue.length - 100)
}

/** A batch that comes again is not taken twice. Its sequence-id tells little: that of a single line is its hash. */
let last = ""
const hear = (text) => {
  if (wrong("answers-telemetry-only") && !text.startsWith("[")) return undefined
  if (text === last && !wrong("doubles")) return 200
  last = text
  const records = recordsOf(text)
  if (records === undefined && wrong("answers-500")) {
    rest = last = ""
    return 500
  }
  for (const record of records ?? []) take(record)
  return 200
}

/** The port of the listener, which a reset does not change: the subscription outlives it. */
const portFile = `${memory}.port`
const listen = () =>
  new Promise((resolve) => {
    const server = http.createServer((request, response) => {
      const pieces = []
      request.on("data", (piece) => pieces.push(piece))
      request.on("error", () => {})
      request.on("end", () => {
        const status = hear(Buffer.concat(pieces).toString())
        if (status !== undefined) response.writeHead(status).end()
        onDone()
      })
    })
    const port = existsSync(portFile) ? Number(readFileSync(portFile, "utf8")) : 0
    // The file may be that of a twin which was killed long ago, if the environment has no /tmp for itself.
    server.once("error", () => server.listen(0))
    server.listen({ port, ...(wrong("binds-loopback") && { host: "127.0.0.1" }) }, () => {
      const { port } = server.address()
      writeFileSync(portFile, String(port))
      resolve(port)
    })
  })

const subscribe = async (headers) => {
  const uri = `http://sandbox.localdomain:${await listen()}`
  const body = {
    schemaVersion: process.env.TWIN_SCHEMA ?? (isManaged ? "2025-01-29" : "2022-12-13"),
    types: ["platform", "function"],
    buffering: { timeoutMs: wrong("illegal-buffering") ? 10 : 25, maxBytes: 262_144, maxItems: 1000 },
    destination: { protocol: "HTTP", URI: uri }
  }
  const { status, text } = await api("PUT", "/2022-07-01/telemetry", headers, JSON.stringify(body))
  if (wrong("needs-ok") && text.includes("Already")) throw new Error(`the answer is ${text}`)
  if (status !== 200) process.stdout.write(`no telemetry: ${status} ${text}\n`)
  return status === 200
}

/** A backend that was down gets a single attempt in each invocation. */
let isDown = false
let isConnectionLost = false
const kept = new http.Agent({ keepAlive: true })
kept.on("free", (socket) => socket.once("close", () => (isConnectionLost = true)))

const send = (text, limitMs) => {
  const options = wrong("keeps-one-connection") ? { agent: kept } : { headers: { connection: "close" } }
  return ask(process.env.TWIN_SINK, { method: "POST", ...options }, text, limitMs)
}

/** The fetch of a secret, which is not needed. */
const fetchSecret = async () => {
  if (process.env.AWS_ENDPOINT_URL === undefined) return
  const headers = { "x-amz-target": "secretsmanager.GetSecretValue", "content-type": "application/x-amz-json-1.1" }
  const { status } = await ask(process.env.AWS_ENDPOINT_URL, { method: "POST", headers }, "{}", 500)
  if (wrong("needs-secret") && status !== 200) process.exit(1)
}

/** Sends what is in the queue; what could not be sent stays there, within a bound that is told. */
const flush = async (limitMs) => {
  if (queue.length === 0 || process.env.TWIN_SINK === undefined) return
  const batch = queue.splice(0)
  if (isConnectionLost) return
  const until = Date.now() + (wrong("waits-for-backend") ? forever : limitMs)
  for (let pause = 20; ; pause *= 2) {
    try {
      const { status } = await send(batch.join(""), Math.max(1, until - Date.now()))
      isDown = status !== 200 && isDown
      if (status === 200 || wrong("takes-any-status")) return
    } catch (error) {
      // The backend is down: it is tried again while there is time.
      if (wrong("exits-without-backend")) throw error
      if (wrong("drops-failed")) return
    }
    if (isDown || Date.now() + pause >= until) break
    await sleep(pause)
  }
  isDown = true
  queue.unshift(...batch)
  const over = queue.length - (wrong("keeps-all") ? Infinity : 10_000)
  if (over > 0) lost += queue.splice(0, over).length
}

/** Waits until the telemetry of the invocation has come, for a time at most. */
const functionIsDone = async (requestId, limitMs) => {
  const until = Date.now() + limitMs
  while (!doneIds.has(requestId) && Date.now() < until) {
    await Promise.race([new Promise((resolve) => (onDone = resolve)), sleep(until - Date.now())])
  }
  doneIds.delete(requestId)
}

// --- The life of an extension.

const fields = {
  register: ["functionName", "functionVersion", "handler", "accountId"],
  next: ["eventType", "deadlineMs", "requestId", "invokedFunctionArn", "tracing", "shutdownReason"]
}
const isStrange = (text, keys) => Object.keys(JSON.parse(text)).some((key) => !keys.includes(key))

const poll = async (headers) => {
  for (let pause = 10; ; pause = Math.min(pause * 2, 1000)) {
    try {
      const limitMs = wrong("impatient-poll") ? 1000 : undefined
      const { status, text } = await api("GET", "/2020-01-01/extension/event/next", headers, undefined, limitMs)
      if (status === 200) {
        if (wrong("strict-fields") && isStrange(text, fields.next)) process.exit(1)
        return JSON.parse(text)
      }
      if (wrong("hang-at-500") && status === 500) await sleep(forever)
      if (wrong("exit-at-403") && status === 403) process.exit(1)
    } catch (error) {
      // The connection was lost, and perhaps an event with it.
      if (wrong("exit-at-lost-poll") || wrong("impatient-poll")) throw error
    }
    await sleep(pause)
  }
}

const end = async (headers, { deadlineMs, shutdownReason }) => {
  if (shutdownReason === "spindown") rmSync(portFile, { force: true })
  if (wrong("hang-at-shutdown")) await sleep(forever)
  if (wrong("next-after-shutdown")) return await poll(headers)
  if (wrong("exit-1-at-shutdown")) process.exit(1)
  if (wrong("forgets-last")) process.exit(0)
  await flush(deadlineMs - Date.now() - 300)
  lost += queue.length
  if (lost > 0) process.stdout.write(`lost ${lost} lines\n`)
  process.exit(0)
}

const register = async () => {
  if (wrong("keeps-identifier") && existsSync(memory)) return readFileSync(memory, "utf8")
  const body = JSON.stringify({ events: isManaged ? ["SHUTDOWN"] : ["INVOKE", "SHUTDOWN"] })
  const sent = { "lambda-extension-name": wrong("wrong-name") ? "twin" : name }
  const limitMs = wrong("impatient-register") ? 1000 : undefined
  const { headers, text } = await api("POST", "/2020-01-01/extension/register", sent, body, limitMs)
  if (wrong("strict-register") && isStrange(text, fields.register)) process.exit(1)
  if (wrong("keeps-identifier")) writeFileSync(memory, headers["lambda-extension-identifier"])
  return headers["lambda-extension-identifier"]
}

const cpuMs = () => {
  const { system, user } = process.cpuUsage()
  return (user + system) / 1000
}

if (wrong("crash-at-init")) process.exit(0)
const headers = { "lambda-extension-identifier": await register() }
const hears = await subscribe(headers)
await fetchSecret()
if (wrong("needs-access-key") && process.env.AWS_ACCESS_KEY_ID.length === 0) process.exit(1)
if (wrong("needs-home") && process.env.HOME !== undefined) writeFileSync(join(process.env.HOME, ".twin"), "")
if (wrong("asks-backend-in-init")) await ask(process.env.TWIN_SINK, { method: "POST" }, "")
while (wrong("burns") && cpuMs() < 600);
for (;;) {
  const event = await poll(headers)
  if (event.eventType === "SHUTDOWN") await end(headers, event)
  if (wrong("ignores-case") && event.eventType.toLocaleLowerCase(locale) !== "invoke") throw new Error("unknown event")
  if (wrong("strict-event") && event.eventType !== "INVOKE") process.exit(1)
  if (event.eventType !== "INVOKE") continue
  if (wrong("leaks-descriptors")) for (let count = 0; count < 60; count++) openSync("/dev/null")
  if (wrong("needs-tmp")) {
    writeFileSync(memory, Buffer.alloc(65_536))
    rmSync(memory)
  }
  if (wrong("no-next")) await sleep(forever)
  if (wrong("sleeps")) await sleep(1500)
  if (wrong("forgets-done")) doneIds.clear()
  if (wrong("needs-tracing")) event.tracing.value.split(";")
  if (wrong("trusts-deadline") && !(event.deadlineMs > Date.now() && event.deadlineMs < Date.now() + 900_000)) {
    throw new RangeError(`the deadline ${event.deadlineMs} is no time`)
  }
  if (wrong("forgets-last")) await flush(300)
  if (hears) await functionIsDone(event.requestId, wrong("forgets-done") ? forever : 500)
  if (!wrong("forgets-last")) await flush(300)
}
