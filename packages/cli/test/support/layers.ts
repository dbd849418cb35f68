/** Layers in the /opt layout, made by hand of what the build makes them of. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type AddressInfo, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** A directory with these files, removed with the scope; files in `extensions` or `bin` are executable. */
export const layerOf = (files: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const directory = mkdtempSync(join(tmpdir(), "layer-"))
      for (const [name, text] of Object.entries(files)) {
        const file = join(directory, name)
        mkdirSync(dirname(file), { recursive: true })
        writeFileSync(file, text)
        if (/(^|\/)(extensions|bin)\//.test(name)) chmodSync(file, 0o755)
      }
      return directory
    }),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )

/** Runs a file to its end; after ten seconds it is killed, which `signal` shows. */
export const execute = (
  file: string,
  env: Readonly<Record<string, string>>,
  args: ReadonlyArray<string> = [],
  cwd?: string
) =>
  Effect.callback<{
    readonly pid: number | undefined
    readonly code: number | null
    readonly signal: string | null
    readonly stdout: Buffer
    readonly stderr: string
  }>((resume) => {
    const child = spawn(file, args, { env: { ...env }, cwd, stdio: ["ignore", "pipe", "pipe"] })
    const stdout: Array<Buffer> = []
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk))
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    const timer = setTimeout(() => child.kill("SIGKILL"), 60_000)
    child.once("error", (error) => resume(Effect.die(error)))
    child.once("close", (code, signal) => {
      clearTimeout(timer)
      resume(Effect.succeed({ pid: child.pid, code, signal, stdout: Buffer.concat(stdout), stderr }))
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** A server on loopback; `answer` writes the bytes as soon as a whole request is there. */
export const hostileServer = Effect.fnUntraced(function* (
  answer: (socket: Socket, request: string) => void,
  onConnection: (socket: Socket) => void = () => {}
) {
  const sockets = new Set<Socket>()
  const requests: Array<string> = []
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => {})
    onConnection(socket)
    let received = ""
    socket.setEncoding("latin1").on("data", (text) => {
      received += text
      const [head = "", body] = received.split("\r\n\r\n", 2)
      const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0)
      if (body === undefined || body.length < length) return
      requests.push(received)
      answer(socket, received)
      received = ""
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )
  const { port } = server.address() as AddressInfo
  return {
    host: `127.0.0.1:${port}`,
    requests,
    /** Takes no connection any more. */
    close: () => void server.close()
  }
})
