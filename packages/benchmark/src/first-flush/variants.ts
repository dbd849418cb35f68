/** The layers whose first flushes are compared: telemetry-ship over our client, over `fetch`, and that of another checkout. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { packageFolder } from "../bundle.ts"
import type { Checkout } from "../checkout.ts"
import { buildLayer, cli, nodeEnv } from "../layer.ts"
import type { Scheme } from "./lab.ts"
import type { Ship } from "./life.ts"

const ship = "packages/examples/telemetry-ship/src/telemetry-ship.ts"
const shipFetch = "packages/benchmark/src/entries/ship-fetch.ts"
const shipSockets = "packages/benchmark/src/entries/ship-sockets.ts"

/** The files that a checkout must have. */
export const needs = [cli, ship]

/** The same layer, over HTTP and over HTTPS. */
export type Both = Readonly<Record<Scheme, Ship>>

const both = (label: string, file: string): Both => {
  const over = (scheme: Scheme): Ship => ({ label: `${label}, ${scheme}`, file, env: nodeEnv, scheme })
  return { http: over("http"), https: over("https") }
}

const build = async (
  checkout: Checkout,
  entry: string,
  out: string,
  flags: ReadonlyArray<string>,
  signal: AbortSignal
): Promise<Both> => {
  const label = `${out} of ${checkout.name}`
  console.error(`building ${label} …`)
  const target = join(packageFolder, "dist/first-flush", out)
  // The trial run has no network, so no address is reached there.
  const env = ["--env", "TELEMETRY_URL=http://127.0.0.1:9/"]
  const layer = await buildLayer({ checkout, entry, name: "ship", out: target, flags: [...env, ...flags], signal })
  return both(label, join(layer, "extensions/ship"))
}

export interface Variants {
  readonly ours: Both
  readonly fetch: Both
  /** Both clients on bun; `undefined`: this machine has no bun. */
  readonly bun: { readonly ours: Both; readonly fetch: Both } | undefined
}

const hasBun = () => existsSync(join(packageFolder, `../../node_modules/@oven/bun-${process.platform}-${bunArch}`))
const bunArch = process.arch === "arm64" ? "aarch64" : process.arch

/** @param signal ends the build that is running */
export const variants = async (checkout: Checkout, signal: AbortSignal): Promise<Variants> => {
  const onBun = ["--runtime", "bun"]
  return {
    ours: await build(checkout, ship, "telemetry-ship", [], signal),
    fetch: await build(checkout, shipFetch, "telemetry-ship over fetch", [], signal),
    bun: hasBun()
      ? {
          ours: await build(checkout, shipSockets, "telemetry-ship over sockets, bun", onBun, signal),
          fetch: await build(checkout, shipFetch, "telemetry-ship over fetch, bun", onBun, signal)
        }
      : undefined
  }
}

/** telemetry-ship of another checkout, over its own client. */
export const other = (checkout: Checkout, signal: AbortSignal): Promise<Both> =>
  build(checkout, ship, "telemetry-ship against", [], signal)
