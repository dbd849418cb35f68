/** The files that the type check of a build looks at, and its note if the entry is not among them. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { symlinkSync } from "node:fs"
import { join } from "node:path"
import * as TypeCheck from "../src/build/TypeCheck.ts"
import * as Project from "./support/projects.ts"

afterAll(Project.remove)

const wrong = 'export const count: number = "three"'
const typeError = "the types are wrong (--no-check builds anyway):\nsrc/main.ts(1,14): error TS2322"

let count = 0
/** The note, or the error. */
const checked = Effect.fnUntraced(function* (main: string, files: Readonly<Record<string, unknown>>) {
  const texts = Object.entries(files).map(([path, content]) => [
    path,
    typeof content === "string" ? content : JSON.stringify(content)
  ])
  const project = Project.make(`checked-${++count}`, {
    "package.json": Project.manifest(),
    "src/main.ts": main,
    ...Object.fromEntries(texts)
  })
  symlinkSync(join(import.meta.dirname, "../../../node_modules/typescript"), join(project, "node_modules/typescript"))
  const outcome = yield* Effect.result(TypeCheck.run({ entry: join(project, "src/main.ts"), project }))
  return Result.isFailure(outcome) ? String(outcome.failure.cause) : outcome.success
})

const solution = { files: [], references: [{ path: "./all" }] }
const all = { files: [], references: [{ path: "../other" }, { path: "../tsconfig.app.json" }] }
const app = { compilerOptions: { composite: true, types: [], lib: ["es5"] }, include: ["src"] }
const other = { compilerOptions: { composite: true, types: [], lib: ["es5"] }, include: ["*.ts"] }

describe("a solution of projects", () => {
  const files = {
    "tsconfig.json": solution,
    "all/tsconfig.json": all,
    "tsconfig.app.json": app,
    "other/tsconfig.json": other
  }

  it.live("the one with the entry is checked", () =>
    Effect.gen(function* () {
      assert.include(yield* checked(wrong, files), typeError)
      assert.isUndefined(yield* checked("export const count: number = 3", files))
    })
  )

  const unbuilt = {
    "tsconfig.json": { files: [], references: [{ path: "./tsconfig.app.json" }] },
    "tsconfig.app.json": { ...app, references: [{ path: "./shared" }] },
    "shared/tsconfig.json": other,
    "shared/a.ts": "export const three: number = 3"
  }
  const main = 'import { three } from "../shared/a"\nexport const count: number = three'

  it.live("the one with the entry refers to one that is not built: tsc builds it", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* checked(main, unbuilt),
        "the projects that tsconfig.app.json refers to were not built: tsc -b shared/tsconfig.json has built them"
      )
    })
  )

  it.live("an error that follows from a missing reference is no error of the program, but another error is", () =>
    Effect.gen(function* () {
      const said = yield* checked(`${main}\nexport const four: number = "four"`, unbuilt)
      assert.match(said ?? "", /^the types are wrong .*\nsrc\/main\.ts\(3,14\): error TS2322: [^\n]+$/)
    })
  )

  it.live("a reference that cannot be built", () =>
    Effect.gen(function* () {
      const said = yield* checked(main, { ...unbuilt, "shared/a.ts": 'export const three: number = "three"' })
      const words =
        /^the types of the projects that tsconfig\.app\.json refers to are wrong .*\nshared\/a\.ts\(1,14\): error TS2322/
      assert.match(said ?? "", words)
    })
  )

  it.live("that refer to each other, without the entry", () =>
    Effect.gen(function* () {
      const circle = { "tsconfig.json": solution, "all/tsconfig.json": { files: [], references: [{ path: ".." }] } }
      assert.strictEqual(
        yield* checked(wrong, circle),
        "types are not checked: tsconfig.json does not include src/main.ts"
      )
    })
  )
})

it.live("a configuration without the entry", () =>
  Effect.gen(function* () {
    const files = { "tsconfig.json": { files: ["a.ts"], compilerOptions: { types: [], lib: ["es5"] } }, "a.ts": 1 }
    assert.strictEqual(
      yield* checked(wrong, files),
      "types are not checked: tsconfig.json does not include src/main.ts"
    )
  })
)

it.live("a configuration with the entry: errors only, without the list of files", () =>
  Effect.gen(function* () {
    const said = yield* checked(wrong, { "tsconfig.json": app })
    assert.include(said, typeError)
    assert.notMatch(said ?? "", /^\//m)
  })
)

describe("a package of a monorepo without a tsconfig.json", () => {
  const inMonorepo = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
    const root = Project.make(`monorepo-${++count}`, {
      "tsconfig.json": JSON.stringify({ compilerOptions: { types: [], lib: ["es5"] }, include: ["packages/*/src"] }),
      "packages/watcher/package.json": Project.manifest(),
      "packages/watcher/src/main.ts": wrong,
      ...files
    })
    symlinkSync(join(import.meta.dirname, "../../../node_modules/typescript"), join(root, "node_modules/typescript"))
    const project = join(root, "packages/watcher")
    const outcome = yield* Effect.result(TypeCheck.run({ entry: join(project, "src/main.ts"), project }))
    return Result.isFailure(outcome) ? String(outcome.failure.cause) : outcome.success
  })

  it.live.each<readonly [string, Readonly<Record<string, string>>]>([
    ["a workspace of npm", { "package.json": '{"workspaces":["packages/*"]}' }],
    ["a workspace of pnpm", { "pnpm-workspace.yaml": "packages: []" }],
    ["a repository", { ".git/HEAD": "" }]
  ])("%s: the one of its root is taken", ([, files]) =>
    Effect.gen(function* () {
      assert.include(yield* inMonorepo(files), typeError)
    })
  )

  it.live("a folder that only lies above is no part of the project", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* inMonorepo({}), "types are not checked: there is no tsconfig.json near the entry")
    })
  )
})
