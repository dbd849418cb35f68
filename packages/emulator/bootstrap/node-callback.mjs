/** Handlers before Node 24: those that call back, those that return, and how long Lambda waits for them. */
import { RuntimeError, streamsOf } from "./node-handler.mjs"
import * as Logs from "./node-logs.mjs"

const neverSettled =
  "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes"

const deprecation =
  "AWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24. You will need to update this function to use an async handler to use Node.js 24 or later. For more information and to provide feedback on this change, see https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/137. To disable this warning, set the AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING environment variable."

const isAsync = (handler) => handler.constructor?.name === "AsyncFunction"

export const warnOfCallback = (handler) => {
  if (process.env.AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING !== undefined) return
  if (handler.length === 3 && !isAsync(handler) && !streamsOf(handler)) Logs.warn(deprecation)
}

/** Called when nothing is left that could wake the function up. */
let whenIdle = () => {}

process.on("beforeExit", () => whenIdle())

/**
 * Runs a handler and gives its result, or fails with its error. A callback counts when the event loop is empty, unless
 * `context.callbackWaitsForEmptyEventLoop` is false; `context.done` and its siblings, an error and a promise count at
 * once. A returned value that is no promise is not the result: without a callback the result is null.
 */
export const run = (handler, event, context) =>
  new Promise((resolve, reject) => {
    let finished = false
    const once =
      (act) =>
      (...values) => {
        if (finished) return
        finished = true
        whenIdle = () => {}
        act(...values)
      }
    const settle = (error, result) => (error === undefined || error === null ? resolve(result) : reject(error))
    let waits = true
    Object.defineProperty(context, "callbackWaitsForEmptyEventLoop", {
      enumerable: true,
      get: () => waits,
      set: (value) => {
        waits = value
      }
    })
    context.done = once(settle)
    context.succeed = once(resolve)
    context.fail = once((error) => reject(error ?? "handled"))
    const callback = once((error, result) => {
      if (!waits || (error !== undefined && error !== null)) return settle(error, result)
      whenIdle = () => resolve(result)
    })
    whenIdle = once(() => (isAsync(handler) ? reject(new RuntimeError("NodeJsExit", neverSettled)) : resolve(null)))
    try {
      const result = handler(event, context, callback)
      if (typeof result?.then === "function") result.then(context.succeed, context.fail)
    } catch (error) {
      callback(error)
    }
  })
