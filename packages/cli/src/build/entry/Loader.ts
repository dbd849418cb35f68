/**
 * The loader of a layer, `<name>/index.cjs`: loads `bundle.cjs` with the V8 code cache of this Node, if the layer has
 * it. If the program cannot be loaded, the loader reports that to Lambda, since the program itself cannot.
 *
 * The loader runs on any Node that a function has, so it is written in the JavaScript of Node 12. A Node that is too old
 * must be able to say so. If the layer has a Node (`auto`), the loader starts that one instead, as a child
 * process. Node has no exec before 22.15, so such a function pays for two Nodes.
 */

export interface Options {
  /** The name of the extension, for the log. */
  readonly name: string
  /** The oldest Node that runs the bundle, such as `22.19.0`. */
  readonly minimumNode: string
  /** The file that takes the code cache when the program exits; for the build, never in a layer. */
  readonly recordCodeCache?: string | undefined
}

const recording = (file: string) => `
  process.on("exit", () => fs.writeFileSync(${JSON.stringify(file)}, script.createCachedData()))`

/** The text of `index.cjs`, without the comments in it: a cold start would download and read them. */
export const render = (options: Options): string =>
  program(options).replaceAll(/^ *(?:\/\/(?! Loads ).*|\/\*\*[^]*?\*\/)\n/gm, "")

const program = ({ minimumNode, name, recordCodeCache }: Options): string => `"use strict"
// Loads the program of this extension. Made by effect-lambda.
const fs = require("fs")
const path = require("path")

// Read here, before the program takes it out of the environment.
const identifier = process.env.EFFECT_LAMBDA_EXTENSION_IDENTIFIER
const hasPolled = process.env.EFFECT_LAMBDA_NEXT_SENT === "1"
const file = path.join(__dirname, "bundle.cjs")

/**
 * Writes a line to the log, reports init/error if this extension is registered, or exit/error if it polls already, and
 * exits with 1. That takes a second at most, whatever Lambda answers.
 */
const fail = (errorType, reason, stack) => {
  // Init is over for Lambda when an extension has polled.
  const consequence = "the entry has sent the first next and the program did not come up, so an invocation fails instead of init: "
  const message = hasPolled ? consequence + reason : reason
  const line = JSON.stringify({ timestamp: new Date(), level: "FATAL", message: ${JSON.stringify(name)} + ": " + message, cause: stack })
  try {
    fs.writeSync(1, line + "\\n")
  } catch (error) {
    // The log may be closed, and the report still counts.
  }
  // The program may run by now. The variable tells it that this exit is explained already.
  process.env.EFFECT_LAMBDA_LOAD_FAILED = "1"
  const exit = () => process.exit(1)
  if (!identifier) return exit()
  setTimeout(exit, 1000)
  const body = JSON.stringify({ errorMessage: message, errorType, stackTrace: (stack || "").split("\\n") })
  // A socket, since http would use the proxy that the function's variables may name.
  const [, host, port] = /^\\[?(.*?)\\]?(?::(\\d+))?$/.exec(process.env.AWS_LAMBDA_RUNTIME_API)
  const report = (route, onRefused) => {
    const socket = require("net").connect({ host, port: Number(port || 80) })
    const onAnswer = (answer) => {
      socket.destroy()
      return / 403 /.test(String(answer).slice(0, 13)) ? onRefused() : exit()
    }
    socket.once("error", exit).once("data", onAnswer).once("end", exit)
    socket.write(
      [
        "POST /2020-01-01/extension/" + route + " HTTP/1.1",
        "Host: " + process.env.AWS_LAMBDA_RUNTIME_API,
        "Connection: close",
        "Content-Type: application/json",
        "Content-Length: " + Buffer.byteLength(body),
        "Lambda-Extension-Identifier: " + identifier,
        "Lambda-Extension-Function-Error-Type: " + errorType,
        "",
        body
      ].join("\\r\\n")
    )
  }
  if (hasPolled) report("exit/error", exit)
  else report("init/error", () => report("exit/error", exit))
}

const read = (cache) => {
  try {
    return fs.readFileSync(cache)
  } catch (error) {
    // The layer has no cache for this V8, which then compiles.
  }
}

const load = () => {
  const vm = require("vm")
  const source = fs.readFileSync(file, "utf8")
  const script = new vm.Script("(function (exports, require, module, __filename, __dirname) {\\n" + source + "\\n})", {
    filename: file,
    lineOffset: -1,
    cachedData: read(path.join(__dirname, "bundle." + process.versions.v8 + "-" + process.arch + ".cache")),
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
  })${recordCodeCache === undefined ? "" : recording(recordCodeCache)}
  // The option makes import() work. Node warns in the log that it is experimental, at the first import() of a cold start.
  const emitWarning = process.emitWarning
  process.emitWarning = function (warning) {
    if (!String(warning).includes("vm.USE_MAIN_CONTEXT_DEFAULT_LOADER")) emitWarning.apply(this, arguments)
  }
  // The bundle gets what it would have as the main module, which is this file.
  module.filename = file
  require.main = module
  script.runInThisContext().call(exports, exports, require, module, file, __dirname)
}

const [major, minor] = process.versions.node.split(".").map(Number)
const [minimumMajor, minimumMinor] = ${JSON.stringify(minimumNode.split(".").map(Number))}
const bundled = path.join(__dirname, "bin", "node")

try {
  if (major > minimumMajor || (major === minimumMajor && minor >= minimumMinor)) {
    load()
  } else if (fs.existsSync(bundled) && fs.realpathSync(bundled) !== process.execPath) {
    // The child process gets the open connection under the same number: an event may wait in it.
    const stdio = [0, 1, 2].concat(process.env.EFFECT_LAMBDA_API_DESCRIPTOR === "3" ? 3 : [])
    const { error, status } = require("child_process").spawnSync(bundled, process.execArgv.concat(__filename), { stdio })
    if (error) throw error
    process.exit(status === null ? 1 : status)
  } else {
    fail("Extension.UnsupportedNode", "Node " + process.versions.node + " (" + process.execPath + ") is too old for this layer, which needs " + ${JSON.stringify(minimumNode)} + " or newer: use a newer runtime, or build the layer with --runtime auto or node")
  }
} catch (error) {
  const isError = error !== null && typeof error === "object" && typeof error.stack === "string"
  fail("Extension.LoadError", "the program could not be loaded: " + (isError ? error.message : String(error)), isError ? error.stack : "")
}
`
