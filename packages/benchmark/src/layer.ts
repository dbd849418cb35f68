/** Layers, as `effect-lambda build` of a checkout makes them. */
import { execFile } from "node:child_process"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import type { Checkout } from "./checkout.ts"

export const cli = "packages/cli/bin/effect-lambda.mjs"

/** The stub looks for the Node of Lambda's image, and `env` for a Node in PATH: both get the Node that runs this file. */
export const nodeEnv = {
  EFFECT_LAMBDA_NODE: process.execPath,
  PATH: `${dirname(process.execPath)}:/usr/bin:/bin`
}

/**
 * Builds a program of the checkout.
 *
 * @param out the folder for it
 * @param signal ends the build
 * @returns the folder of the layer
 */
export const buildLayer = async (
  checkout: Checkout,
  entry: string,
  out: string,
  flags: ReadonlyArray<string>,
  signal: AbortSignal
): Promise<string> => {
  const name = "layer"
  const args = ["build", join(checkout.folder, entry), "--name", name, "--arch", process.arch, "--out", out]
  await promisify(execFile)(
    process.execPath,
    [join(checkout.folder, cli), ...args, "--no-zip", "--no-check", ...flags],
    {
      timeout: 300_000,
      signal
    }
  )
  return join(out, `${name}-${process.arch}`)
}
