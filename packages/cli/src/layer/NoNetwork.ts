/** A process without a network but its own loopback, by a network namespace of Linux. */
import * as Effect from "effect/Effect"
import { execute } from "./Execute.ts"

type Command = readonly [string, ...ReadonlyArray<string>]

/** The arguments are a command. A constant: nothing from outside becomes part of it. */
const loopbackAndRun = 'PATH="$PATH:/usr/sbin:/sbin" ip link set lo up && exec "$@"'

const asRoot: Command = ["unshare", "--net", "--", "sh", "-c", loopbackAndRun, "sh"]

/** Without the rights of root the process is root of a namespace of users first. */
const asUser: Command = ["unshare", "--user", "--map-root-user", "--net", "--", "sh", "-c", loopbackAndRun, "sh"]

const isPermitted = ([file, ...args]: Command) =>
  execute(file, [...args, "true"], { timeoutMillis: 5000 }).pipe(
    Effect.as(true),
    Effect.orElseSucceed(() => false)
  )

/**
 * What goes before a command, so that it runs without a network; empty if this machine does not permit that. The machine
 * is asked once in the life of this process.
 */
export const prefix: Effect.Effect<ReadonlyArray<string>> = Effect.runSync(
  Effect.cached(
    Effect.gen(function* () {
      if (yield* isPermitted(asRoot)) return asRoot
      return (yield* isPermitted(asUser)) ? asUser : []
    })
  )
)

const closed = "http://127.0.0.1:9"

/**
 * Of a machine that does not permit it: proxies that nobody listens at, for clients that obey these variables. Lambda's
 * address is asked without a proxy.
 */
export const closedProxies: Readonly<Record<string, string>> = {
  HTTP_PROXY: closed,
  http_proxy: closed,
  HTTPS_PROXY: closed,
  https_proxy: closed,
  ALL_PROXY: closed,
  all_proxy: closed,
  NO_PROXY: "127.0.0.1",
  no_proxy: "127.0.0.1",
  NODE_USE_ENV_PROXY: "1"
}
