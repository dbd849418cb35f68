// Promises of LLRT itself. Superfluous when LLRT tells of rejections, and errors of `fs` and `fetch` have a code and a place.
import { define, native } from "./native.mjs"
import { systemError } from "./systemError.mjs"

/** Gives an error of LLRT, which has no place, the one of the call. */
const placed = (cause, call) => {
  const error = systemError(cause)
  if (!error.stack?.includes("\n    at ")) define(error, "stack", `${error}${call.stack.slice(String(call).length)}`)
  return error
}

/** Makes functions say where they were called when they fail, and makes a rejection that nothing handles seen. */
export const explainFunctions = (target, names) => {
  for (const name of names) {
    const original = target[name]
    if (typeof original !== "function" || original.prototype !== undefined) continue
    define(target, name, function (...values) {
      const call = new Error()
      try {
        const result = original.apply(this, values)
        if (!(result instanceof native.Promise)) return result
        return result.catch((cause) => {
          throw placed(cause, call)
        })
      } catch (cause) {
        throw placed(cause, call)
      }
    })
  }
}

explainFunctions(globalThis, ["fetch"])
const bodyMethods = ["arrayBuffer", "blob", "bytes", "formData", "json", "text"]
for (const { prototype } of [Request, Response]) explainFunctions(prototype, bodyMethods)
