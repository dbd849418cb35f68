/** Answers of a server as raw bytes. Programs on every runtime can import them: a runtime may have no server of HTTP. */

/** Chunks are written one by one, each in a separate packet; afterwards the connection is kept or cut. */
export type Answer =
  | { readonly chunks: ReadonlyArray<string | Uint8Array>; readonly afterwards: "keep" | "close" | "reset" }
  /** Never answered. */
  | "park"

export const reset: Answer = { chunks: [], afterwards: "reset" }

export const http = (
  status: string,
  body: string | ReadonlyArray<Uint8Array>,
  headers: Record<string, string> = {}
): Exclude<Answer, "park"> => {
  const chunks = typeof body === "string" ? [Buffer.from(body)] : body
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  const lines = Object.entries({ "Content-Length": String(length), ...headers }).map(([k, v]) => `${k}: ${v}\r\n`)
  return { chunks: [`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`, ...chunks], afterwards: "keep" }
}
