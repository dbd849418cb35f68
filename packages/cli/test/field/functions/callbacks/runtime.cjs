/** A runtime that gives the handler a callback, and reports an error of the handler. */
const { join } = require("node:path")

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`
// By its whole path: the layer waits for this one to be loaded.
const { handler } = require(join(process.env.LAMBDA_TASK_ROOT, "index.js"))

const answer = (command, context) =>
  handler(command, context, () => {}).then(
    (result) => ["response", result],
    (error) => ["error", { errorType: error.name, errorMessage: error.message }]
  )

const main = async () => {
  for (;;) {
    const next = await fetch(`${api}/next`)
    const header = (name) => next.headers.get(`lambda-runtime-${name}`)
    const awsRequestId = header("aws-request-id")
    const getRemainingTimeInMillis = () => Number(header("deadline-ms")) - Date.now()
    const context = { awsRequestId, invokedFunctionArn: header("invoked-function-arn"), getRemainingTimeInMillis }
    const [path, body] = await answer(await next.json(), context)
    await fetch(`${api}/${awsRequestId}/${path}`, { method: "POST", body: JSON.stringify(body) })
  }
}
main()
