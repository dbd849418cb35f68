/** Gives a process only a loopback network, by a network namespace of Linux. */
import * as Effect from "effect/Effect"
import { execute } from "../../shared/Execute.ts"

type Command = readonly [string, ...ReadonlyArray<string>]

/** The arguments of this script are a command. The script is a constant, so no input becomes part of it. */
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
 * The words before a command that make it run without a network; empty if this machine does not permit that. This process
 * asks the machine once.
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
 * Variables for a machine that does not permit a namespace: they name proxies at a closed port, for clients that obey them.
 * Lambda's address is asked without a proxy.
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
