/**
 * Looks at a layer that any tool made for everything that keeps extensions from running in Lambda.
 *
 * @since 0.1.0
 */
import * as NodePath from "node:path"
import type { LayerContent } from "../layer/LayerContent.ts"
import type { LayerEntry } from "../layer/LayerEntry.ts"
import { maxUnzippedBytes, maxUploadBytes } from "../layer/LayerLimits.ts"
import * as SymbolicLink from "../layer/SymbolicLink.ts"
import { word } from "../shared/Shell.ts"
import * as UserError from "../shared/UserError.ts"
import * as ExtensionFindings from "./ExtensionFindings.ts"
import * as FileFindings from "./FileFindings.ts"
import { type Finding, isExtensionPath, type Layer, type Target } from "./Finding.ts"

const maxExtensions = 10

/** A file of this name in `/opt` switches off every extension. */
const killSwitch = "disable-extensions-jwigqn8j"

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MB`

const error = (code: string, path: string, message: string, advice: string): Finding => ({
  code,
  severity: "error",
  path,
  message,
  advice
})

const warning = (code: string, path: string, message: string, advice: string): Finding => ({
  code,
  severity: "warning",
  path,
  message,
  advice
})

/** Finds what keeps a path from being unpacked into `/opt`. */
const pathFindings = ({ path }: LayerEntry): ReadonlyArray<Finding> => {
  const advice = "zip again, with paths relative to the layer's root and slashes"
  if (path.includes("\\")) {
    return [error("path", path, "the path has backslashes, which Linux takes for letters of one file name", advice)]
  }
  if (path.startsWith("/") || /^[A-Za-z]:/.test(path)) return [error("path", path, "the path is absolute", advice)]
  if (path.length >= SymbolicLink.longestPath) {
    const message = `its path has ${path.length} characters, and Linux takes less than ${SymbolicLink.longestPath}`
    return [error("path", `${path.slice(0, 100)}…`, message, "zip again, with shorter paths")]
  }
  return path === "" ||
    path.includes("\0") ||
    path.split("/").some((part) => part === "" || part === "." || part === "..")
    ? [error("path", path, "the path does not lead to a place inside the layer", advice)]
    : []
}

const modeFindings = ({ kind, mode, path }: LayerEntry): ReadonlyArray<Finding> => {
  if (kind === "other") {
    return [error("kind", path, "the entry is neither a file nor a directory nor a symbolic link", "remove it")]
  }
  if (mode === undefined || kind === "symlink" || isExtensionPath(path)) return []
  const needed = kind === "directory" ? 0o005 : 0o004
  return (mode & needed) === needed
    ? []
    : [
        error(
          "unreadable",
          path,
          `the mode ${mode.toString(8)} lets only the owner read it, and extensions run as another user`,
          `chmod ${kind === "directory" ? "755" : "644"} ${path}, then zip again`
        )
      ]
}

const nowhere = {
  outside: "which is outside the layer",
  missing: "which is not in the layer",
  loop: "which leads in a circle"
}

/** Finds what is wrong with a symbolic link, or else with the file that Lambda starts by it. */
const linkFindings = (link: LayerEntry, layer: Layer): ReadonlyArray<Finding> => {
  const { path } = link
  const advice = "put the file itself there, or a relative link to a file of the layer"
  const followed = SymbolicLink.follow(path, layer)
  const said = `the entry is a symbolic link to ${JSON.stringify(SymbolicLink.targetOf(link))}`
  if (typeof followed === "string") return [error("link", path, `${said}, ${nowhere[followed]}`, advice)]
  if (!isExtensionPath(path)) return []
  if (followed.kind === "directory") {
    return [error("link", path, `${said}, which is a directory; Lambda starts files only`, advice)]
  }
  return followed.kind === "file" && followed.size <= maxUnzippedBytes
    ? ExtensionFindings.find(path, followed.mode, followed.read(), layer)
    : []
}

/** Zips need not have entries for directories. */
const withDirectories = (entries: ReadonlyArray<LayerEntry>): Map<string, LayerEntry> => {
  const found = new Map<string, LayerEntry>()
  for (const entry of entries) {
    // A path of this length cannot be unpacked, and each of its folders would become an entry here.
    if (entry.path.length >= SymbolicLink.longestPath) continue
    const parts = entry.path.split("/")
    for (let end = parts.length - 1; end > 0; end--) {
      const path = parts.slice(0, end).join("/")
      if (found.has(path)) break
      found.set(path, { path, kind: "directory", mode: 0o755, size: 0, read: () => new Uint8Array() })
    }
    found.set(entry.path, entry)
  }
  return found
}

const collisions = (entries: ReadonlyArray<LayerEntry>): ReadonlyArray<Finding> => {
  const spellings = new Map<string, string>()
  return entries.flatMap(({ kind, path }) => {
    const first = spellings.get(path.toLowerCase())
    spellings.set(path.toLowerCase(), path)
    if (first === undefined) return []
    if (first !== path) {
      const message = `the path differs from ${first} in upper and lower case only; macOS and Windows keep one of the two files`
      return [warning("case", path, message, "rename one of them")]
    }
    return kind === "directory"
      ? []
      : [error("duplicate", path, "the zip holds this path more than once", "zip into a new file")]
  })
}

/** Says whether extensions are in the folder that Lambda looks into, and if not, in which folder they are. */
const placeFindings = (entries: ReadonlyArray<LayerEntry>): ReadonlyArray<Finding> => {
  const extensions = entries.filter(({ kind, path }) => kind !== "directory" && isExtensionPath(path))
  const folders = new Set(entries.map(({ path }) => /^extensions\/[^/]+(?=\/)/.exec(path)?.[0] ?? ""))
  const deep = Array.from(folders)
    .filter((path) => path !== "")
    .map((path) =>
      warning(
        "nested",
        path,
        "this directory is in extensions/, and Lambda starts files only: nothing in it is ever started",
        `move it out of extensions/, to ${NodePath.posix.basename(path)}/`
      )
    )
  if (extensions.length > maxExtensions) {
    const message = `the layer has ${extensions.length} extensions; Lambda starts ${maxExtensions} for a function, all layers together`
    return [...deep, error("too-many", "extensions", message, "make one layer of each, and use those that are needed")]
  }
  if (extensions.length > 0) return deep
  const wrapped = entries
    .filter(({ kind, path }) => kind !== "directory" && /^(?!extensions\/).+\/extensions\/[^/]+$/.test(path))
    .map(({ path }) => path)
    .toSorted((a, b) => a.length - b.length)[0]
  if (wrapped !== undefined) {
    const folder = NodePath.posix.dirname(NodePath.posix.dirname(wrapped))
    const message = `${wrapped} is one level too deep: Lambda starts files of extensions/ at the top of the layer only`
    return [
      error(
        "wrapped",
        folder,
        message,
        `zip the content of the folder, not the folder: cd ${word(folder)} && zip -r ../layer.zip .`
      )
    ]
  }
  const other = entries.find(({ path }) => /^extensions?(?:\/|$)/i.test(path))?.path.split("/")[0]
  const program = entries.find(
    ({ kind, mode = 0, path }) => kind === "file" && !path.includes("/") && (mode & 0o111) > 0
  )
  const hint =
    other !== undefined && other !== "extensions"
      ? `; there is ${other}/, but the name is extensions/`
      : program === undefined
        ? ""
        : `; ${program.path} is at the top of the layer`
  return [
    ...deep,
    error(
      "no-extension",
      "extensions",
      `there is no file in extensions/${hint}`,
      "put the program that Lambda starts there"
    )
  ]
}

const sizeFindings = (content: LayerContent): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const unpacked = content.entries.reduce((total, { size }) => total + size, 0)
  if (unpacked > maxUnzippedBytes) {
    const message = `the layer unpacks to ${megabytes(unpacked)}; Lambda takes 250 MB for a function with all of its layers`
    findings.push(error("size", "", message, "leave out files that the extension does not need at run time"))
  }
  if (content.packedBytes !== undefined && content.packedBytes > maxUploadBytes) {
    const message = `the zip has ${megabytes(content.packedBytes)}; Lambda takes 50 MB in a request`
    findings.push(warning("zip-size", "", message, "upload it to S3 and publish the layer from there"))
  }
  for (const [code, pattern, what] of [
    ["node-modules", /(?:^|\/)node_modules(?=\/)/, "a node_modules folder"],
    ["source-map", /\.(?:[cm]?js|css)\.map$/, "source maps"]
  ] as const) {
    const found = content.entries.filter(({ kind, path }) => kind === "file" && pattern.test(path))
    const [first] = found
    if (first === undefined) continue
    const match = pattern.exec(first.path)
    findings.push({
      code,
      severity: "note",
      path: code === "node-modules" ? first.path.slice(0, (match?.index ?? 0) + (match?.[0].length ?? 0)) : first.path,
      message: `the layer has ${what}: ${found.length} files, ${megabytes(found.reduce((total, { size }) => total + size, 0))}`,
      advice:
        code === "node-modules" ? "a bundle starts faster and is smaller" : "keep them beside the layer, not in it"
    })
  }
  return findings
}

/** Finds what is wrong with the bytes of an entry, or of its target if it is a symbolic link in extensions/. */
const contentFindings = (entry: LayerEntry, layer: Layer): ReadonlyArray<Finding> => {
  const { kind, mode, path, size } = entry
  // Such a file is not worth the memory: its size is an error already.
  if (kind === "directory" || kind === "other" || size > maxUnzippedBytes) return []
  try {
    if (kind === "symlink") return linkFindings(entry, layer)
    const bytes = entry.read()
    return FileFindings.find(path, bytes, layer).concat(
      isExtensionPath(path) ? ExtensionFindings.find(path, mode, bytes, layer) : []
    )
  } catch (cause) {
    const message = `the entry cannot be unpacked: ${UserError.reasonOf(cause)}`
    return [error("damaged", path, message, "zip again, without encryption, stored or deflated")]
  }
}

/**
 * Finds everything that is wrong with a layer.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (content: LayerContent, target: Target): ReadonlyArray<Finding> => {
  const { entries } = content
  const found = withDirectories(entries)
  const names = new Set(Array.from(found.keys(), (path) => NodePath.posix.basename(path)))
  const layer: Layer = { entries: found, names, target }
  return [
    ...placeFindings(entries),
    ...sizeFindings(content),
    ...collisions(entries),
    ...(layer.entries.has(killSwitch)
      ? [
          error(
            "kill-switch",
            killSwitch,
            "a file of this name switches off every extension of the function",
            "remove it"
          )
        ]
      : []),
    ...entries.flatMap((entry) => {
      const wrong = pathFindings(entry)
      return wrong.length > 0 ? wrong : modeFindings(entry).concat(contentFindings(entry, layer))
    })
  ]
}
