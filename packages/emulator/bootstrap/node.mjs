/**
 * Runs an exported function as a Lambda function: loads the module, asks the Runtime API for invocations, answers them.
 * The program does around a handler what Lambda's own runtime does, by the rules of the Node that runs it.
 *
 *     _EFFECT_LAMBDA_FUNCTION='{"file":"/path/to/index.mjs","export":"handler","handler":"index.handler"}' node node.mjs
 *
 * Plain JavaScript without dependencies, started by the emulator as the function's process. The program gets no
 * arguments, since wrappers put their own before the last one.
 */
import { createRequire } from "node:module"
import * as Util from "node:util"
import * as Callback from "./node-callback.mjs"
import { RuntimeError, load, nodeMajor, streamsOf } from "./node-handler.mjs"
import * as Logs from "./node-logs.mjs"

Logs.start()

// An import would read `WebSocket` too, for which Node loads a client that takes longer than the start of Node.
const Http = createRequire(import.meta.url)("node:http")

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":")
const agent = new Http.Agent({ keepAlive: true })
const runtime = "/2018-06-01/runtime"

/** The id of the invocation at work, for an error that was not caught. */
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

const isError = (value) =>
  Util.types.isNativeError(value) ||
  [value?.name, value?.message, value?.stack].every((part) => typeof part === "string")

/** The error document of Lambda's own Node runtime. */
const documentOf = (error) => {
  try {
    return isError(error)
      ? {
          errorType: String(error.name),
          errorMessage: String(error.message),
          trace: error.stack === undefined ? [] : String(error.stack).split("\n")
        }
      : { errorType: typeof error, errorMessage: String(error), trace: [] }
  } catch {
    const errorMessage =
      "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack"
    return { errorType: "handled", errorMessage, trace: [] }
  }
}

/** Node writes headers as Latin-1, and refuses control characters. */
const headerText = (text) => Buffer.from(String(text).replaceAll(/\p{Cc}/gu, " "), "utf8").toString("latin1")

/** Logs an error, and gives its document and the header for its type. */
const logged = (what, error) => {
  const document = documentOf(error)
  const json = JSON.stringify(document)
  Logs.logError(what, error, json)
  return { json, errorType: headerText(document.errorType) }
}

const report = (path, what, error) => {
  const { errorType, json } = logged(what, error)
  return post(path, json, {
    "Content-Type": "application/json",
    "Lambda-Runtime-Function-Error-Type": errorType
  })
}

const failInit = async (what, error) => {
  await report("/init/error", what, error)
  process.exit(1)
}

const invocationError = (requestId, error, what = "Invoke Error") =>
  report(`/invocation/${requestId}/error`, what, error)

const contextOf = (headers) => {
  const environment = process.env
  const deadline = Number(headers["lambda-runtime-deadline-ms"])
  const parse = (name) => {
    // An empty header says nothing.
    if (!headers[name]) return undefined
    try {
      // Node reads headers as Latin-1; these hold UTF-8.
      return JSON.parse(Buffer.from(headers[name], "latin1").toString("utf8"))
    } catch (error) {
      throw new RuntimeError("PlatformError", `Failed to parse ${name} as JSON: ${error.message}`)
    }
  }
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
    getRemainingTimeInMillis: () => deadline - Date.now()
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
  const write = response.write.bind(response)
  // As on Lambda all that is neither text nor bytes is sent as JSON.
  response.write = (chunk, ...others) =>
    write(typeof chunk === "string" || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk), ...others)
  const answer = answered(response)
  try {
    const result = handler(event, response, context)
    if (typeof result?.then !== "function") throw new Error("Streaming does not support non-async handlers.")
    // As on Lambda the function ends the stream; a function that never does runs into its timeout.
    if ((await result) !== undefined) Logs.warn("Streaming handlers ignore return values.")
  } catch (error) {
    if (!response.headersSent) {
      // Nothing has left yet, so it is an ordinary error.
      answer.catch(() => {})
      response.destroy()
      return invocationError(context.awsRequestId, error)
    }
    const { errorType, json } = logged("Invoke Error", error)
    response.addTrailers({
      "Lambda-Runtime-Function-Error-Type": errorType,
      "Lambda-Runtime-Function-Error-Body": Buffer.from(json).toString("base64")
    })
    response.end()
  }
  return answer
}

const serialized = (result) => {
  try {
    return JSON.stringify(result) ?? "null"
  } catch {
    throw new RuntimeError("JSONStringifyError", "Unable to stringify response body")
  }
}

const respond = async (handler, { body, headers }) => {
  const requestId = headers["lambda-runtime-aws-request-id"]
  let result
  try {
    const context = contextOf(headers)
    const event = JSON.parse(body)
    if (streamsOf(handler)) return await stream(handler, event, context)
    result = serialized(await (nodeMajor >= 24 ? handler(event, context) : Callback.run(handler, event, context)))
  } catch (error) {
    return invocationError(requestId, error)
  }
  return post(`/invocation/${requestId}/response`, result, { "Content-Type": "application/json" })
}

const lastResort = async (what, error, code) => {
  try {
    await (current === undefined ? report("/init/error", what, error) : invocationError(current, error, what))
  } finally {
    // The process ends even if the report did not arrive.
    process.exit(code)
  }
}

process.on("uncaughtException", (error) => lastResort("Uncaught Exception", error, 129))
process.on("unhandledRejection", (reason, promise) => {
  const error = new RuntimeError("UnhandledPromiseRejection", String(reason))
  return lastResort("Unhandled Promise Rejection", Object.assign(error, { reason, promise }), 128)
})

const run = async () => {
  const handler = await load().catch((error) => failInit(nodeMajor >= 24 ? "Init Error" : "Uncaught Exception", error))
  if (nodeMajor < 24) Callback.warnOfCallback(handler)
  for (;;) {
    current = undefined
    const request = open("GET", "/invocation/next", {})
    const next = answered(request)
    request.end()
    const invocation = await next
    // Anything else means that this process has no business here any more.
    if (invocation.status !== 200) process.exit(1)
    const { headers } = invocation
    current = headers["lambda-runtime-aws-request-id"]
    Logs.setInvocation(current, headers["lambda-runtime-aws-tenant-id"])
    if (headers["lambda-runtime-trace-id"]) process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"]
    else delete process.env._X_AMZN_TRACE_ID
    await respond(handler, invocation)
  }
}

// Not awaited: if a promise of the function never settles, the process ends with 0, as on Lambda. Node would end with 13
// and a warning that names this file.
run().catch((error) => lastResort("Uncaught Exception", error, 129))
