/**
 * The headers of a delivery of AWS's emulator of managed instances: those of Go, and the hash with its padding
 * (docs/protocol.md#telemetry-on-managed-instances).
 */
import type { HttpSenderOptions } from "../Sender.ts"
import { sha256 } from "../Sender.ts"

export const headers: HttpSenderOptions["headers"] = (authority, _, body) => ({
  Host: authority,
  "User-Agent": "Go-http-client/1.1",
  "Content-Length": String(body.length),
  "Content-Type": "application/json",
  "Sequence-Id": sha256(body),
  "Accept-Encoding": "gzip"
})
