#!/usr/bin/env node
// The workspace runs the sources as they are. A package has built files: Node strips no types below node_modules.
import module from "node:module"
import process from "node:process"

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`effect-lambda needs Node 22.19 or newer; ${process.execPath} is ${process.version}\n`)
  process.exit(1)
}
// Node keeps what it compiled in the folder for temporary files: the second start takes half the time of the first.
module.enableCompileCache()
const isPublished = import.meta.url.includes("/node_modules/")
await import(new URL(isPublished ? "../dist/main.js" : "../src/main.ts", import.meta.url).href)
