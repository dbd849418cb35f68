/** The DNS that the processes ask, by a private /etc/resolv.conf: a server that is not there, does not answer, or is slow. */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import * as Dgram from "node:dgram"
import * as EtcFiles from "./EtcFiles.ts"
import type { Form, Mount } from "./MountNamespace.ts"
import * as MountNamespace from "./MountNamespace.ts"

interface Refused {
  readonly said: string
}

/** After so long the slow server answers. A client of the C library waits 5 seconds before it asks again. */
export const slowMs = 3000

const file = "/etc/resolv.conf"
const nsswitchFile = "/etc/nsswitch.conf"

/** The end of the first question of a message; `undefined` if the message is none. */
const endOfQuestion = (message: Uint8Array): number | undefined => {
  for (let at = 12; at < message.length;) {
    const length = message[at] ?? 0
    if (length === 0) return at + 5 <= message.length ? at + 5 : undefined
    at += length + 1
  }
  return undefined
}

const typeA = 1

/** The answer to a question: 127.0.0.1 for a name's IPv4 address, nothing for what else a name may have. */
export const answerTo = (message: Uint8Array): Uint8Array | undefined => {
  const end = endOfQuestion(message)
  if (end === undefined) return undefined
  const question = message.subarray(12, end)
  const isAddress = message[end - 4] === 0 && message[end - 3] === typeA
  const head = [message[0] ?? 0, message[1] ?? 0, 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]
  // The name is that of the question, class IN, for no time, four bytes.
  const record = isAddress ? [0xc0, 12, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1] : []
  return Buffer.concat([Buffer.from(head), question, Buffer.from(record)])
}

const bind = (address: string): Effect.Effect<Dgram.Socket | Refused> =>
  Effect.callback((resume) => {
    const socket = Dgram.createSocket("udp4")
    socket.once("error", ({ message }) => {
      socket.close()
      resume(Effect.succeed({ said: message }))
    })
    socket.bind(53, address, () => resume(Effect.succeed(socket)))
  })

/** A loopback address whose port 53 is free, and the socket that has it. */
const bindAny = Effect.fnUntraced(function* () {
  let said = ""
  for (let last = 1; last <= 250; last++) {
    const address = `127.77.53.${last}`
    const bound = yield* Effect.acquireRelease(bind(address), (socket) =>
      Effect.sync(() => ("said" in socket ? undefined : socket.close()))
    )
    if (!("said" in bound)) return { address, socket: bound }
    said = bound.said
    if (!said.includes("EADDRINUSE")) break
  }
  return { said }
})

const serve = Effect.fnUntraced(function* (kind: "silent" | "slow") {
  const bound = yield* bindAny()
  if ("said" in bound) return bound
  const { address, socket } = bound
  const run = yield* FiberSet.makeRuntime<never>()
  socket.on("error", () => {
    // A client is gone.
  })
  socket.on("message", (message, { address: host, port }) => {
    const answer = kind === "slow" ? answerTo(message) : undefined
    if (answer !== undefined)
      run(
        Effect.delay(
          Effect.sync(() => socket.send(answer, port, host)),
          slowMs
        )
      )
  })
  return { address }
})

/** An address of loopback that nobody takes, unless a server listens on all of them. */
const absent = (): { readonly address: string } | Refused =>
  / 00000000:0035 /.test(EtcFiles.read("/proc/net/udp") ?? "")
    ? { said: "a DNS server of this machine listens on every loopback address" }
    : { address: "127.77.53.254" }

/** The same file with DNS by /etc/resolv.conf alone: some systems ask a service that knows the servers of the machine. */
const withoutServices = (nsswitch: string): string => nsswitch.replace(/^([ \t]*hosts:).*$/m, "$1 files dns")

/** Starts the server, and makes the files that name it. */
export const make = Effect.fnUntraced(function* (
  kind: "absent" | "silent" | "slow",
  path: string
): Effect.fn.Return<{ readonly form: Form; readonly mounts: ReadonlyArray<Mount> } | Refused, never, Scope.Scope> {
  if (EtcFiles.read(file) === undefined) return { said: `there is no ${file}` }
  const permission = yield* MountNamespace.permission(file, path)
  if (permission._tag === "Refused") return { said: permission.said }
  const server = kind === "absent" ? absent() : yield* serve(kind)
  if ("said" in server) return server
  const nsswitch = EtcFiles.read(nsswitchFile)
  const mounts = yield* EtcFiles.mounts({
    [file]: `nameserver ${server.address}\n`,
    ...(nsswitch === undefined ? undefined : { [nsswitchFile]: withoutServices(nsswitch) })
  })
  return { form: permission.form, mounts }
})
