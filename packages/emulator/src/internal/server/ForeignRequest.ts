/**
 * Requests that a web page makes a browser send. The two servers listen on loopback, and any page that a developer
 * looks at can reach loopback through the browser. Such a page would run the function, or read what the processes are
 * told.
 */
import type * as Http from "node:http"
import * as Net from "node:net"

/** Names and addresses of this machine. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" ||
  host.endsWith(".localhost") ||
  host === "::1" ||
  host === "[::1]" ||
  (Net.isIPv4(host) && host.startsWith("127."))

/** The processes of a sandbox may know their own machine by these. */
const sandboxNames = new Set(["sandbox", "sandbox.localdomain"])

const hostOf = (authority: string): string => authority.replace(/:\d{1,5}$/, "").toLowerCase()

const isOwnHost = (authority: string): boolean => {
  const host = hostOf(authority)
  return host === "" || isLoopback(host) || sandboxNames.has(host)
}

const isOwnOrigin = (origin: string): boolean =>
  URL.canParse(origin) && new URL(origin).protocol === "http:" && isLoopback(new URL(origin).hostname)

/** A sentence that says why a request does not come from a client on this machine; `undefined` if it may. */
export const refusalOf = ({ headers }: Pick<Http.IncomingMessage, "headers">): string | undefined => {
  const { host = "", origin } = headers
  // A page may have been loaded from a name that leads to this machine: the owner of a name decides its address in DNS.
  if (!isOwnHost(host)) return `The header Host is ${JSON.stringify(host)}. Ask for 127.0.0.1 or localhost.`
  if (origin !== undefined && !isOwnOrigin(origin)) {
    return `A web page of ${JSON.stringify(origin)} sent this request. Only pages of this machine may.`
  }
  return headers["sec-fetch-site"] === "cross-site"
    ? "A web page of another site sent this request. Only pages of this machine may."
    : undefined
}
