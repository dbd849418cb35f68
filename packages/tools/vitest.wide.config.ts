/** The tests of every combination, of packages from the registry, and of random records: minutes that are not part of `npm test`. */
import { dirname, join } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: dirname(import.meta.dirname),
  test: {
    globalSetup: join(import.meta.dirname, "programs.ts"),
    include: ["**/*.wide-test.ts"],
    testTimeout: 120_000
  }
})
