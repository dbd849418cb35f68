#!/usr/bin/env node
// An extension with a trait that a target may have; the variable TARGET names it.
import { spawn } from "node:child_process"
import { appendFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import process from "node:process"

const trait = process.env.TARGET
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2020-01-01/extension`
const forever = () => new Promise((resolve) => setTimeout(resolve, 2_000_000_000))
const megabyte = Buffer.alloc(1024 * 1024)

/** A session of its own, whose first process has ended. */
const leave = () => spawn("setsid", ["sh", "-c", "sleep 1000 & sleep 1000 & exit"], { stdio: "ignore" })

/** Fills the disk until it is full, or has taken 64 MB. */
const fill = () => {
  try {
    for (let count = 0; count < 64; count++) appendFileSync(join(tmpdir(), "full"), megabyte)
    return "took everything"
  } catch (error) {
    return error.code
  }
}

const register = async () => {
  const { headers } = await fetch(`${api}/register`, {
    method: "POST",
    headers: { "Lambda-Extension-Name": basename(process.argv[1]) },
    body: JSON.stringify({ events: ["INVOKE", "SHUTDOWN"] })
  })
  return { "Lambda-Extension-Identifier": headers.get("lambda-extension-identifier") }
}

if (trait === "markup") {
  process.stdout.write(
    "<script>alert(1)</script></style> ]]> &amp; javascript: \u001b[31mred\u001b]0;title\u0007 a\0b\n"
  )
  process.stdout.write(Buffer.from([0xed, 0xa0, 0x80, 0xff, 0x0a]))
  process.exit(1)
}
if (trait === "hangs") process.on("SIGTERM", () => {})
const identifier = await register()
if (trait === "forks") leave()
if (trait === "fills") process.stdout.write(`the disk: ${fill()}\n`)
if (trait === "prints") for (let count = 0; count < 100; count++) process.stdout.write(`${"x".repeat(1_000_000)}\n`)
if (trait === "listens") createServer().listen(Number(process.env.PORT), "127.0.0.1")
for (;;) {
  const { eventType } = await (await fetch(`${api}/event/next`, { headers: identifier })).json()
  if (eventType === "SHUTDOWN") process.exit(0)
  if (trait === "sends") await fetch(process.env.SINK, { method: "POST", body: "something" })
  if (trait === "hangs" || trait === "forks") {
    process.stdout.write("it holds the invocation\n")
    await forever()
  }
}
