// The recording extension of `npm run verify:aws`: writes everything that it sees to its stdout, a line of JSON each.
// No library of this repository is in it, so that nothing of ours comes between Lambda and the recording.
"use strict"
const crypto = require("node:crypto")
const http = require("node:http")
const { refusals, lateRefusals } = require("./probes.cjs")

const name = "verify-recorder"
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":")
const isProbing = process.env.VERIFY_PROBES === "1"

/** CloudWatch takes 256 KB for a line, and JSON makes some characters longer. */
const maxText = 60_000

const record = (kind, fields) => console.log(JSON.stringify({ verify: kind, at: Date.now(), ...fields }))

const textOf = (bytes) => {
  const text = bytes.toString("utf8")
  const sha256 = crypto.createHash("sha256").update(bytes).digest("base64")
  return { body: text.slice(0, maxText), bytes: bytes.length, isWhole: text.length <= maxText, sha256 }
}

const read = (message, then) => {
  const chunks = []
  message.on("data", (chunk) => chunks.push(chunk))
  message.on("end", () => then(Buffer.concat(chunks)))
}

/** Sends a request to Lambda, and records the answer with its headers as they came. */
const call = (what, method, path, headers = {}, body = "") =>
  new Promise((resolve) => {
    // Each call has a connection to itself: a waiting next must not hold up the others.
    const request = http.request({ host, port, method, path, headers, agent: false }, (response) =>
      read(response, (bytes) => {
        record("answer", { call: what, status: response.statusCode, headers: response.rawHeaders, ...textOf(bytes) })
        resolve({ status: response.statusCode, headers: response.headers, text: bytes.toString("utf8") })
      })
    )
    request.on("error", ({ message }) => {
      record("broken", { call: what, message })
      resolve({ status: 0, headers: {}, text: "" })
    })
    request.end(body)
  })

const register = (what, events) => {
  const headers = { "Lambda-Extension-Name": name, "Lambda-Extension-Accept-Feature": "accountId" }
  return call(what, "POST", "/2020-01-01/extension/register", headers, JSON.stringify({ events }))
}

/** Waits until the function says what comes, at most for two seconds. */
let say = () => {}
const said = () =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve("nothing"), 2000)
    say = (what) => {
      clearTimeout(timer)
      resolve(what)
    }
  })

const sink = { requests: 0, bytes: 0, paths: {} }

/** The backend of the layers beside this one, and the ear for the function: both are on this machine. */
const listenLocally = () =>
  http
    .createServer((request, response) =>
      read(request, (bytes) => {
        response.end("{}")
        const path = request.url.split("?")[0]
        if (path === "/verify") return say(bytes.toString("utf8"))
        sink.requests += 1
        sink.bytes += bytes.length
        sink.paths[path] = (sink.paths[path] ?? 0) + 1
      })
    )
    .listen(Number(process.env.VERIFY_LOCAL_PORT ?? 4319), "127.0.0.1")

const telemetryPort = Number(process.env.VERIFY_TELEMETRY_PORT ?? 4243)
const subscription = {
  schemaVersion: process.env.VERIFY_SCHEMA ?? "2025-01-29",
  // Without `extension`: each line of this program would cause a delivery, which causes a line.
  types: ["platform", "function"],
  buffering: { maxItems: 1000, maxBytes: 262144, timeoutMs: 25 },
  destination: { protocol: "HTTP", URI: `http://sandbox.localdomain:${telemetryPort}/verify` }
}

const listenToTelemetry = () =>
  new Promise((resolve) => {
    const server = http.createServer((request, response) =>
      read(request, (bytes) => {
        response.end()
        const { method, rawHeaders, url } = request
        record("delivery", { method, url, headers: rawHeaders, from: request.socket.remoteAddress, ...textOf(bytes) })
      })
    )
    server.listen(telemetryPort, "0.0.0.0", () => resolve(server))
  })

const run = async () => {
  const { AWS_LAMBDA_INITIALIZATION_TYPE: initType, AWS_LAMBDA_RUNTIME_API: api, TZ } = process.env
  // The names only: some values are credentials.
  record("start", { names: Object.keys(process.env).toSorted(), cwd: process.cwd(), initType, api, TZ })
  process.on("SIGTERM", () => record("signal", { name: "SIGTERM" }))
  listenLocally()
  await listenToTelemetry()

  if (isProbing) for (const probe of refusals()) await call(...probe)
  let answer = await register("register", ["INVOKE", "SHUTDOWN"])
  // A managed instance has no INVOKE, and a refused register changes nothing.
  if (answer.status !== 200) answer = await register("register-shutdown-only", ["SHUTDOWN"])
  const identifier = { "Lambda-Extension-Identifier": answer.headers["lambda-extension-identifier"] }
  const late = { name, identifier, subscription }
  if (isProbing) for (const probe of refusals(late)) await call(...probe)
  await call("subscribe", "PUT", "/2022-07-01/telemetry", identifier, JSON.stringify(subscription))
  if (isProbing) await call("subscribe-again", "PUT", "/2022-07-01/telemetry", identifier, JSON.stringify(subscription))

  let isLate = false
  for (;;) {
    const next = call("next", "GET", "/2020-01-01/extension/event/next", identifier)
    // The first poll waits by now, and a second is refused at once.
    if (isLate) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      await call("next-twice", "GET", "/2020-01-01/extension/event/next", identifier)
      isLate = false
    }
    const { status, text } = await next
    if (status !== 200) {
      record("exit", { code: 1 })
      process.exit(1)
    }
    const event = JSON.parse(text)
    if (event.eventType === "SHUTDOWN") {
      // The other layers flush into the backend here, and telemetry that the freeze held back comes: half of the 2 s.
      await new Promise((resolve) => setTimeout(resolve, 1000))
      record("sink", sink)
      record("exit", { code: 0 })
      process.exit(0)
    }
    const what = await said()
    record("said", { what, requestId: event.requestId })
    if (what === "crash-extension") process.exit(17)
    if (what === "hold") await new Promise(() => {})
    if (what === "probe") {
      for (const probe of lateRefusals(late)) await call(...probe)
      isLate = true
    }
    record("sink", sink)
  }
}

run()
