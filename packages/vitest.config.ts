import { defineConfig } from "vitest/config"

export default defineConfig({
  root: import.meta.dirname,
  test: {
    include: [
      "*/test/**/*.test.ts",
      "cli/templates/*/test/*.test.ts",
      "examples/*/test/**/*.test.ts",
      "test/**/*.test.ts"
    ],
    // Of three one mostly waits for a process or a limit of time: two cores are busy then, and the suite takes an eighth less.
    maxWorkers: 3,
    // A bound for a test that hangs, and no measure: a busy machine needs its time.
    testTimeout: 40_000,
    hookTimeout: 30_000
  }
})
