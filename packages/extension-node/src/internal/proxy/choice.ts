/** The proxy that the variables of the environment name for a server, and whether it is used. */
import * as Result from "effect/Result"
import type { Origin, Via } from "../http/origin.ts"
import { isExcepted } from "./exceptions.ts"
import { parse } from "./proxyUrl.ts"

type Variables = Readonly<Record<string, string | undefined>>

/** `option`: an option of the client asks for the proxy. `switch`: the switch of Node does, as it does for `fetch`. */
export type Asked = "option" | "switch" | undefined

/** How a server is reached. */
export type Choice =
  | { readonly _tag: "Direct" }
  | { readonly _tag: "Proxy"; readonly via: Via }
  /** The variable names a proxy, and nothing asks for it. */
  | { readonly _tag: "Unused"; readonly variable: string; readonly remedy: string }
  /** The proxy is asked for, and the variable has no proxy that can be used. */
  | { readonly _tag: "Unusable"; readonly message: string }

/** The first of these variables that has a value. Lower case comes first, as in other tools. */
const setOf = (variables: Variables, names: ReadonlyArray<string>) =>
  names.flatMap((name) => [name.toLowerCase(), name]).find((spelling) => (variables[spelling] ?? "").trim() !== "")

// Two processes of the same machine need no proxy between them.
const isLocal = (hostname: string) =>
  /^(?:127\.[\d.]+|::1|(?:.+\.)?localhost\.?|sandbox\.localdomain\.?)$/.test(hostname)

/** With its switch Node takes `HTTP_PROXY` for `https:` as well; other tools do not. */
const namesOf = (isSecure: boolean, asked: Asked) =>
  !isSecure
    ? ["HTTP_PROXY", "ALL_PROXY"]
    : asked === "switch"
      ? ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"]
      : ["HTTPS_PROXY", "ALL_PROXY"]

const remedy =
  'SinkHttpClient.layerWith({ proxy: "environment" }) or NODE_USE_ENV_PROXY=1 makes it go through the proxy; ' +
  "otherwise name the host in NO_PROXY"

/** Chooses the way to a server. */
export const choose = (variables: Variables, asked: Asked, origin: Origin): Choice => {
  const variable = setOf(variables, namesOf(origin.isSecure, asked))
  if (variable === undefined || isLocal(origin.hostname)) return { _tag: "Direct" }
  const exceptions = setOf(variables, ["NO_PROXY"])
  if (exceptions !== undefined && isExcepted(variables[exceptions] ?? "", origin)) return { _tag: "Direct" }
  if (asked === undefined) return { _tag: "Unused", variable, remedy }
  return Result.match(parse(variables[variable] ?? ""), {
    onSuccess: (via): Choice => ({ _tag: "Proxy", via }),
    onFailure: (problem): Choice => ({ _tag: "Unusable", message: `${variable} ${problem}` })
  })
}

/** Whether the switch of Node is on. The stub of a layer takes `NODE_OPTIONS` away, but not the variable. */
export const isSwitchedOn = (variables: Variables, execArgv: ReadonlyArray<string>): boolean =>
  variables["NODE_USE_ENV_PROXY"] === "1" ||
  [...execArgv, ...(variables["NODE_OPTIONS"] ?? "").split(" ")].includes("--use-env-proxy")
