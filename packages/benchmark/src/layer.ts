/** Layers, as `effect-lambda build` of a checkout makes them. */
import { execFile } from "node:child_process"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import type { Checkout } from "./checkout.ts"

/** The command line of a checkout. */
export const cli = "packages/cli/bin/effect-lambda.mjs"

/** The stub looks for the Node of Lambda's image, and `env` for a Node in PATH: both get the Node that runs this file. */
export const nodeEnv = {
  EFFECT_LAMBDA_NODE: process.execPath,
  PATH: `${dirname(process.execPath)}:/usr/bin:/bin`
}

/** @param signal ends the command */
export const effectLambda = (checkout: Checkout, args: ReadonlyArray<string>, signal: AbortSignal) =>
  promisify(execFile)(process.execPath, [join(checkout.folder, cli), ...args], { timeout: 300_000, signal })

export interface BuildOptions {
  readonly checkout: Checkout
  /** The file of the program in the checkout. */
  readonly entry: string
  readonly name: string
  /** The folder that the layer is built in. */
  readonly out: string
  readonly flags: ReadonlyArray<string>
  /** Ends the build. */
  readonly signal: AbortSignal
}

/** Builds a program of the checkout, and gives the folder of the layer. */
export const buildLayer = async ({ checkout, entry, flags, name, out, signal }: BuildOptions): Promise<string> => {
  const args = ["build", join(checkout.folder, entry), "--name", name, "--arch", process.arch, "--out", out]
  await effectLambda(checkout, [...args, "--no-zip", "--no-check", ...flags], signal)
  return join(out, `${name}-${process.arch}`)
}
