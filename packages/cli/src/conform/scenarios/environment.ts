/** Scenarios of variables and limits that an extension shares with the function. */
import { pathToFileURL } from "node:url"
import * as Observe from "../play/Observe.ts"
import { agent } from "../play/Programs.ts"
import type { Scenario } from "../play/Scenario.ts"

/** Nothing listens on the port of the old discard service. */
const deadProxy = "http://127.0.0.1:9"

const proxyVariables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]

const sharedVariables = "An extension sees the variables of the function, which are set for the function."

export const environment: ReadonlyArray<Scenario> = [
  {
    name: "environment/no-home",
    title: "HOME names a folder that is not there.",
    basis: "documented",
    aws: "The user of the sandbox has no home, and only /tmp can be written to.",
    protocol: "docs/protocol.md#files",
    advice: "Keep files in /tmp, and expect none in HOME.",
    needs: ["INVOKE"],
    setup: () => ({ environment: { HOME: "/home/sbx_user1051" } }),
    play: (run) => Observe.worksOn(run, "with a HOME that is not there")
  },
  {
    name: "environment/locale",
    title: "The locale is Turkish, whose i has other capitals, and the time zone has a quarter of an hour.",
    basis: "documented",
    aws: `LANG, LC_ALL and TZ can be set by the function. ${sharedVariables}`,
    protocol: "docs/protocol.md#environment-variables",
    advice: "Compare names of the protocol as they are, or without a locale.",
    needs: ["INVOKE"],
    setup: () => ({ environment: { LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8", TZ: "Asia/Kathmandu" } }),
    play: (run) => Observe.worksOn(run, "with a Turkish locale")
  },
  {
    name: "environment/proxy",
    title: "The function is behind a proxy: HTTP_PROXY, HTTPS_PROXY and ALL_PROXY are set, and the proxy is down.",
    basis: "documented",
    aws: `The Runtime API is on this host, and no proxy leads to it. ${sharedVariables}`,
    protocol: "docs/protocol.md#environment-variables",
    advice: "Never use a proxy for AWS_LAMBDA_RUNTIME_API, whatever the variables say.",
    needs: ["INVOKE"],
    setup: () => ({
      environment: Object.fromEntries(
        proxyVariables.flatMap((name) => [
          [name, deadProxy],
          [name.toLowerCase(), deadProxy]
        ])
      )
    }),
    play: (run) => Observe.worksOn(run, "with the variables of a proxy")
  },
  {
    name: "environment/node-options",
    title: "NODE_OPTIONS loads a module that works in the function, and in no other process.",
    basis: "documented",
    aws: `Agents are loaded so, and read variables that extensions do not have, such as _HANDLER. ${sharedVariables}`,
    protocol: "docs/protocol.md#environment-variables",
    advice: "Unset NODE_OPTIONS before Node starts, in the script that starts it.",
    needs: ["INVOKE"],
    setup: () => ({ environment: { NODE_OPTIONS: `--import ${pathToFileURL(agent).href}` } }),
    play: (run) => Observe.worksOn(run, "with NODE_OPTIONS of the function")
  }
]
