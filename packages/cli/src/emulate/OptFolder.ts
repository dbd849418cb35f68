/** Makes one folder of layers, laid out as /opt, to run them from. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import * as LayerContent from "../layer/LayerContent.ts"
import type { LayerEntry } from "../layer/LayerEntry.ts"
import * as LayerFiles from "../layer/LayerFiles.ts"
import * as Disk from "../shared/Disk.ts"
import * as UserError from "../shared/UserError.ts"
import * as LayerMerge from "./LayerMerge.ts"

/** Adds the owner's bits, since only a user who may write in a folder can fill and remove it. */
const folderMode = (mode: number | undefined): number => (mode ?? 0o755) | 0o700

const writeEntry = (target: string, { kind, mode, read }: LayerEntry): void => {
  switch (kind) {
    case "directory":
      Fs.mkdirSync(target)
      return Fs.chmodSync(target, folderMode(mode))
    case "symlink":
      return Fs.symlinkSync(Buffer.from(read()), target)
    default:
      Fs.writeFileSync(target, read())
      // The mode is set, since the umask of the user would cut it; setuid, setgid and sticky bits are left out.
      return Fs.chmodSync(target, (mode ?? 0o644) & 0o777)
  }
}

/** Writes all entries; an error names the path of the entry. */
const writeAll = (folder: string, entries: ReadonlyMap<string, LayerEntry>): void => {
  // A folder comes before its content.
  for (const path of [...entries.keys()].toSorted()) {
    const entry = entries.get(path)
    if (entry === undefined) continue
    try {
      writeEntry(NodePath.join(folder, path), entry)
    } catch (cause) {
      throw new Error(`${path}: ${UserError.reasonOf(cause)}`, { cause })
    }
  }
}

/** The folders that the runtimes of Lambda look into. */
const runtimeFolders = ["bin", "lib", "nodejs", "python", "java", "ruby"]

const isDirectory = (path: string): boolean => Fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

const isProgram = (path: string): boolean => {
  const stats = Fs.statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true && (stats.mode & 0o111) !== 0
}

/** Says why nothing in this folder would ever be used, if that is so. */
const uselessness = (folder: string, isExtra: boolean): string | undefined => {
  const names = Fs.readdirSync(folder).toSorted()
  if (names.length === 0) return "the layer is empty"
  if (isExtra) return undefined
  const isUsed = (name: string) =>
    name === "extensions" || runtimeFolders.includes(name) || isProgram(NodePath.join(folder, name))
  if (names.some(isUsed)) return undefined
  const wrapped = names.find((name) => isDirectory(NodePath.join(folder, name, "extensions")))
  if (wrapped !== undefined)
    return `the layer has no extensions/ at its top; the files are one level too deep, in ${wrapped}/`
  const shown = names.length > 3 ? `${names.slice(0, 3).join(", ")} and others` : names.join(", ")
  return `the layer has no extensions/ at its top, only ${shown}; Lambda looks into extensions/, and for functions into ${runtimeFolders.join(", ")}`
}

const open = (path: string) =>
  Effect.fromResult(LayerContent.open(path)).pipe(
    Effect.mapBoth({
      onSuccess: ({ entries }): LayerMerge.Named => ({ name: `--opt ${path}`, entries }),
      onFailure: (problem) => UserError.make(`--opt ${path}: ${problem}`)
    })
  )

/** Writes the layers, each over those before it, into an empty folder that exists. */
export const write = Effect.fnUntraced(function* (folder: string, paths: ReadonlyArray<string>) {
  const layers = yield* Effect.forEach(paths, open)
  const merged = yield* Effect.mapError(Effect.fromResult(LayerMerge.merge(layers)), UserError.make)
  yield* Effect.try({
    try: () => writeAll(folder, merged),
    catch: (cause) => UserError.make(`${layers.map(({ name }) => name).join(", ")}: ${UserError.reasonOf(cause)}`)
  })
})

/**
 * Gives the folder to run: a single folder as it is, anything else unpacked and merged in a temporary folder. Fails if the
 * folder has nothing that Lambda looks for, unless `isExtra` says that extensions come from elsewhere.
 */
export const make = Effect.fnUntraced(function* (paths: ReadonlyArray<string>, isExtra: boolean) {
  const [first = "", ...others] = paths
  let folder = first
  if (others.length > 0 || !isDirectory(first)) {
    folder = yield* Disk.temporaryFolder("effect-lambda-opt-")
    yield* write(folder, paths)
  }
  const problem = yield* Effect.try({
    try: () => uselessness(folder, isExtra),
    catch: (cause) => UserError.make(`--opt ${paths.join(", ")}: ${UserError.reasonOf(cause)}`)
  })
  return problem === undefined ? folder : yield* UserError.fail(`--opt ${paths.join(", ")}: ${problem}`)
})

/** Lays the files of an extension over such a folder, and removes everything that it had under their names. */
export const overlay = (folder: string, files: ReadonlyArray<LayerFiles.LayerFile>) =>
  Disk.attempt(folder, () => {
    const extensions = NodePath.join(folder, "extensions")
    if (Fs.lstatSync(extensions, { throwIfNoEntry: false })?.isDirectory() === false) Fs.rmSync(extensions)
    const ours = files.map(({ path }) => (path.startsWith("extensions/") ? path : (path.split("/")[0] ?? path)))
    for (const path of ours) Fs.rmSync(NodePath.join(folder, path), { recursive: true, force: true })
    LayerFiles.writeFiles(folder, files)
  })

/** The extensions of such a folder. */
export const extensionNames = (folder: string): ReadonlyArray<string> => {
  const extensions = NodePath.join(folder, "extensions")
  return isDirectory(extensions)
    ? Fs.readdirSync(extensions, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [] : [entry.name]))
    : []
}
