/** The structure of each package as docs/architecture.md shows it: folders, the imports between them, and modules. */
import { readFileSync } from "node:fs"
import { join, relative } from "node:path"
import {
  arrowsOf,
  familyOf,
  folderOf,
  type ImportGraph,
  orderOf,
  packagesWithSources,
  readImports
} from "./ImportGraph.ts"

const root = join(import.meta.dirname, "../../..")

/** The document whose last part is rendered here. */
export const documentPath = join(root, "docs/architecture.md")

const start = "<!-- modules -->"
const end = "<!-- /modules -->"

/** The first sentence of the comment that a module begins with; `undefined` if it begins with none. */
export const firstSentence = (source: string): string | undefined => {
  const [, comment = ""] = /^(?:#!.*\n)?\/\*\*(.*?)\*\//s.exec(source) ?? []
  const text = comment.replaceAll(/\s*\n\s*\*?\s*/g, " ").trim()
  const [sentence = ""] = text.split(/(?<=[.!?])\s/)
  return sentence === "" || sentence.startsWith("@") ? undefined : sentence
}

/** A sentence of a comment as a cell: without tags, and with links to the protocol. */
const cellOf = (sentence: string) =>
  sentence
    .replaceAll(/\{@link ([^}]+)\}/g, "`$1`")
    .replaceAll(/docs\/protocol\.md(#[\w-]+)/g, (_, anchor: string) => {
      return `[${anchor.slice(1).replaceAll("-", " ")}](protocol.md${anchor})`
    })
    .replaceAll("|", "\\|")

/** The room of a folder: a folder of a family, or one of its internals, each with the folders inside it. */
const roomOf = (folder: string): string => {
  const parts = folder.split("/")
  const internal = parts.indexOf("internal")
  return parts.slice(0, internal === -1 ? 1 : internal + 2).join("/")
}

/** The folders of a package: the families from the top, each with its own folder before its internals. */
const foldersOf = (graph: ImportGraph): ReadonlyArray<string> => {
  const familyOfFolder = (folder: string) => familyOf(`${folder}/module.ts`)
  const families = orderOf(arrowsOf(graph, familyOf)).order
  const rooms = orderOf(arrowsOf(graph, (module) => roomOf(folderOf(module)))).order
  const ranks = (folder: string) => [
    families.indexOf(familyOfFolder(folder)),
    folder === familyOfFolder(folder) ? 0 : 1,
    rooms.indexOf(roomOf(folder))
  ]
  return [...new Set([...graph.keys()].map(folderOf))].toSorted().toSorted((one, other) => {
    const others = ranks(other)
    return ranks(one).reduce((order, rank, index) => (order === 0 ? rank - (others[index] ?? 0) : order), 0)
  })
}

const code = (names: ReadonlyArray<string>) => names.map((name) => `\`${name.replace(/\.ts$/, "")}\``).join(", ")

const renderPackage = (
  name: string,
  graph: ImportGraph,
  read: (path: string) => string,
  missing: Array<string>
): string => {
  const folders = foldersOf(graph)
  const arrows = arrowsOf(graph, folderOf)
  const modulesOf = (folder: string) => [...graph.keys()].filter((module) => folderOf(module) === folder).toSorted()
  const folderRows = folders.map((folder) => {
    const imports = arrows.filter(({ from }) => from === folder)
    const modules = imports.flatMap(({ imports, to }) => (to === "." ? imports.map(([, module]) => module) : []))
    const others = folders.filter((other) => other !== "." && imports.some(({ to }) => to === other))
    return `| \`${folder}\` | ${modulesOf(folder).length} | ${code([...others, ...new Set(modules.toSorted())])} |`
  })
  const moduleRows = folders.flatMap(modulesOf).map((module) => {
    const path = join("packages", name, "src", module)
    const sentence = firstSentence(read(path))
    if (sentence === undefined) missing.push(path)
    return `| [\`${module.replace(/\.ts$/, "")}\`](../${path}) | ${cellOf(sentence ?? "")} |`
  })
  return [
    `### Modules of \`${name}\``,
    "",
    ...(folders.length > 1 ? ["| folder | modules | imports |", "|---|---|---|", ...folderRows, ""] : []),
    "| module | contents |",
    "|---|---|",
    ...moduleRows
  ].join("\n")
}

/** The structure of these packages; modules without a comment are an error that names them. */
export const render = (graphs: ReadonlyMap<string, ImportGraph>, read: (path: string) => string): string => {
  const missing: Array<string> = []
  const texts = Array.from(graphs, ([name, graph]) => renderPackage(name, graph, read, missing))
  if (missing.length > 0) {
    throw new Error(`These modules begin with no comment that says what they hold:\n${missing.join("\n")}`)
  }
  return texts.join("\n\n")
}

const readingOrder = ["extension", "extension-node", "emulator", "cli"]

/** The structure of all packages that have sources, the published ones first. */
export const renderRepository = (): string => {
  const others = packagesWithSources().filter((name) => !readingOrder.includes(name))
  return render(readImports([...readingOrder, ...others]), (path) => readFileSync(join(root, path), "utf8"))
}

/** Puts the structure between the markers of the document; the text around them is written by hand. */
export const insert = (document: string, structure: string): string => {
  const [before, after] = [document.indexOf(start), document.indexOf(end)]
  if (before === -1 || after < before) {
    throw new Error(`${relative(root, documentPath)} has no section between ${start} and ${end}.`)
  }
  return `${document.slice(0, before)}${start}\n\n${structure}\n\n${document.slice(after)}`
}
