/** The tests of every combination and of projects from the registry, which cost minutes: not part of `npm test`. */
import { dirname, join } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: dirname(import.meta.dirname),
  test: {
    globalSetup: join(import.meta.dirname, "programs.ts"),
    include: ["*/test/wide/*.wide-test.ts", "test/wide/*.wide-test.ts"],
    testTimeout: 120_000
  }
})
