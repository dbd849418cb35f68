// The function of `effect-lambda conform`, if no other is given. Its payload says what it prints and how it ends. Each
// line has a token, by which the sink knows it again.
import { closeSync, openSync, writeSync } from "node:fs"
import process from "node:process"

const call = async (url) => {
  try {
    const { status } = await fetch(url, { method: "POST", body: "{}", signal: AbortSignal.timeout(1000) })
    process.stdout.write(`conform call: ${status}\n`)
  } catch (error) {
    process.stdout.write(`conform call: ${error.cause?.code ?? error.name}\n`)
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const print = (token, { bytes = 0, json = false, lines = 3, notUtf8 = false }) => {
  for (let number = 1; number <= lines; number++) {
    const text = `conform-${token}-${number} `.padEnd(bytes, "x")
    process.stdout.write(`${json ? JSON.stringify({ level: "INFO", message: text, number }) : text}\n`)
  }
  if (notUtf8) process.stdout.write(Buffer.from([...Buffer.from(`conform-${token}-${lines + 1} `), 0xff, 0xc3, 0x0a]))
}

/** The bound is there for a /tmp that is not small, contrary to what the scenario asks for. */
const fillTmp = () => {
  const file = openSync("/tmp/conform-filled", "w")
  try {
    for (let kilobytes = 0; kilobytes < 4096; kilobytes++) writeSync(file, Buffer.alloc(1024))
  } catch (error) {
    process.stdout.write(`conform filled /tmp: ${error.code}\n`)
  } finally {
    closeSync(file)
  }
}

const init = JSON.parse(process.env.CONFORM_INIT ?? "{}")
if (init.lines !== undefined) print("00000000", init)
if (init.sleepMs !== undefined) await sleep(init.sleepMs)
if (init.call !== undefined) await call(init.call)

export const handler = async (command, { awsRequestId }) => {
  print(awsRequestId.slice(0, 8), command)
  if (command.call !== undefined) await call(command.call)
  if (command.sleepMs !== undefined) await sleep(command.sleepMs)
  if (command.fillTmp === true) fillTmp()
  switch (command.end) {
    case "throw":
      throw new Error("the function was asked to throw")
    case "exit":
      return process.exit(1)
    case "hang":
      return sleep(2_000_000_000)
    default:
      return { printed: command.lines ?? 3 }
  }
}
