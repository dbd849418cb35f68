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
    // Most tests wait for processes and sockets more than they compute.
    maxWorkers: 2,
    testTimeout: 15_000,
    hookTimeout: 30_000
  }
})
