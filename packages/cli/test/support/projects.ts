/** Projects of users in a temporary folder, for tests: their files, and the packages of this repository. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

const modules = join(import.meta.dirname, "../../../examples/hello/node_modules")

export const folder = mkdtempSync(join(tmpdir(), "build-"))

/** Removes all projects; tests in another file of the same process make the folder again. */
export const remove = () => rmSync(folder, { recursive: true, force: true })

/** Writes a project and gives its path. */
export const make = (name: string, files: Readonly<Record<string, string | Uint8Array>>): string => {
  const project = join(folder, name)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(project, path)), { recursive: true })
    writeFileSync(join(project, path), content)
  }
  mkdirSync(join(project, "node_modules"), { recursive: true })
  for (const name of ["effect", "@effect-lambda"]) symlinkSync(join(modules, name), join(project, "node_modules", name))
  return project
}

/** package.json with this configuration. */
export const manifest = (effectLambda: unknown = {}, name = "@acme/watcher"): string =>
  JSON.stringify({ name, type: "module", effectLambda })

/** A package `dep` with another copy of effect. */
export const otherEffect = {
  "node_modules/dep/package.json": '{"name":"dep","main":"index.js"}',
  "node_modules/dep/index.js": 'require("effect")',
  "node_modules/dep/node_modules/effect/package.json": '{"name":"effect","version":"4.0.9","main":"index.js"}',
  "node_modules/dep/node_modules/effect/index.js": "console.log(1)"
}

/** An extension that lives and does nothing. */
export const idle = `
import { Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
Extension.run({}).pipe(NodeExtension.runMain)`

/** An extension that calls `check` of `check.ts` with the id of each invocation, in line 9, and goes on after a failure. */
export const checking = `import { Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import { check } from "./check.ts"

Extension.run({
  onFailure: "continue",
  onDefect: "continue",
  onInvoke: (event) => Effect.sync(() => check(event.requestId))
}).pipe(NodeExtension.runMain)
`
