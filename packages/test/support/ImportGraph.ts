/**
 * The imports between the modules of a package, as the compiler reads them: `import type` and `import()` count too.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { API } from "typescript/unstable/sync"

/** Each module with the modules that it imports, as paths below the folder of the sources. */
export type ImportGraph = ReadonlyMap<string, ReadonlyArray<string>>

const packages = resolve(import.meta.dirname, "../..")

/** The packages that have sources, as paths below `packages`. */
export const packagesWithSources = (): ReadonlyArray<string> =>
  ["", "examples"]
    .flatMap((folder) => readdirSync(join(packages, folder)).map((name) => join(folder, name)))
    .filter((name) => existsSync(join(packages, name, "src")) && existsSync(join(packages, name, "tsconfig.json")))
    .toSorted()

/** The modules that an import like `#runtime` may be, whatever the condition, as the package.json of the folder has them. */
const importsBelow = (folder: string): ReadonlyMap<string, ReadonlyArray<string>> => {
  const manifest = join(folder, "package.json")
  if (!existsSync(manifest)) return new Map()
  const { imports = {} }: { readonly imports?: Record<string, Record<string, string>> } = JSON.parse(
    readFileSync(manifest, "utf8")
  )
  const entries = Object.entries(imports)
  return new Map(entries.map(([name, targets]) => [name, Object.values(targets).map((path) => resolve(folder, path))]))
}

/** Reads the imports of every module in the `src` of a package. Each package is a folder with a `tsconfig.json`. */
const readFolders = (folders: ReadonlyArray<string>): ReadonlyArray<ImportGraph> => {
  const api = new API({ cwd: packages })
  try {
    const configs = folders.map((folder) => join(folder, "tsconfig.json"))
    const snapshot = api.updateSnapshot({ openProjects: configs })
    return folders.map((folder, index) => {
      const project = snapshot.getProject(configs[index] ?? "")
      if (project === undefined) throw new Error(`the compiler does not know the project of ${folder}`)
      const sources = join(folder, "src")
      const named = importsBelow(folder)
      const modules = project.rootFiles.filter((path) => path.startsWith(`${sources}/`)).toSorted()
      const importsOf = (path: string) => {
        const file = project.program.getSourceFile(path)
        if (file === undefined) throw new Error(`the compiler did not read ${path}`)
        const paths = file.imports
          .map((specifier) => file.text.slice(specifier.pos, specifier.end).trim().slice(1, -1))
          .flatMap((specifier) =>
            specifier.startsWith(".") ? [resolve(dirname(path), specifier)] : (named.get(specifier) ?? [])
          )
        return [...new Set(paths)].filter((other) => modules.includes(other))
      }
      return new Map(
        modules.map((path) => [relative(sources, path), importsOf(path).map((other) => relative(sources, other))])
      )
    })
  } finally {
    api.close()
  }
}

/** The imports of one package, in any folder. */
export const readFolder = (folder: string): ImportGraph => readFolders([folder])[0] ?? new Map()

/** The imports of these packages of the repository, by their paths below `packages`. */
export const readImports = (names: ReadonlyArray<string>): ReadonlyMap<string, ImportGraph> => {
  const graphs = readFolders(names.map((name) => join(packages, name)))
  return new Map(names.map((name, index) => [name, graphs[index] ?? new Map()]))
}

/** The groups of modules that import each other, directly or over others; a module that imports itself is one too. */
const knotsOf = (graph: ImportGraph): ReadonlyArray<ReadonlyArray<string>> => {
  // Tarjan's algorithm: every knot comes before the knots that import it.
  const indexes = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: Array<string> = []
  const knots: Array<ReadonlyArray<string>> = []
  const visit = (module: string): number => {
    const index = indexes.size
    let low = index
    indexes.set(module, index)
    lowest.set(module, low)
    stack.push(module)
    for (const other of graph.get(module) ?? []) {
      if (!indexes.has(other)) low = Math.min(low, visit(other))
      else if (stack.includes(other)) low = Math.min(low, indexes.get(other) ?? low)
    }
    lowest.set(module, low)
    if (low === index) knots.push(stack.splice(stack.indexOf(module)))
    return low
  }
  for (const module of graph.keys()) if (!indexes.has(module)) visit(module)
  return knots
}

/** The shortest way from a module back to itself; `undefined` if there is none. */
const circleThrough = (graph: ImportGraph, start: string): ReadonlyArray<string> | undefined => {
  const seen = new Set<string>()
  let ways: ReadonlyArray<ReadonlyArray<string>> = [[start]]
  while (ways.length > 0) {
    const longer: Array<ReadonlyArray<string>> = []
    for (const way of ways) {
      for (const next of graph.get(way[way.length - 1] ?? start) ?? []) {
        if (next === start) return [...way, start]
        if (seen.has(next)) continue
        seen.add(next)
        longer.push([...way, next])
      }
    }
    ways = longer
  }
  return undefined
}

/** A circle of imports through each module that has one, the shortest of each module, and each circle once. */
export const circlesOf = (graph: ImportGraph): ReadonlyArray<ReadonlyArray<string>> => {
  const circles = new Map<string, ReadonlyArray<string>>()
  for (const module of graph.keys()) {
    const circle = circleThrough(graph, module)
    const key = [...new Set(circle)].toSorted().join()
    if (circle !== undefined && !circles.has(key)) circles.set(key, circle)
  }
  return [...circles.values()]
}

/** How many floors the modules stand on: a module stands above every module that it imports, and a circle on one floor. */
export const floorsOf = (graph: ImportGraph): number => {
  const floors = new Map<string, number>()
  let highest = 0
  for (const knot of knotsOf(graph)) {
    const below = knot.flatMap((module) => graph.get(module) ?? []).filter((other) => !knot.includes(other))
    const floor = 1 + Math.max(0, ...below.map((other) => floors.get(other) ?? 0))
    for (const module of knot) floors.set(module, floor)
    highest = Math.max(highest, floor)
  }
  return highest
}

/** The imports between groups of modules; a group imports another by each of the listed pairs of modules. */
export interface Arrow {
  readonly from: string
  readonly to: string
  readonly imports: ReadonlyArray<readonly [from: string, to: string]>
}

/** The arrows between the groups that `groupOf` puts the modules into. Barrels draw no arrows. */
export const arrowsOf = (graph: ImportGraph, groupOf: (module: string) => string): ReadonlyArray<Arrow> => {
  const arrows = new Map<string, { from: string; to: string; imports: Array<readonly [string, string]> }>()
  for (const [module, imports] of graph) {
    if (module.endsWith("index.ts")) continue
    for (const other of imports) {
      const [from, to] = [groupOf(module), groupOf(other)]
      if (from === to) continue
      const key = `${from} ${to}`
      const arrow = arrows.get(key) ?? { from, to, imports: [] }
      arrow.imports.push([module, other])
      arrows.set(key, arrow)
    }
  }
  return [...arrows.values()]
}

/** The imports that run up in the order of the groups in which the fewest do, the topmost group first. */
export const orderOf = (
  arrows: ReadonlyArray<Arrow>
): { readonly order: ReadonlyArray<string>; readonly up: ReadonlyArray<readonly [from: string, to: string]> } => {
  const groups = [...new Set(arrows.flatMap(({ from, to }) => [from, to]))].toSorted()
  // The fewest for each set of the lowest groups, as bits; the last group of a set stands on top of it.
  const best: Array<{ readonly cost: number; readonly order: ReadonlyArray<number> }> = [{ cost: 0, order: [] }]
  const cost = groups.map((group) =>
    groups.map((other) => arrows.find(({ from, to }) => from === group && to === other)?.imports.length ?? 0)
  )
  for (let set = 1; set < 2 ** groups.length; set++) {
    for (let top = 0; top < groups.length; top++) {
      if ((set & (1 << top)) === 0) continue
      const below = best[set & ~(1 << top)]
      if (below === undefined) continue
      // A module below the new top that imports it runs up.
      const total = below.order.reduce((sum, lower) => sum + (cost[lower]?.[top] ?? 0), below.cost)
      const known = best[set]
      if (known === undefined || total < known.cost) best[set] = { cost: total, order: [top, ...below.order] }
    }
  }
  const order = (best[2 ** groups.length - 1]?.order ?? []).map((index) => groups[index] ?? "")
  const up = arrows.filter(({ from, to }) => order.indexOf(from) > order.indexOf(to)).flatMap(({ imports }) => imports)
  return { order, up }
}

/** The folder of a module; the folder of the sources is `.`. */
export const folderOf = (module: string): string => dirname(module)

/** The family of a module: its folder without the part from `internal` on, since internals belong to their family. */
export const familyOf = (module: string): string => {
  const parts = folderOf(module).split("/")
  const internal = parts.indexOf("internal")
  return (internal === -1 ? parts : parts.slice(0, internal)).join("/") || "."
}
