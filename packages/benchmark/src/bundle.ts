import { join } from "node:path"
import { rolldown } from "rolldown"
import type { Checkout } from "./checkout.ts"

export const packageFolder = join(import.meta.dirname, "..")
const bundles = join(packageFolder, "dist/bundles")

/**
 * As a user would ship it: one minified CommonJS file (an ES module that imports node:http starts 30 ms later). The sources
 * and what they import are those of the checkout.
 *
 * @param side the folder below dist/bundles
 */
export const bundle = async (checkout: Checkout, side: "against" | "here", input: string): Promise<string> => {
  const file = join(bundles, side, input.replace(/.*\//, "").replace(/\.ts$/, ".cjs"))
  const build = await rolldown({
    input: join(checkout.folder, input),
    platform: "node",
    // Getters without effects: what is only read at module level need not be kept.
    treeshake: { propertyReadSideEffects: false },
    transform: { define: { "import.meta": "{}" } },
    checks: { pluginTimings: false }
  })
  await build.write({ file, format: "cjs", minify: true, comments: false, codeSplitting: false })
  await build.close()
  return file
}
