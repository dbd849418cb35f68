/** The proxy variables that `fetch` of this process does not obey. */
import type { UnusedProxy } from "@effect-lambda/extension/telemetry/TelemetrySink"

type Variables = Readonly<Record<string, string | undefined>>

/** The facts that decide whether `fetch` goes through the proxy of the variables. */
export interface Runtime {
  /** Node knows `NODE_USE_ENV_PROXY`, from 22.21 on. */
  readonly knowsSwitch: boolean
  readonly execArgv: ReadonlyArray<string>
}

const flag = "--use-env-proxy"

/** The first of these variables that has a value. Lower case comes first, as in other tools. */
const setOf = (variables: Variables, name: string) =>
  [name.toLowerCase(), name].find((spelling) => (variables[spelling] ?? "") !== "")

// Two processes of the same machine need no proxy between them.
const isLocal = (hostname: string) => /^(?:127\.[\d.]+|\[::1\]|(?:.+\.)?localhost|sandbox\.localdomain)$/.test(hostname)

/** A host of the list, with or without a dot or `*.` before it, includes its subdomains, as in curl. */
const isExcepted = (list: string, { host, hostname }: URL) =>
  list
    .toLowerCase()
    .split(/[\s,]+/)
    .map((entry) => entry.replace(/^\*?\./, ""))
    .some(
      (entry) =>
        entry === "*" || entry === host || entry === hostname || (entry !== "" && hostname.endsWith(`.${entry}`))
    )

/** The proxy variable that a request to this URL does not obey, and what to do about it. */
export const unusedProxy =
  (variables: Variables, runtime: Runtime): UnusedProxy =>
  (text) => {
    const url = URL.parse(text)
    if (url === null || isLocal(url.hostname)) return undefined
    const wanted = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY"
    const variable = setOf(variables, wanted) ?? setOf(variables, "ALL_PROXY")
    if (variable === undefined) return undefined
    const exceptions = setOf(variables, "NO_PROXY")
    if (exceptions !== undefined && isExcepted(variables[exceptions] ?? "", url)) return undefined
    const hasFlag = [...runtime.execArgv, ...(variables["NODE_OPTIONS"] ?? "").split(" ")].includes(flag)
    const isSwitchedOn = runtime.knowsSwitch && (hasFlag || variables["NODE_USE_ENV_PROXY"] === "1")
    const isKnown = variable.toUpperCase() === wanted
    if (isSwitchedOn && isKnown) return undefined
    const set = isKnown ? "NODE_USE_ENV_PROXY=1" : `${wanted} and NODE_USE_ENV_PROXY=1`
    return {
      variable,
      remedy: runtime.knowsSwitch
        ? `Set ${set} to go through it, or name the host in NO_PROXY`
        : `Node 22.21 and newer go through it with ${set}; or name the host in NO_PROXY`
    }
  }

/** {@link unusedProxy} for this process. */
export const ofThisProcess: UnusedProxy = (url) =>
  unusedProxy(process.env, {
    // Node makes this set when it is read, so it is read only after a variable names a proxy.
    get knowsSwitch() {
      return process.allowedNodeEnvironmentFlags.has(flag)
    },
    execArgv: process.execArgv
  })(url)
