/** The proxies that the environment of this process names, for the client of sinks. */
import type { UnusedProxy } from "@effect-lambda/extension/telemetry/TelemetrySink"
import { makeExchange } from "#https"
import { type Origin, originOf, type Via } from "../http/origin.ts"
import { type Choice, choose, isSwitchedOn } from "./choice.ts"

export interface Proxies {
  /** The proxy for an origin. An error says why the proxy cannot be used; the origin is not reached without it. */
  readonly via: (origin: Origin) => Via | Error | undefined
  readonly unused: UnusedProxy
}

/** The `fetch` of LLRT takes no proxy. */
const isDirect = ({ isSecure }: Origin) => isSecure && makeExchange !== undefined

const remedy = "LLRT goes past every proxy for https: name the host in NO_PROXY, or build the layer for another runtime"

/** A proxy that nothing but an option asks for is no reason to send nothing. */
const withoutProxy = (isOption: boolean, origin: Origin): Choice => {
  const way = choose(process.env, isOption ? "option" : undefined, origin)
  if (way._tag === "Proxy") return { _tag: "Unusable", message: `no proxy can be used. ${remedy}` }
  return way._tag === "Unused" ? { ...way, remedy } : way
}

/** @param isOption whether an option asks for the proxies; otherwise the switch of Node may */
export const proxiesOfThisProcess = (isOption: boolean): Proxies => {
  const asked = isOption ? "option" : isSwitchedOn(process.env, process.execArgv) ? "switch" : undefined
  const wayTo = (origin: Origin) =>
    isDirect(origin) ? withoutProxy(isOption, origin) : choose(process.env, asked, origin)
  return {
    via: (origin) => {
      const way = wayTo(origin)
      if (way._tag === "Unusable") return new Error(way.message)
      return way._tag === "Proxy" ? way.via : undefined
    },
    unused: (text) => {
      const url = URL.parse(text)
      if (url === null) return undefined
      const way = wayTo(originOf(url))
      if (way._tag === "Unusable") return { problem: way.message }
      return way._tag === "Unused" ? way : undefined
    }
  }
}
