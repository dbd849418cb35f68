// Modules. Superfluous when LLRT has `process.getBuiltinModule`.
import { base64url } from "./buffers.mjs"
import { adopt, guardFunctions } from "./callbacks.mjs"
import { spawn } from "./children.mjs"
import { EventEmitter } from "./emitter.mjs"
import { builtin, define, nativeProcesses } from "./native.mjs"
import { explainFunctions } from "./promises.mjs"

/** What is mended in a module that few programs use, when it is asked for. */
const mendings = {
  child_process: (processes) => {
    nativeProcesses()
    processes.spawn = spawn
  },
  crypto: (crypto) => {
    guardFunctions(crypto, ["randomFill"])
    for (const hash of [crypto.createHash("sha256"), crypto.createHmac("sha256", "")]) {
      const prototype = Object.getPrototypeOf(hash)
      const { digest } = prototype
      define(prototype, "digest", function (...values) {
        return values[0] === "base64url" ? base64url(digest.call(this, "base64")) : digest.apply(this, values)
      })
    }
  },
  dgram: (dgram) => {
    const { createSocket } = dgram
    dgram.createSocket = (...values) => adopt(createSocket(...values))
  },
  dns: (dns) => guardFunctions(dns, ["lookup"]),
  fs: (fs) => {
    // The answer to the poll of the stub comes to no more than a page. What is not read waits in memory then.
    fs.fstatSync = (fd) => fs.statSync(`/proc/self/fd/${fd}`)
    explainFunctions(fs, Object.keys(fs))
    explainFunctions(fs.promises, Object.keys(fs.promises))
  },
  // Superfluous when `createRequire` does not run the program a second time. A layer has no file to load but the program.
  module: (module) => {
    module.createRequire = () => (id) => {
      const required = process.getBuiltinModule(id)
      if (required !== undefined) return required
      throw Object.assign(new Error(`Cannot find module '${id}'`), { code: "MODULE_NOT_FOUND" })
    }
  },
  "fs/promises": (fs) => explainFunctions(fs, Object.keys(fs)),
  zlib: (zlib) => {
    const names = Object.keys(zlib)
    guardFunctions(
      zlib,
      names.filter((name) => names.includes(`${name}Sync`))
    )
  }
}

/** Effect asks this module for a class that LLRT lacks, in each start. So the module is loaded when a part of it is read. */
const asyncHooks = {}
for (const name of ["createHook", "currentId", "executionAsyncId", "triggerAsyncId"]) {
  Object.defineProperty(asyncHooks, name, { enumerable: true, get: () => builtin("async_hooks")[name] })
}

define(process, "getBuiltinModule", (id) => {
  const name = id.replace(/^node:/, "")
  if (name === "process") return process
  if (name === "events") return EventEmitter
  if (name === "async_hooks") return asyncHooks
  try {
    const module = builtin(name)
    mendings[name]?.(module)
    delete mendings[name]
    return module
  } catch {
    return undefined
  }
})
