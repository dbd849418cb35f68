/** The binary that `npm run test:llrt` builds is one that Lambda can start. */
import { assert, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import * as Elf from "../../src/check/Elf.ts"
import * as FunctionRuntime from "../../src/check/FunctionRuntime.ts"
import { updates } from "../../../tools/llrt/crate.ts"
import { survivesReset, version } from "../../src/layer/Llrt.ts"

const binary = process.env.EFFECT_LAMBDA_LLRT ?? ""

it("is LLRT in the version of the repository", () => {
  const said = execFileSync(binary, ["--version"], { encoding: "utf8", env: {} })
  assert.strictEqual(said.trim(), `LLRT v${version} (linux, ${process.arch})`)
})

it("needs no newer glibc than Amazon Linux 2023 has, wherever it was built", () => {
  const elf = Elf.parse(readFileSync(binary))
  assert.isDefined(elf)
  assert.isUndefined(FunctionRuntime.lacks("al2023", elf))
})

it("goes on when a client resets its connection, as the tables of listeners try it", () => {
  assert.isTrue(survivesReset(readFileSync(binary)), `${binary} is no binary that npm run pack:llrt has made`)
})

it.each(Object.entries(updates))("has %s in the version without known faults", (crate, to) => {
  // Rust keeps the paths of the sources, for messages.
  assert.isTrue(readFileSync(binary).includes(`/${crate}-${to}/`), `${binary} has another version than ${to}`)
})
