/**
 * Runs an exported function as a Lambda function: loads the module, asks the Runtime API for invocations, answers them.
 *
 *     node node.mjs /path/to/handler.mjs handler
 *
 * Plain JavaScript without dependencies, started by the emulator as the function's process.
 */
import * as Fs from "node:fs"
import * as Http from "node:http"
import { registerHooks } from "node:module"
import * as Util from "node:util"
import { pathToFileURL } from "node:url"

/** Writes all of it before it returns, so that nothing is lost however the process ends. */
const writeAll = (descriptor, bytes) => {
  for (let at = 0; at < bytes.length;) {
    try {
      at += Fs.writeSync(descriptor, bytes, at)
    } catch (error) {
      if (error.code !== "EAGAIN") throw error
      // The pipe is full: its reader needs the processor now.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

/** Node keeps in memory what does not fit into a pipe, and loses it when the process ends. */
const writeAtOnce = (stream, descriptor) => {
  // The stream collects several writes for this one, if it is there.
  stream._writev = null
  stream._write = (chunk, encoding, callback) => {
    try {
      writeAll(descriptor, typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk)
    } catch (error) {
      return callback(error)
    }
    callback()
  }
}

writeAtOnce(process.stdout, 1)
writeAtOnce(process.stderr, 2)

const [file, exportName] = process.argv.slice(2)
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":")
const agent = new Http.Agent({ keepAlive: true })
const runtime = "/2018-06-01/runtime"

/** The id of the invocation at work, for an error that nobody caught. */
let current

const open = (method, path, headers) => Http.request({ host, port, agent, method, path: runtime + path, headers })

/** The whole answer. A poll waits for hours, so there is no time limit. */
const answered = (request) =>
  new Promise((resolve, reject) => {
    request.on("error", reject)
    request.on("response", (response) => {
      const chunks = []
      response.on("error", reject)
      response.on("data", (chunk) => chunks.push(chunk))
      response.on("end", () =>
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body: Buffer.concat(chunks).toString("utf8")
        })
      )
    })
  })

const post = (path, body, headers = {}) => {
  const request = open("POST", path, { "Content-Length": Buffer.byteLength(body), ...headers })
  const answer = answered(request)
  request.end(body)
  return answer
}

/** The error document of Lambda's own Node runtime. */
const errorDocument = (error, errorType) => {
  const known = Util.types.isNativeError(error)
  return JSON.stringify({
    errorType: errorType ?? (known ? error.name : typeof error),
    errorMessage: known ? error.message : String(error),
    trace: known ? (error.stack ?? "").split("\n") : []
  })
}

const report = (path, document) =>
  post(path, document, {
    "Content-Type": "application/json",
    "Lambda-Runtime-Function-Error-Type": JSON.parse(document).errorType
  })

const failInit = async (document) => {
  process.stderr.write(`${document}\n`)
  await report("/init/error", document)
  process.exit(1)
}

const invocationError = (requestId, error, errorType) => {
  const document = errorDocument(error, errorType)
  process.stderr.write(`${document}\n`)
  return report(`/invocation/${requestId}/error`, document)
}

const streaming = Symbol.for("aws.lambda.runtime.handler.streaming")

/** What Lambda's Node runtime offers to functions that stream. */
globalThis.awslambda = {
  streamifyResponse: (handler, options = {}) => Object.assign(handler, { [streaming]: options }),
  HttpResponseStream: {
    /** Status and headers of an HTTP answer go before the body, parted from it by eight zero bytes. */
    from: (stream, metadata) => {
      stream.setContentType("application/vnd.awslambda.http-integration-response")
      stream.write(JSON.stringify(metadata))
      stream.write(Buffer.alloc(8))
      return stream
    }
  }
}

const makeContext = (headers) => {
  const environment = process.env
  const deadline = Number(headers["lambda-runtime-deadline-ms"])
  // Node reads headers as Latin-1; these hold UTF-8.
  const parse = (name) =>
    headers[name] === undefined ? undefined : JSON.parse(Buffer.from(headers[name], "latin1").toString("utf8"))
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse("lambda-runtime-client-context"),
    identity: parse("lambda-runtime-cognito-identity"),
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now())
  }
}

/** A body that is sent while it is made. An error after its beginning goes into the trailers. */
const stream = async (handler, event, context) => {
  const headers = {
    "Content-Type": "application/octet-stream",
    "Transfer-Encoding": "chunked",
    "Lambda-Runtime-Function-Response-Mode": "streaming",
    Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
  }
  const response = open("POST", `/invocation/${context.awsRequestId}/response`, headers)
  response.setContentType = (type) => response.setHeader("Content-Type", type)
  const answer = answered(response)
  try {
    // As on Lambda the function ends the stream; one that never does runs into its timeout.
    await handler(event, response, context)
  } catch (error) {
    if (!response.headersSent) {
      // Nothing has left yet, so it is an ordinary error.
      answer.catch(() => {})
      response.destroy()
      return invocationError(context.awsRequestId, error)
    }
    const document = errorDocument(error)
    process.stderr.write(`${document}\n`)
    response.addTrailers({
      "Lambda-Runtime-Function-Error-Type": JSON.parse(document).errorType,
      "Lambda-Runtime-Function-Error-Body": Buffer.from(document).toString("base64")
    })
    response.end()
  }
  return answer
}

const handle = async (handler, event, context) => {
  const requestId = context.awsRequestId
  if (handler[streaming] !== undefined) return stream(handler, event, context)
  let body
  try {
    body = JSON.stringify(await handler(event, context)) ?? "null"
  } catch (error) {
    return invocationError(requestId, error)
  }
  return post(`/invocation/${requestId}/response`, body, { "Content-Type": "application/json" })
}

/** The libraries of layers. Node itself looks there for `require` alone, Lambda's runtime for `import` too. */
const libraryFolders = (process.env.NODE_PATH ?? "").split(":").filter((folder) => folder.endsWith("/node_modules"))
registerHooks({
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

const load = async () => {
  let module
  try {
    module = await import(pathToFileURL(file).href)
  } catch (error) {
    const missing = error?.code === "ERR_MODULE_NOT_FOUND" || error?.code === "MODULE_NOT_FOUND"
    const errorType =
      error instanceof SyntaxError ? "Runtime.UserCodeSyntaxError" : missing ? "Runtime.ImportModuleError" : undefined
    return failInit(errorDocument(error, errorType))
  }
  const handler = module[exportName] ?? module.default?.[exportName]
  if (typeof handler === "function") return handler
  const names = Object.keys(module).join(", ") || "nothing"
  const errorMessage = `${file} exports no function named ${exportName}. It exports ${names}.`
  return failInit(JSON.stringify({ errorType: "Runtime.HandlerNotFound", errorMessage, trace: [] }))
}

const lastResort = (errorType) => async (error) => {
  if (current === undefined) return failInit(errorDocument(error, errorType))
  await invocationError(current, error, errorType)
  process.exit(1)
}

process.on("uncaughtException", lastResort())
process.on("unhandledRejection", lastResort("Runtime.UnhandledPromiseRejection"))

const handler = await load()
for (;;) {
  current = undefined
  const request = open("GET", "/invocation/next", {})
  const next = answered(request)
  request.end()
  const { body, headers, status } = await next
  // Anything else means that this process has no business here any more.
  if (status !== 200) process.exit(1)
  const context = makeContext(headers)
  current = context.awsRequestId
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? ""
  let event
  try {
    event = JSON.parse(body)
  } catch (error) {
    await invocationError(current, error, "Runtime.MalformedEvent")
    continue
  }
  await handle(handler, event, context)
}
