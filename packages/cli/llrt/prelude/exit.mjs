// The end of the process. Superfluous when LLRT has `process.on("exit")`.
import { native } from "./native.mjs"
import { flush } from "./output.mjs"
import { events, uncaught } from "./process.mjs"

let isExiting = false
process.exit = (code = process.exitCode ?? 0) => {
  if (!isExiting) {
    isExiting = true
    try {
      events.emit("exit", code)
    } catch (cause) {
      uncaught(cause)
    }
    flush()
  }
  native.exit(code)
}
