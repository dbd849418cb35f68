import { join } from "node:path"
import { rolldown } from "rolldown"

export const packageFolder = join(import.meta.dirname, "..")
const bundles = join(packageFolder, "dist/bundles")

/** As a user would ship it: one minified CommonJS file (an ES module that imports node:http starts 30 ms later). */
export const bundle = async (input: string, name: string): Promise<string> => {
  const file = join(bundles, `${name}.cjs`)
  const build = await rolldown({
    input: join(packageFolder, input),
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
