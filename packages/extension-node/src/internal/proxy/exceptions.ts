/** The servers that `NO_PROXY` excepts from a proxy. */
import type { Origin } from "../http/origin.ts"

type Server = Pick<Origin, "hostname" | "port">

const isInSubnet = (hostname: string, address: string, bits: number): boolean => {
  const family = address.includes(":") ? "ipv6" : "ipv4"
  const list = new (process.getBuiltinModule("node:net").BlockList)()
  try {
    list.addSubnet(address, bits, family)
  } catch {
    // The entry is not a subnet.
    return false
  }
  // A name, or an address of the other family, is in no subnet.
  return list.check(hostname, family)
}

/** `name`, `name:port`, `[address]:port`, or an address of IPv6 without brackets, which has more than one colon. */
const entryOf = (entry: string) => {
  const isBare = /^[^[]*:.*:/.test(entry)
  const [, text = entry, port] = isBare ? [] : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? [])
  const name = text.replace(/^\*?\./, "").replace(/\.$/, "")
  const address = name.replace(/^\[|\]$/g, "")
  // The parser writes an address in one way, and completes the end of one: `2.1` is no domain of `192.0.2.1`.
  const hostname = URL.parse(address.includes(":") ? `http://[${address}]` : `http://${name}`)?.hostname
  return { name: (hostname ?? name).replace(/^\[|\]$/g, ""), port }
}

const matches = (text: string, { hostname, port }: Server): boolean => {
  if (text === "" || text === "*") return text === "*"
  const [, address, bits] = /^\[?([\da-f.:]+)\]?\/(\d{1,3})$/.exec(text) ?? []
  if (address !== undefined) return isInSubnet(hostname, address, Number(bits))
  const entry = entryOf(text)
  if (entry.port !== undefined && Number(entry.port) !== port) return false
  const host = hostname.replace(/\.$/, "")
  return host === entry.name || host.endsWith(`.${entry.name}`)
}

/**
 * Whether the list excepts the server. Commas or spaces separate the entries. An entry is a name with all names below it,
 * with or without a dot or `*.` before it, an address or a subnet, and may have a port; `*` excepts every server.
 */
export const isExcepted = (list: string, server: Server): boolean =>
  list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => matches(entry, server))
