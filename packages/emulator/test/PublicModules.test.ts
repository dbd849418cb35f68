/** The modules that users can import, and nothing of the machinery behind them. */
import * as emulator from "@effect-lambda/emulator"
import { assert, it } from "@effect/vitest"
import * as Fs from "node:fs"

const names = ["Emulator", "EmulatorError", "Fault", "Journal", "Limits", "LogLine", "Profile", "Timeline", "Variables"]

it("the package exports the modules that users need", () => {
  assert.deepStrictEqual(Object.keys(emulator).toSorted(), names)
  const files = Fs.readdirSync(new URL("../src/", import.meta.url)).filter((name) => name.endsWith(".ts"))
  assert.deepStrictEqual(files.toSorted(), [...names.map((name) => `${name}.ts`), "index.ts"])
})

it.each(["internal/wire/Wire", "internal/environment/EnvironmentState", "internal/server/RuntimeApiServer"])(
  "%s cannot be imported",
  (name) => {
    assert.throws(() => import.meta.resolve(`@effect-lambda/emulator/${name}`), /is not defined by "exports"/)
  }
)
