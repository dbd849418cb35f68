/** The boundaries between the packages: the files that the compiler reads, the references, and the table of them. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { promisify } from "node:util"

const root = join(import.meta.dirname, "../..")
const read = (path: string) => readFileSync(join(root, path), "utf8")

const projects = globSync("packages/{*,examples/*}/tsconfig.json", { cwd: root }).map(dirname).toSorted()

const run = (command: string, args: ReadonlyArray<string>) =>
  promisify(execFile)(command, args, { cwd: root, maxBuffer: 2 ** 26 }).then(({ stdout }) => stdout)

/** The references as the compiler prints them: a tsconfig has comments, which JSON has not. */
const readReferences = async (project: string): Promise<ReadonlyArray<string>> => {
  const { references = [] }: { readonly references?: ReadonlyArray<{ readonly path: string }> } = JSON.parse(
    await run("tsc", ["-p", project, "--showConfig"])
  )
  return references.map(({ path }) => join(project, path))
}

const known = new Map<string, Promise<ReadonlyArray<string>>>()

const referencesOf = (project: string): Promise<ReadonlyArray<string>> => {
  const references = known.get(project) ?? readReferences(project)
  known.set(project, references)
  return references
}

/** A project, and everything that it reaches by references. */
const reached = async (project: string): Promise<ReadonlySet<string>> => {
  const all = new Set([project])
  for (const found of all) for (const next of await referencesOf(found)) all.add(next)
  return all
}

const dependenciesOf = (project: string): ReadonlyArray<string> => {
  const { dependencies = {}, peerDependencies = {} }: Record<string, Record<string, string> | undefined> = JSON.parse(
    read(`${project}/package.json`)
  )
  return Object.keys({ ...dependencies, ...peerDependencies })
}

const own = "@effect-lambda/"

/** The files that the compiler has read, as its last build noted them. */
const filesOf = (project: string): ReadonlyArray<string> => {
  const { fileNames }: { readonly fileNames: ReadonlyArray<string> } = JSON.parse(read(`${project}/dist/.tsbuildinfo`))
  // The libraries of the compiler are names without a folder.
  return fileNames.filter((file) => file.includes("/")).map((file) => join(project, "dist", file))
}

describe("a package imports only what its tsconfig refers to", () => {
  // Builds what has changed since the types were checked, so the notes are those of these sources.
  beforeAll(() => run("node", ["packages/tools/tsc.mjs", "-b", ...projects]).then(() => {}))

  it.each(projects)("%s", { timeout: 60_000 }, async (project) => {
    const allowed = await reached(project)
    const files = filesOf(project).filter((file) => file.startsWith("packages/") && !file.includes("node_modules"))
    assert.isAbove(files.length, 0)
    const foreign = files.filter((file) => ![...allowed].some((folder) => file.startsWith(`${folder}/`)))
    assert.deepStrictEqual(foreign, [])
  })
})

it("the emulator and the library share no definition", { timeout: 60_000 }, async () => {
  assert.deepStrictEqual([...(await reached("packages/emulator"))], ["packages/emulator"])
  assert.deepStrictEqual([...(await reached("packages/extension"))], ["packages/extension"])
})

it("the table of docs/architecture.md says what each package imports", { timeout: 60_000 }, async () => {
  const rows = Array.from(
    read("docs/architecture.md").matchAll(/^\| `(packages\/[\w*/-]+)` \|.*\| (.*) \|$/gm),
    ([, folder = "", imports = ""]) => ({
      folder,
      imports: Array.from(imports.matchAll(/`([^`]+)`/g), ([, name]) => name)
    })
  )
  const table = new Map(rows.map(({ folder, imports }) => [folder, imports.toSorted()]))
  for (const project of projects) {
    const isExample = project.startsWith("packages/examples/")
    const workspace = (await referencesOf(project)).map((path) => relative("packages", path))
    const others = dependenciesOf(project).filter((name) => !name.startsWith(own))
    assert.deepStrictEqual(
      table.get(isExample ? "packages/examples/*" : project),
      [...workspace, ...others].toSorted(),
      project
    )
  }
})

it("the library needs no unstable part of Effect but effect/http", () => {
  const imported = globSync("packages/{extension,extension-node}/src/**/*.ts", { cwd: root }).flatMap((file) =>
    Array.from(read(file).matchAll(/ from "(effect\/[\w/-]+)"/g), ([, module = ""]) => module)
  )
  const unstable = new Set(
    imported.filter((module) => {
      const [comment = ""] = /^\/\*\*.*?\*\//s.exec(read(`node_modules/effect/src/${module.slice(7)}.ts`)) ?? []
      return comment.includes("@stability unstable")
    })
  )
  assert.isAbove(unstable.size, 0)
  assert.deepStrictEqual(
    [...unstable].filter((module) => !module.startsWith("effect/http/")),
    []
  )
})
