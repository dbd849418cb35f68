/** A program that prints what parts of Node give, without Lambda: Node and LLRT with its prelude print the same. */
import { spawn } from "node:child_process"
import { createHash, createHmac } from "node:crypto"
import { EventEmitter } from "node:events"
import { accessSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs"
import { readFile, stat } from "node:fs/promises"
import { createRequire } from "node:module"
import { connect, createServer } from "node:net"
import process, { cpuUsage, memoryUsage, uptime } from "node:process"

const said: Array<readonly [name: string, value: unknown]> = []

const codeOf = (cause: unknown): unknown => Reflect.get(Object(cause), "code")
const failing = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (cause) {
    return codeOf(cause)
  }
}

const bytes = Buffer.from([0xe4, 0x41, 0xff, 0xfe, 0xfb, 0x3f, 0, 1])
for (const encoding of ["ascii", "latin1", "hex", "base64", "base64url"] as const) {
  const text = bytes.toString(encoding)
  said.push([encoding, [text, bytes.toString(encoding, 1, 5), Buffer.from(text, encoding).toString("hex")]])
}
said.push(["64 bits", [bytes.readBigUInt64BE(0), bytes.readBigInt64LE(), bytes.readBigUint64LE(0)].map(String)])
const end: number | undefined = undefined
said.push(["parts", [bytes.subarray(6, end), bytes.slice(end, 2)].map((part) => part.toString("hex", 0, end))])
const written = Buffer.alloc(16)
said.push(["64 bits written", [written.writeBigUInt64LE(5n), written.writeBigInt64BE(-2n, 8), written.toString("hex")]])
for (const encoding of ["hex", "base64", "base64url"] as const) {
  said.push([`digest ${encoding}`, createHash("sha256").update("x").digest(encoding)])
  said.push([`hmac ${encoding}`, createHmac("sha256", "key").update("x").digest(encoding)])
}
said.push(["digest", createHash("sha256").update("x").digest().length])

said.push(["read a missing file", failing(() => readFileSync("/nowhere/at/all"))])
said.push(["read a folder", failing(() => readFileSync("/"))])
said.push(["list a file", failing(() => readdirSync("/etc/passwd"))])
said.push(["make what is there", failing(() => mkdirSync("/tmp"))])
said.push(["others", [accessSync, rmSync, statSync].map((use) => failing(() => use("/nowhere/at/all")))])
said.push(["read, later", await readFile("/nowhere/at/all").catch(codeOf)])
said.push(["ask for, later", await stat("/nowhere/at/all").catch(codeOf)])

said.push(["memory", memoryUsage().rss > 1_000_000 && process.memoryUsage.rss() > 1_000_000])
said.push(["processor", cpuUsage().user >= 0 && cpuUsage(cpuUsage()).system >= 0 && uptime() > 0])

const emitter = new EventEmitter()
emitter.once("a", () => {}).on("b", () => {})
said.push(["emitter", [emitter.emit("a"), emitter.emit("a"), emitter.eventNames(), emitter.listenerCount("b")]])
said.push(["emitter that fails", failing(() => emitter.emit("error", Object.assign(new Error("x"), { code: "X" })))])

{
  using file = { [Symbol.dispose]: () => said.push(["disposed", true]) }
  said.push(["using", typeof file])
}

/** What a client gets from a server that sends a greeting and ends at once. */
const greeting = await new Promise((resolve) => {
  const server = createServer((socket) => void socket.resume().end("hello"))
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    let text = ""
    const socket = connect({ port, host: "127.0.0.1" })
    socket.on("data", (chunk) => (text += String(chunk)))
    socket.on("close", () => server.close(() => resolve(text)))
    // The end comes before the connection is there.
    socket.end("bye")
  })
})
said.push(["greeting", greeting])

const address = new URL("/x?a=1", new URL("http://a/b"))
said.push(["address", [address.href, address instanceof URL, address.constructor === URL, String(new URL(address))]])
said.push(["request", new Request(address, { method: "POST", body: "x" }).url])

/** More levels than LLRT's own stack holds, and more than fit in the one that it is given. */
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`
said.push(["deep JSON", [JSON.parse(nested(45_000)).length, (await new Response(nested(45_000)).json()).length]])
said.push(["brackets in texts", JSON.parse(JSON.stringify(Array(2000).fill('\\"[[['.repeat(30)))).length])
failing(() => JSON.parse(nested(1_000_000)))
await new Response(nested(1_000_000)).json().catch(() => {})

const require = createRequire(import.meta.url)
said.push(["required", typeof require("node:fs").readFileSync])
said.push(["required, and missing", failing(() => require("./nowhere.cjs"))])

const key = await crypto.subtle.importKey("raw", Buffer.from("key"), { name: "HMAC", hash: "SHA-256" }, false, [
  "sign",
  "verify"
])
const signature = await crypto.subtle.sign("HMAC", key, Buffer.from("x"))
said.push(["sign", Buffer.from(signature).toString("hex")])
said.push(["verify", await crypto.subtle.verify("HMAC", key, signature, Buffer.from("x"))])
said.push(["verify another", await crypto.subtle.verify("HMAC", key, signature, Buffer.from("y"))])

const missing = spawn("/nowhere/at/all")
said.push(["a program that is missing", await new Promise((resolve) => missing.on("error", (e) => resolve(codeOf(e))))])

process.stdout.write(`${JSON.stringify(said, undefined, 1)}\n`)
