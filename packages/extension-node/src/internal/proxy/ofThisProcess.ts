/** The proxies that the environment of this process names, for the client of sinks. */
import type { UnusedProxy } from "@effect-lambda/extension/telemetry/TelemetrySink"
import { type Origin, originOf, type Via } from "../http/origin.ts"
import { choose, isSwitchedOn } from "./choice.ts"

export interface Proxies {
  /** The proxy for an origin. An error says why the proxy cannot be used; the origin is not reached without it. */
  readonly via: (origin: Origin) => Via | Error | undefined
  readonly unused: UnusedProxy
}

/** @param isOption whether an option asks for the proxies; otherwise the switch of Node may */
export const proxiesOfThisProcess = (isOption: boolean): Proxies => {
  const asked = isOption ? "option" : isSwitchedOn(process.env, process.execArgv) ? "switch" : undefined
  return {
    via: (origin) => {
      const way = choose(process.env, asked, origin)
      if (way._tag === "Unusable") return new Error(way.message)
      return way._tag === "Proxy" ? way.via : undefined
    },
    unused: (text) => {
      const url = URL.parse(text)
      if (url === null) return undefined
      const way = choose(process.env, asked, originOf(url))
      if (way._tag === "Unusable") return { problem: way.message }
      return way._tag === "Unused" ? way : undefined
    }
  }
}
