/**
 * The runtime is LLRT. What LLRT lacks of Node is in the prelude that the build puts before the program
 * (`packages/cli/llrt/prelude`): sockets, events of the process, and output as Node has them.
 */
import * as LambdaHttpClient from "../../LambdaHttpClient.ts"
import * as SinkHttpClient from "../../SinkHttpClient.ts"
import type { Runtime } from "./Runtime.ts"

export { createServer, gzip, logSize, watchProcess, whenWritten } from "./likeNode.ts"

/**
 * {@link Runtime.lambdaClient}: HTTP over LLRT's `net`. The stub hands over a connection only if it has polled there; the
 * prelude reads such a connection by another process, since LLRT takes over no descriptor.
 */
export const lambdaClient: Runtime["lambdaClient"] = (inherited) =>
  inherited === undefined ? LambdaHttpClient.layer : LambdaHttpClient.layerInheriting(inherited)

/** {@link Runtime.sinkClient}: HTTP over LLRT's `net`, and `fetch` for `https:`. */
export const sinkClient: Runtime["sinkClient"] = SinkHttpClient.layer

/** The length that the last four bytes of a gzip give, modulo 4 GiB. */
const lengthOf = (body: Uint8Array): number =>
  body.length < 18 ? -1 : new DataView(body.buffer, body.byteOffset + body.length - 4).getUint32(0, true)

/**
 * {@link Runtime.gunzip}: LLRT has no limit for the result, so the length that the sender has written counts. A sender that
 * lies about it is a process of the same environment.
 */
export const gunzip: Runtime["gunzip"] = (body, maxBytes) => {
  const length = lengthOf(body)
  if (length === -1) return "not gzip"
  if (length > maxBytes) return "too long"
  try {
    const bytes = process.getBuiltinModule("node:zlib").gunzipSync(body)
    return bytes.length > maxBytes ? "too long" : bytes
  } catch {
    return "not gzip"
  }
}

/**
 * {@link Runtime.appendFile}: LLRT does not say that a write failed, such as on a full disk. So the length of the file tells it.
 */
export const appendFile: Runtime["appendFile"] = (path, bytes) => {
  const fs = process.getBuiltinModule("node:fs/promises")
  const length = typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length
  return fs.open(path, "a").then((file) =>
    file.stat().then((before) =>
      file
        .write(Buffer.from(bytes))
        .finally(() => file.close())
        .then(() => fs.stat(path))
        .then((after) => {
          if (!before.isFile() || after.size === before.size + length) return undefined
          return truncate(path, before.size).then(() =>
            Promise.reject(new Error("only a part of the bytes could be written, such as on a full disk"))
          )
        })
    )
  )
}

const truncate = (path: string, length: number) =>
  process
    .getBuiltinModule("node:fs/promises")
    .open(path, "r+")
    .then((file) => file.truncate(length).finally(() => file.close()))
