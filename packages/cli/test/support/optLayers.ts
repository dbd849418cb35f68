/** Layers in the manner of real ones: they name /opt, and they bind to the names of the sandbox. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { File } from "./foreignLayer.ts"

/** Registers, does what is asked at its events, and ends at SHUTDOWN. */
const life = (name: string, begin: string, end: string) => `
const base = "http://" + process.env.AWS_LAMBDA_RUNTIME_API
const { headers } = await fetch(base + "/2020-01-01/extension/register", {
  method: "POST",
  headers: { "Lambda-Extension-Name": ${JSON.stringify(name)} },
  body: '{"events":["INVOKE","SHUTDOWN"]}'
})
const identified = { "Lambda-Extension-Identifier": headers.get("lambda-extension-identifier") }
${begin}
for (;;) {
  const event = await (await fetch(base + "/2020-01-01/extension/event/next", { headers: identified })).json()
  if (event.eventType === "SHUTDOWN") break
}
${end}
process.exit(0)
`

const executable = 0o100755

/** Starts its program by a literal path, which reads a file by another one. */
export const namesOpt: ReadonlyArray<File> = [
  { path: "extensions/names-opt", mode: executable, bytes: "#!/bin/bash\nexec node /opt/names-opt/index.mjs\n" },
  {
    path: "names-opt/index.mjs",
    bytes: life(
      "names-opt",
      `console.log("asset: " + (await import("node:fs")).readFileSync("/opt/names-opt/asset.txt", "utf8"))`,
      ""
    )
  },
  { path: "names-opt/asset.txt", bytes: "from the layer" }
]

/** Has its telemetry delivered to a listener that is bound to a name of the sandbox. */
const binder = (name: string, host: string, path: string, schemaVersion: string): ReadonlyArray<File> => [
  {
    path: `extensions/${name}`,
    mode: executable,
    bytes: `#!/usr/bin/env node
const http = require("node:http")
const main = async () => {${life(
      name,
      `
let records = 0
const server = http.createServer(async (request, response) => {
  let body = ""
  for await (const chunk of request) body += chunk
  records += JSON.parse(body).filter(({ type }) => type === "function").length
  response.end()
})
await new Promise((resolve, reject) => server.on("error", reject).listen(0, ${JSON.stringify(host)}, resolve))
const { address, port } = server.address()
const answer = await fetch(base + ${JSON.stringify(path)}, {
  method: "PUT",
  headers: identified,
  body: JSON.stringify({
    schemaVersion: ${JSON.stringify(schemaVersion)},
    types: ["platform", "function"],
    buffering: { timeoutMs: 25 },
    destination: { protocol: "HTTP", URI: "http://${host}:" + port }
  })
})
console.log("bound to " + address + ": " + answer.status + " " + await answer.text())`,
      `for (let turn = 0; records === 0 && turn < 100; turn++) await new Promise((resolve) => setTimeout(resolve, 10))
console.log("records of the function: " + records)`
    )}}
main().catch((error) => { console.log(String(error)); process.exit(1) })
`
  }
]

export const telemetryBinder = binder("telemetry", "sandbox.localdomain", "/2022-07-01/telemetry", "2022-12-13")
export const logsBinder = binder("logs", "sandbox", "/2020-08-15/logs", "2021-03-18")

/** Does what it should, from wherever it is. */
export const polite: ReadonlyArray<File> = [
  {
    path: "extensions/polite",
    mode: 0o100755,
    bytes: `#!/usr/bin/env node
const path = require("node:path")
const base = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2020-01-01/extension"
const main = async () => {
  const name = path.basename(__filename)
  const body = '{"events":["INVOKE","SHUTDOWN"]}'
  const { headers } = await fetch(base + "/register", { method: "POST", headers: { "Lambda-Extension-Name": name }, body })
  const identified = { "Lambda-Extension-Identifier": headers.get("lambda-extension-identifier") }
  for (;;) {
    const event = await (await fetch(base + "/event/next", { headers: identified })).json()
    if (event.eventType === "SHUTDOWN") process.exit(0)
  }
}
main()
`
  }
]

/** The files as a folder laid out as /opt. */
export const writeFolder = (folder: string, files: ReadonlyArray<File>): string => {
  for (const { bytes, mode, path } of files) {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bytes)
    chmodSync(file, (mode ?? 0o644) & 0o777)
  }
  return folder
}
