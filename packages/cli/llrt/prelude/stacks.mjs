// Stacks. Superfluous when `error.stack` begins with the message, and has the path of a .lrt file.
import { define, native } from "./native.mjs"

const [, started] = process.argv
const ownFile = (started.startsWith("/") ? started : `${process.cwd()}/${started}`).replace(/\/[^/]+\/\.\.\//g, "/")
const folder = ownFile.slice(0, ownFile.lastIndexOf("/"))

const placeOf = (site) => {
  const file = site.getFileName()
  if (site.isNative() || file === null) return "native"
  // The name in the bytecode is the one that the build compiled.
  const path = file === "bundle" ? `${folder}/bundle.lrt` : file
  return `${path}:${site.getLineNumber()}:${site.getColumnNumber()}`
}

const prototypes = new Set(
  [Error, EvalError, InternalError, RangeError, ReferenceError, SyntaxError, TypeError].map(
    ({ prototype }) => prototype
  )
)

/** LLRT gives an error of its own its message when it has the stack already. */
const watchMessage = (error, frames) =>
  Object.defineProperty(error, "message", {
    configurable: true,
    get: () => "",
    set(message) {
      define(error, "message", message)
      define(error, "stack", `${error}${frames}`)
      if (frames === "" && error.message.includes("(os error 107)")) sayLost()
    }
  })

Error.prepareStackTrace = (error, sites) => {
  let frames = ""
  for (const site of sites) {
    // The wrappers of the prelude are no place in the program. A constructor that the language makes has the start of a line.
    if (!["prelude", ownFile, started].includes(site.getFileName()) && site.getColumnNumber() !== 1)
      frames += `\n    at ${site.getFunctionName() || "<anonymous>"} (${placeOf(site)})`
  }
  try {
    const stack = `${error}${frames}`
    if (!Object.hasOwn(error, "message") && prototypes.has(Object.getPrototypeOf(error))) watchMessage(error, frames)
    return stack
  } catch {
    // A message whose getter throws.
    return `Error${frames}`
  }
}

// A reset connection. Superfluous when `net` keeps a server alive whose client resets a connection before LLRT asks for its
// address. Nothing in JavaScript keeps the process from ending then, so the log at least says why.

const sayLost = () => {
  const message = "the extension ends: a client reset its connection before LLRT had accepted it, which ends LLRT"
  native.console.log(JSON.stringify({ timestamp: new Date(), level: "FATAL", message }))
}
