/** Finds the handler of a Node function. */
import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"

/** An error of the runtime itself. */
export class RuntimeError extends Error {
  constructor(type, message) {
    super(message)
    this.name = `Runtime.${type}`
  }
}

export const nodeMajor = Number(process.versions.node.split(".", 1)[0])

const isFile = (path) => Fs.statSync(path, { throwIfNoEntry: false })?.isFile() === true

/**
 * The file and the path of the export that `_HANDLER` means, found as Lambda's own runtime finds them. Used when a
 * wrapper has put another handler before the function's.
 */
const locate = (handler) => {
  const root = process.env.LAMBDA_TASK_ROOT
  const base = Path.basename(handler)
  const folder = Path.resolve(root, handler.slice(0, handler.length - base.length))
  const [, name, path] = /^([^.]*)\.(.*)$/.exec(base) ?? []
  if (name === undefined || handler.includes("..")) {
    const message = `_HANDLER is ${handler}, which is no name of a file and of its export, such as index.handler.`
    throw new RuntimeError("MalformedHandlerName", message)
  }
  const beside = ["", ".js", ".mjs", ".cjs"].map((extension) => Path.join(folder, name + extension)).find(isFile)
  try {
    return { file: beside ?? Module.createRequire(import.meta.url).resolve(name, { paths: [root, folder] }), path }
  } catch {
    const message = `Error: Cannot find module '${name}' of _HANDLER ${handler} in ${folder}`
    throw new RuntimeError("ImportModuleError", message)
  }
}

/** The libraries of layers. Node itself looks there for `require` only, Lambda's runtime also for `import`. */
const libraryFolders = (process.env.NODE_PATH ?? "").split(":").filter((folder) => folder.endsWith("/node_modules"))

// A wrapper may start a Node that has no hooks.
Module.registerHooks?.({
  resolve: (specifier, context, next) => {
    try {
      return next(specifier, context)
    } catch (error) {
      if (error?.code !== "ERR_MODULE_NOT_FOUND" || /^[./]/.test(specifier)) throw error
      for (const folder of libraryFolders) {
        try {
          return next(specifier, { ...context, parentURL: pathToFileURL(folder).href })
        } catch (other) {
          if (other?.code !== "ERR_MODULE_NOT_FOUND") throw other
        }
      }
      throw error
    }
  }
})

const packageTypeOf = (folder) => {
  const file = Path.join(folder, "package.json")
  const parent = Path.dirname(folder)
  if (!isFile(file)) return parent === folder ? undefined : packageTypeOf(parent)
  try {
    return JSON.parse(Fs.readFileSync(file, "utf8")).type
  } catch {
    // Node reports the mistake better when it loads the file.
    return undefined
  }
}

/** Lambda's runtime loads CommonJS by `require`, and wrappers that instrument a function wait for it there. */
const isCommonJs = (file) => {
  const extension = Path.extname(file)
  return [".cjs", ""].includes(extension) || (extension === ".js" && packageTypeOf(Path.dirname(file)) !== "module")
}

/** Errors of `require` for a file that is an ES module and not CommonJS. */
const esmOnly = new Set(["ERR_REQUIRE_ESM", "ERR_REQUIRE_ASYNC_MODULE"])

const loadFile = async (file) => {
  if (isCommonJs(file)) {
    try {
      return Module.createRequire(file)(file)
    } catch (error) {
      if (!esmOnly.has(error?.code)) throw error
    }
  }
  return import(pathToFileURL(file).href)
}

const importFile = async (file) => {
  try {
    return await loadFile(file)
  } catch (error) {
    const isMissing = error?.code === "ERR_MODULE_NOT_FOUND" || error?.code === "MODULE_NOT_FOUND"
    if (!isMissing && !(error instanceof SyntaxError)) throw error
    const known = new RuntimeError(isMissing ? "ImportModuleError" : "UserCodeSyntaxError", String(error))
    // The stack of the original error names the place.
    known.stack = error.stack
    throw known
  }
}

const streaming = Symbol.for("aws.lambda.runtime.handler.streaming")

export const streamsOf = (handler) => handler[streaming] !== undefined

/** The helpers of Lambda's Node runtime for functions that stream. */
globalThis.awslambda = {
  streamifyResponse: (handler, options = {}) => Object.assign(handler, { [streaming]: options }),
  HttpResponseStream: {
    /** Status and headers of an HTTP answer go before the body, separated from it by eight zero bytes. */
    from: (stream, metadata) => {
      stream.setContentType("application/vnd.awslambda.http-integration-response")
      stream.write(JSON.stringify(metadata))
      stream.write(Buffer.alloc(8))
      return stream
    }
  }
}

const callbackDeprecated =
  "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html."

/** The handler of the emulated function, or of the wrapper around it. */
export const load = async () => {
  const given = JSON.parse(process.env._EFFECT_LAMBDA_FUNCTION)
  delete process.env._EFFECT_LAMBDA_FUNCTION
  const { file, path } =
    process.env._HANDLER === given.handler ? { file: given.file, path: given.export } : locate(process.env._HANDLER)
  const module = await importFile(file)
  const find = (exports) => path.split(".").reduce((value, key) => value?.[key], exports)
  const handler = find(module) ?? find(module?.default)
  if (typeof handler !== "function") {
    const names = Object.keys(module ?? {}).join(", ") || "nothing"
    throw new RuntimeError("HandlerNotFound", `${file} exports no function named ${path}. It exports ${names}.`)
  }
  if (nodeMajor >= 24 && handler.length >= 3 && !streamsOf(handler)) {
    throw new RuntimeError("CallbackHandlerDeprecated", callbackDeprecated)
  }
  return handler
}
