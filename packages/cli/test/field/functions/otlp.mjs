// The chatty function, which also sends its lines as records of OTLP to port 4318, and then says that the handler is done.
import process from "node:process"
import { handler as chatty } from "../../../conform/chatty.mjs"

const post = async (path, headers, body) => {
  try {
    const options = { method: "POST", headers, body, signal: AbortSignal.timeout(2000) }
    await (await fetch(`http://127.0.0.1:4318${path}`, options)).arrayBuffer()
  } catch (error) {
    process.stdout.write(`no receiver: ${error.cause?.code ?? error.name}\n`)
  }
}

const logsOf = (texts) => {
  const logRecords = texts.map((text) => ({ timeUnixNano: `${Date.now()}000000`, body: { stringValue: text } }))
  return JSON.stringify({ resourceLogs: [{ resource: {}, scopeLogs: [{ scope: {}, logRecords }] }] })
}

export const handler = async (command, context) => {
  const { lines = 3 } = command
  const token = context.awsRequestId.slice(0, 8)
  const texts = Array.from({ length: lines }, (_, index) => `conform-${token}-${index + 1}`)
  if (lines > 0) await post("/v1/logs", { "content-type": "application/json" }, logsOf(texts))
  try {
    return await chatty(command, context)
  } finally {
    await post("/invocation/complete", { "lambda-request-id": context.awsRequestId })
  }
}
