/** Sockets, files, log and signals as Node has them, and bun as well. */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { Runtime, Socket } from "./Runtime.ts"

/** {@link Runtime.createServer} */
export const createServer = (onConnection: (socket: Socket) => void) =>
  process.getBuiltinModule("node:net").createServer({ noDelay: true }, onConnection)

/** A larger body is compressed beside the event loop. The thread and the callback cost more than a smaller body itself. */
const maxSyncBytes = 65_536

/** {@link Runtime.gzip} */
export const gzip: Runtime["gzip"] = (body) =>
  Effect.callback((resume) => {
    const zlib = process.getBuiltinModule("node:zlib")
    if (body.length <= maxSyncBytes) return resume(Effect.succeed(zlib.gzipSync(body)))
    zlib.gzip(body, (error, bytes) => resume(error === null ? Effect.succeed(bytes) : Effect.die(error)))
  })

/** {@link Runtime.gunzip}: on the event loop, as the reading of a body is. The bound makes it short. */
export const gunzip: Runtime["gunzip"] = (body, maxBytes) => {
  try {
    return process.getBuiltinModule("node:zlib").gunzipSync(body, { maxOutputLength: Math.max(1, maxBytes) })
  } catch (cause) {
    return Predicate.hasProperty(cause, "code") && cause.code === "ERR_BUFFER_TOO_LARGE" ? "too long" : "not gzip"
  }
}

/** {@link Runtime.appendFile} */
export const appendFile: Runtime["appendFile"] = (path, bytes) =>
  process
    .getBuiltinModule("node:fs/promises")
    .open(path, "a")
    .then((file) =>
      file
        .stat()
        .then(({ size }) =>
          file.appendFile(bytes).catch((cause: unknown) =>
            file
              .truncate(size)
              // Truncating fails if the path is not a file on a disk; the cause is the error that counts.
              .catch(() => {})
              .then(() => Promise.reject(cause))
          )
        )
        .finally(() => file.close())
    )

/** {@link Runtime.logSize}: a terminal and a file do not count. */
export const logSize: Runtime["logSize"] = () => (process.stdout.bytesWritten ?? 0) + (process.stderr.bytesWritten ?? 0)

/** {@link Runtime.whenWritten} */
export const whenWritten: Runtime["whenWritten"] = (then) => {
  const unwritten = [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0)
  let left = unwritten.length
  if (left === 0) return then()
  const written = () => {
    left--
    if (left === 0) then()
  }
  // A pipe without a reader fails, and is done with as well.
  for (const stream of unwritten) stream.write("", written)
}

/** {@link Runtime.watchProcess} */
export const watchProcess: Runtime["watchProcess"] = ({ exception, exit, rejection, signal }) => {
  process.on("SIGINT", (name) => signal(name, 130))
  process.on("SIGTERM", (name) => signal(name, 143))
  process.on("uncaughtException", exception)
  process.on("unhandledRejection", rejection)
  process.on("exit", exit)
}
