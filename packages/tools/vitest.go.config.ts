/** The tests that build a program in Go: not part of `npm test`, which needs Node and npm only. */
import { dirname } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: dirname(import.meta.dirname),
  test: { include: ["*/test/go/*.go-test.ts"], testTimeout: 120_000 }
})
