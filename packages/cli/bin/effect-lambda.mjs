#!/usr/bin/env node
// In the workspace the sources run as they are; Node does not strip types below node_modules, so a package is built.
import module from "node:module"
import process from "node:process"

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`effect-lambda needs Node 22.19 or newer; ${process.execPath} is ${process.version}\n`)
  process.exit(1)
}
// What Node compiled stays in the folder for temporary files: from the second time on it starts in half the time.
module.enableCompileCache()
const isPublished = import.meta.url.includes("/node_modules/")
await import(new URL(isPublished ? "../dist/main.js" : "../src/main.ts", import.meta.url).href)
