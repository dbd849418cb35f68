/** Bundles the programs that are measured, as a user would ship them. */
import { basename, join } from "node:path"
import { rolldown } from "rolldown"
import type { Checkout } from "./checkout.ts"

export const packageFolder = join(import.meta.dirname, "..")
const bundles = join(packageFolder, "dist/bundles")

/**
 * Bundles a program as a user would ship it: one minified CommonJS file (an ES module that imports node:http starts 30 ms
 * later). The sources and their imports are those of the checkout.
 *
 * @param side the folder below dist/bundles
 * @param minify `false` keeps the names and writes a source map beside the bundle, for a profile
 */
export const bundle = async (
  checkout: Checkout,
  side: "against" | "here",
  input: string,
  minify = true
): Promise<string> => {
  const file = join(bundles, side, `${basename(input, ".ts")}${minify ? "" : ".plain"}.cjs`)
  const build = await rolldown({
    input: join(checkout.folder, input),
    platform: "node",
    // Reading a property has no effect, so a bare read at module level is left out.
    treeshake: { propertyReadSideEffects: false },
    transform: { define: { "import.meta": "{}" } },
    checks: { pluginTimings: false }
  })
  await build.write({ file, format: "cjs", minify, comments: false, codeSplitting: false, sourcemap: !minify })
  await build.close()
  return file
}
