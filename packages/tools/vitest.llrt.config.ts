/** The tests on LLRT: not part of `npm test`, which needs Node and npm only. `npm run test:llrt` names the binary. */
import { dirname, join } from "node:path"
import process from "node:process"
import { defineConfig } from "vitest/config"
import { find } from "./llrt/cached.ts"

const binary = find()
if (binary === undefined) throw new Error("there is no LLRT: npm run test:llrt builds it")
process.env.EFFECT_LAMBDA_LLRT = binary

export default defineConfig({
  root: dirname(import.meta.dirname),
  test: {
    globalSetup: join(import.meta.dirname, "programs.ts"),
    include: ["**/*.llrt-test.ts"],
    testTimeout: 120_000,
    hookTimeout: 300_000
  }
})
