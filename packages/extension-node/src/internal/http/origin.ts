/** The other side of a connection, and the way there. */
import type * as Redacted from "effect/Redacted"

/** A server that speaks HTTP. */
export interface Origin {
  readonly isSecure: boolean
  /** A name or an address; that of IPv6 without brackets. */
  readonly hostname: string
  readonly port: number
  /** As the Host header has it: the port is left out if it is the usual one. */
  readonly authority: string
}

/** A proxy: it passes on requests of `http:`, and connects to the servers of `https:` by CONNECT. */
export interface Via {
  /** `isSecure`: the connection to the proxy itself is TLS. */
  readonly proxy: Origin
  /** The value of the header `proxy-authorization`. */
  readonly authorization?: Redacted.Redacted<string> | undefined
}

/** The origin of a URL of `http:` or `https:`. */
export const originOf = ({ host, hostname, port, protocol }: URL): Origin => {
  const isSecure = protocol === "https:"
  return {
    isSecure,
    // The brackets of an IPv6 address belong to the URL, not to the address.
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || (isSecure ? 443 : 80)),
    authority: host
  }
}

/** `host:port`, for messages and for CONNECT. */
export const addressOf = ({ hostname, port }: Origin): string =>
  `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`
