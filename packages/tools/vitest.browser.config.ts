/** The tests that look at the report page in Chromium: not part of `npm test`, which needs Node and npm only. */
import { dirname } from "node:path"
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: dirname(import.meta.dirname),
  test: { include: ["cli/test/browser/*.browser-test.ts"], testTimeout: 180_000, hookTimeout: 60_000 }
})
