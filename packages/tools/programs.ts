/**
 * Programs that tests start as processes, each bundled once in a run. A bundle starts in a quarter of the time that Node
 * needs for the hundreds of modules of its sources.
 */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join, relative } from "node:path"
import process from "node:process"
import { pathToFileURL } from "node:url"
import { type InputOptions, type Plugin, rolldown } from "rolldown"
import type { TestProject } from "vitest/node"

const root = join(import.meta.dirname, "../..")

/** The folder with the bundles of a run. `sources` starts the sources instead, for a debugger and for places in stack traces. */
const variable = "EFFECT_LAMBDA_TEST_PROGRAMS"

/**
 * A module keeps its place, so that a program finds the files beside its source. Text in quotes is no expression. Modules
 * beside a program that is in the same bundle have the place of the bundle: they find that program there.
 */
const place = (beside: ReadonlyArray<string>): Plugin => ({
  name: "place",
  transform: {
    filter: { id: /^(?!.*node_modules)/, code: "import.meta" },
    handler: (code, id) => {
      if (beside.some((program) => dirname(program) === dirname(id))) return undefined
      const places = { dirname: dirname(id), filename: id, url: pathToFileURL(id).href }
      return Object.entries(places).reduce(
        (changed, [name, path]) =>
          changed.replaceAll(new RegExp(`(?<!["\`])import\\.meta\\.${name}`, "g"), JSON.stringify(path)),
        code
      )
    }
  }
})

/** The bundler of the command is no JavaScript, and no folder above a bundle has it installed. */
const bundler: Plugin = {
  name: "bundler",
  resolveId: {
    filter: { id: /^rolldown($|\/)/ },
    handler: (id) => ({ id: import.meta.resolve(id), external: true })
  }
}

/** The runtimes that start a bundle by themselves. */
type Runtime = "node" | "bun"

/** The library has a module for each runtime. */
const inputOf: Readonly<Record<Runtime, InputOptions>> = {
  node: {},
  bun: { external: /^bun($|:)/, resolve: { conditionNames: ["bun"] } }
}

/** Bundles the program into a folder. A file has the name of the source, by which an extension registers. */
const write = async (
  source: string,
  folder: string,
  runtime: Runtime,
  beside: ReadonlyArray<string>
): Promise<void> => {
  const name = basename(source, ".ts")
  const bundle = await rolldown({
    input: [source, ...beside],
    platform: "node",
    plugins: [place(beside), bundler],
    ...inputOf[runtime]
  })
  await bundle.write({
    dir: folder,
    entryFileNames: runtime === "node" ? "[name].mjs" : "[name].ts",
    chunkFileNames: "[name]-[hash].mjs",
    // More than half of the bytes, which each process would read.
    comments: false
  })
  await bundle.close()
  if (runtime === "bun") return
  chmodSync(join(folder, `${name}.mjs`), 0o755)
  // Node would take types off a file with this name, but it looks at the name behind a link. bun registers by that.
  symlinkSync(`${name}.mjs`, join(folder, `${name}.ts`))
}

const makeFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "programs-"))
  process.env[variable] = folder
  return folder
}

const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true })

/** The global setup of Vitest. All workers, and runs that a test starts, share a folder. */
export const setup = (project: TestProject): (() => void) | undefined => {
  if (process.env[variable] !== undefined) return undefined
  const folder = makeFolder()
  project.onTestsRerun(() => {
    remove(folder)
    mkdirSync(folder)
  })
  return () => remove(folder)
}

const makeOwnFolder = (): string => {
  const folder = makeFolder()
  process.on("exit", () => remove(folder))
  return folder
}

const folder = process.env[variable] ?? makeOwnFolder()
const isSources = folder === "sources"

/** The folder for what Node has compiled, which programs get as `NODE_COMPILE_CACHE`. */
export const compileCache = isSources ? join(root, "node_modules/.cache/compile") : join(folder, "compile")

/** Makes a program once in a run, and gives its path. */
const once = async (
  name: string,
  target: string,
  path: string,
  make: (folder: string) => Promise<unknown>
): Promise<string> => {
  const program = join(target, path)
  if (existsSync(program)) return program
  const unfinished = mkdtempSync(join(folder, `${name}-`))
  await make(unfinished)
  mkdirSync(dirname(target), { recursive: true })
  try {
    renameSync(unfinished, target)
  } catch (error) {
    // Another worker was first.
    remove(unfinished)
    if (!existsSync(program)) throw error
  }
  return program
}

const targetOf = (source: string, runtime: string) =>
  join(folder, runtime, relative(root, dirname(source)), basename(source, ".ts"))

/** The program of this source on LLRT, as a file that starts it. The sources themselves cannot run there. */
export const onLlrt = (source: string): Promise<string> => {
  const name = basename(source, ".ts")
  return once(name, targetOf(source, "llrt"), `${name}/${name}.sh`, async (folder) => {
    const [{ write }, { runPromise }] = await Promise.all([import("./llrt/program.ts"), import("effect/Effect")])
    return runPromise(write(source, folder))
  })
}

/**
 * The program of this source, a path: for the runtime, or an executable file if the source has a `#!` line.
 *
 * @param beside the sources of programs that this one starts, which lie beside it in its bundle
 */
export const bundled = async (
  source: string,
  runtime: Runtime = "node",
  beside: ReadonlyArray<string> = []
): Promise<string> => {
  if (isSources) return source
  const name = basename(source, ".ts")
  return once(name, targetOf(source, runtime), `${name}.ts`, (folder) => write(source, folder, runtime, beside))
}
