import { defineConfig } from "vitest/config"

/** Tests that build a program in Go: not part of `npm test`, which needs Node and npm only. */
export default defineConfig({
  root: import.meta.dirname,
  test: { include: ["*/test/go/*.go-test.ts"], testTimeout: 120_000 }
})
