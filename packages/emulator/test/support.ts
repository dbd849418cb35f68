/** Small programs and raw HTTP for the tests. Nothing here knows the code under test, nor any extension client. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import NodeProcess from "node:process"
import * as Emulator from "@effect-lambda/emulator/Emulator"
import type { EmulatorError } from "@effect-lambda/emulator/EmulatorError"
import type { Journal, JournalEntry } from "@effect-lambda/emulator/Journal"

/** A directory that is removed with the scope. */
export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "emulator-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
)

export const writeExecutable = (directory: string, name: string, text: string | Buffer, mode = 0o755): string => {
  const file = Path.join(directory, name)
  Fs.writeFileSync(file, text)
  Fs.chmodSync(file, mode)
  return file
}

/** Tells whether the processes of an environment find such a program in their `PATH`. */
export const hasProgram = (program: string): boolean =>
  ChildProcess.spawnSync(program, ["--version"], { env: { PATH: "/usr/local/bin:/usr/bin:/bin" } }).status === 0

export const hasPython = hasProgram("python3")

const preamble = `#!/usr/bin/env node
const http = require("node:http")
const path = require("node:path")
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":")
const agent = new http.Agent({ keepAlive: true })
const call = (method, url, headers = {}, body = "") => new Promise((resolve, reject) => {
  const request = http.request({ host, port, method, path: url, headers, agent }, (response) => {
    const chunks = []
    response.on("data", (chunk) => chunks.push(chunk))
    response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }))
  })
  request.on("error", reject)
  request.end(body)
})
let identifier
const register = async (events, name = path.basename(__filename)) => {
  const answer = await call("POST", "/2020-01-01/extension/register", { "Lambda-Extension-Name": name }, JSON.stringify({ events }))
  identifier = answer.headers["lambda-extension-identifier"]
  return answer
}
const identified = () => ({ "Lambda-Extension-Identifier": identifier })
const next = async () => JSON.parse((await call("GET", "/2020-01-01/extension/event/next", identified())).body)
const report = (route, type) => call("POST", "/2020-01-01/extension/" + route, { ...identified(), "Lambda-Extension-Function-Error-Type": type }, "{}")
const nextInvocation = async () => {
  const { headers, body } = await call("GET", "/2018-06-01/runtime/invocation/next")
  return { id: headers["lambda-runtime-aws-request-id"], headers, body }
}
const respond = (id, body) => call("POST", "/2018-06-01/runtime/invocation/" + id + "/response", {}, body)
`

/** A Node program with `register`, `next`, `report`, `nextInvocation`, `respond` at hand. */
export const script = (body: string): string => `${preamble}const main = async () => {\n${body}\n}\nmain()\n`

/** An extension that does what it should: handles events, exits at SHUTDOWN. */
export const politeExtension = script(`
  await register(["INVOKE", "SHUTDOWN"])
  for (;;) {
    const event = await next()
    console.log("handled " + event.eventType)
    if (event.eventType === "SHUTDOWN") process.exit(0)
  }`)

/** A function that echoes its payload. */
export const echoFunction = script(`
  for (;;) {
    const { id, body } = await nextInvocation()
    await respond(id, body)
  }`)

/** An environment for the scope of the test. */
/** After so long a test hangs. A busy machine needs its time, so this is no measure of speed. */
export const hangs = Duration.minutes(1)

/** An emulator whose journal waits as long as a busy machine needs. */
export const startEmulator = (
  options: Emulator.Options
): Effect.Effect<Emulator.Emulator["Service"], EmulatorError, Scope.Scope> =>
  Effect.map(Layer.build(Emulator.layer(options)), (context) => {
    const emulator = Context.get(context, Emulator.Emulator)
    return { ...emulator, journal: patient(emulator.journal) }
  })

const patient = (journal: Journal): Journal => {
  function waitFor<A extends JournalEntry>(
    refinement: (entry: JournalEntry) => entry is A,
    timeout?: Duration.Input
  ): Effect.Effect<A, EmulatorError>
  function waitFor(
    condition: (entry: JournalEntry) => boolean,
    timeout?: Duration.Input
  ): Effect.Effect<JournalEntry, EmulatorError>
  function waitFor(condition: (entry: JournalEntry) => boolean, timeout: Duration.Input = hangs) {
    return journal.waitFor(condition, timeout)
  }
  return { ...journal, waitFor }
}

export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends a request over a separate connection; interruption closes the connection. */
export const request = (
  address: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Buffer = ""
): Effect.Effect<RawAnswer> =>
  Effect.callback((resume) => {
    const [host, port] = address.split(":")
    const outgoing = Http.request({ host, port, method, path, headers, agent: false }, (incoming) => {
      const chunks: Array<Buffer> = []
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
      incoming.on("end", () => {
        const answered: Record<string, string> = {}
        for (const [name, value] of Object.entries(incoming.headers)) answered[name] = String(value)
        resume(
          Effect.succeed({
            status: incoming.statusCode ?? 0,
            headers: answered,
            body: Buffer.concat(chunks).toString("utf8")
          })
        )
      })
    })
    outgoing.on("error", (error) => resume(Effect.die(error)))
    outgoing.end(body)
    return Effect.sync(() => outgoing.destroy())
  })

export const isAlive = (pid: number): boolean => {
  try {
    NodeProcess.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Some containers have no process that collects an orphan: there it ends as a zombie, `Z`. */
export const processState = (pid: number): string => {
  try {
    return Fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(" ")[2] ?? "gone"
  } catch {
    return isAlive(pid) ? "alive" : "gone"
  }
}

/** Waits until a process is no more. */
export const awaitEnd = (pid: number) => awaitTrue(() => ["gone", "Z"].includes(processState(pid)))

/** Looks until the condition holds. */
export const awaitTrue = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.repeat({ until: (met) => met, schedule: Schedule.spaced("10 millis") }),
    Effect.timeout(hangs)
  )

/** Living processes with these two arguments beside each other, as Linux shows them; none elsewhere. */
export const processesNamed = (first: string, second: string): ReadonlyArray<number> => {
  if (NodeProcess.platform !== "linux") return []
  return Fs.readdirSync("/proc").flatMap((name) => {
    const pid = Number(name)
    if (!Number.isInteger(pid) || processState(pid) === "Z") return []
    try {
      return Fs.readFileSync(`/proc/${name}/cmdline`, "utf8").includes(`\0${first}\0${second}\0`) ? [pid] : []
    } catch {
      return []
    }
  })
}

/** Tells whether a server accepts connections at `host:port`. */
export const isListening = (address: string): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const [host, port] = address.split(":")
    const socket = Net.connect(Number(port), host ?? "")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed(true))
    })
    socket.once("error", () => resume(Effect.succeed(false)))
    return Effect.sync(() => socket.destroy())
  })
