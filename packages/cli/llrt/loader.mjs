// Loads the prelude and the program of a layer for LLRT. If one of them cannot be loaded, it reports that to Lambda, since the
// program itself cannot. The loader is source text, so it can also say that the bytecode is of another LLRT. Each start parses
// it, so it is short. It must work without the prelude.

const [, started] = process.argv
const file = started.startsWith("/") ? started : `${process.cwd()}/${started}`
const folder = file.slice(0, file.lastIndexOf("/")).replace(/\/[^/]+\/\.\.(?=\/)/g, "")
const extensionName = process.env.EFFECT_LAMBDA_EXTENSION_NAME || folder.slice(folder.lastIndexOf("/") + 1)
// Read here, before the program takes it out of the environment.
const identifier = process.env.EFFECT_LAMBDA_EXTENSION_IDENTIFIER
const hasPolled = process.env.EFFECT_LAMBDA_NEXT_SENT === "1"
const runtimeApi = process.env.AWS_LAMBDA_RUNTIME_API

/**
 * Writes a line to the log, reports init/error if this extension is registered, or exit/error if it polls already, and
 * exits with 1. That takes a second at most, whatever Lambda answers.
 */
const failToLoad = (reason, stack) => {
  const errorType = "Extension.LoadError"
  // Init is over for Lambda when an extension has polled.
  const consequence =
    "the entry has sent the first next and the program did not come up, so an invocation fails instead of init: "
  const message = hasPolled ? consequence + reason : reason
  const line = { timestamp: new Date(), level: "FATAL", message: `${extensionName}: ${message}`, cause: stack }
  globalThis.console.log(JSON.stringify(line))
  // The program may run by now. The variable tells it that this exit is explained already.
  process.env.EFFECT_LAMBDA_LOAD_FAILED = "1"
  const exit = () => process.exit(1)
  if (identifier === undefined || runtimeApi === undefined) return exit()
  setTimeout(exit, 1000)
  const body = JSON.stringify({ errorMessage: message, errorType, stackTrace: stack.split("\n") })
  const [, host, port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(runtimeApi)
  const report = (route, onRefused) => {
    const socket = require("net").default.connect({ host, port: Number(port || 80) })
    const onAnswer = (answer) => {
      socket.destroy()
      return / 403 /.test(String(answer).slice(0, 13)) ? onRefused() : exit()
    }
    socket.once("error", exit).once("data", onAnswer).once("end", exit)
    // Only the sockets of the prelude wait for that.
    socket.resume?.()
    socket.write(
      [
        `POST /2020-01-01/extension/${route} HTTP/1.1`,
        `Host: ${runtimeApi}`,
        "Connection: close",
        "Content-Type: application/json",
        `Content-Length: ${Buffer.byteLength(body)}`,
        `Lambda-Extension-Identifier: ${identifier}`,
        `Lambda-Extension-Function-Error-Type: ${errorType}`,
        "",
        body
      ].join("\r\n")
    )
  }
  if (hasPolled) report("exit/error", exit)
  else report("init/error", () => report("exit/error", exit))
}

let bytecode = `${folder}/prelude.lrt`
const program = () => {
  bytecode = `${folder}/bundle.lrt`
  return import(bytecode)
}

import(bytecode).then(program).catch((cause) => {
  const isError = cause instanceof Error
  const problem = isError ? cause.message : String(cause)
  const stack = (isError && cause.stack) || ""
  const advice =
    isError && /bytecode|end of the buffer|symbol type|atom index|\.lrt/.test(problem)
      ? `. ${bytecode} may be incomplete or from another version of LLRT: build and publish the layer again`
      : ""
  failToLoad(`the program could not be loaded: ${problem}${advice}`, stack)
})
