// The chatty function, which also sends its lines as Sentry's SDK sends an event: in an envelope to the tunnel on port 9000.
import process from "node:process"
import { handler as chatty } from "../../../conform/chatty.mjs"

const send = async (message) => {
  const lines = [{ dsn: process.env.SENTRY_DSN }, { type: "event" }, { message }]
  const body = lines.map((line) => JSON.stringify(line)).join("\n")
  try {
    await fetch("http://localhost:9000/envelope", { method: "POST", body, signal: AbortSignal.timeout(2000) })
  } catch (error) {
    process.stdout.write(`no tunnel: ${error.cause?.code ?? error.name}\n`)
  }
}

export const handler = async (command, context) => {
  const { lines = 3 } = command
  const token = context.awsRequestId.slice(0, 8)
  if (lines > 0) await send(Array.from({ length: lines }, (_, index) => `conform-${token}-${index + 1}`).join(" "))
  return chatty(command, context)
}
