/** The LLRT that programs of a benchmark run on. */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Checkout } from "./checkout.ts"

/** The path of the binary, or the sentence that says why there is none. */
export type Found = { readonly path: string } | { readonly note: string }

/** A program of the checkout on LLRT, as a file that starts it. */
export const program = async ({ folder }: Checkout, entry: string, out: string): Promise<string> => {
  const write = join(folder, "packages/tools/llrt/program.ts")
  const { stdout } = await promisify(execFile)(process.execPath, [write, join(folder, entry), out])
  return stdout.trim()
}

/** The binary that `EFFECT_LAMBDA_LLRT` names, or the one that `npm run test:llrt` has built in the checkout. */
export const find = async ({ folder }: Checkout): Promise<Found> => {
  try {
    const main = join(folder, "packages/tools/llrt/main.ts")
    const { stdout } = await promisify(execFile)(process.execPath, [main, "--where"])
    return { path: stdout.trim() }
  } catch (cause) {
    const said = String(Reflect.get(Object(cause), "stderr") ?? "").trim()
    return { note: `There is no program on LLRT: ${said === "" ? String(cause) : said}` }
  }
}
