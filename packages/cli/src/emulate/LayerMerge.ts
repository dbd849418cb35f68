/** Puts layers over each other as Lambda does in /opt: folders become one, and the later of two files stays. */
import * as Result from "effect/Result"
import * as NodePath from "node:path"
import type { LayerEntry } from "../layer/LayerEntry.ts"
import * as SymbolicLink from "../layer/SymbolicLink.ts"

/** Four times the size that Lambda unpacks of all layers and the function. */
const maxBytes = 1024 ** 3

type Entries = ReadonlyMap<string, LayerEntry>

const folder = (path: string): LayerEntry => ({
  path,
  kind: "directory",
  mode: undefined,
  size: 0,
  read: () => new Uint8Array()
})

/** The folders above a path, the outermost first. */
const above = (path: string): ReadonlyArray<string> =>
  path
    .split("/")
    .slice(0, -1)
    .map((_, index, parts) => parts.slice(0, index + 1).join("/"))

/** The entries of one layer by their plain paths, or what is wrong with one of them. */
const read = (layer: ReadonlyArray<LayerEntry>): Result.Result<Entries, string> =>
  Result.gen(function* () {
    const entries = new Map<string, LayerEntry>()
    for (const entry of layer) {
      const quoted = JSON.stringify(entry.path)
      const parts = entry.path.split("/")
      if (entry.path.startsWith("/") || parts.includes("..") || entry.path.includes("\0")) {
        return yield* Result.fail(`${quoted} in it is not a path inside a layer`)
      }
      if (entry.kind === "other") return yield* Result.fail(`${quoted} in it is neither file, folder nor link`)
      const path = parts.filter((part) => part !== "" && part !== ".").join("/")
      if (path !== "") entries.set(path, { ...entry, path })
    }
    if (entries.size === 0) return yield* Result.fail("the layer is empty")
    for (const path of entries.keys()) {
      const blocking = above(path).find((parent) => (entries.get(parent)?.kind ?? "directory") !== "directory")
      if (blocking !== undefined) {
        return yield* Result.fail(
          `${JSON.stringify(path)} in it is below ${JSON.stringify(blocking)}, which is not a folder`
        )
      }
    }
    return entries
  })

const put = (merged: Map<string, LayerEntry>, entry: LayerEntry): void => {
  for (const parent of above(entry.path)) {
    if (merged.get(parent)?.kind !== "directory") merged.set(parent, folder(parent))
  }
  if (merged.get(entry.path)?.kind === "directory" && entry.kind !== "directory") {
    for (const path of merged.keys()) if (path.startsWith(`${entry.path}/`)) merged.delete(path)
  }
  merged.set(entry.path, entry)
}

/** Says whether the link leads out of the layers, also if a folder on its way comes later. */
const leaves = (link: LayerEntry, entries: Entries): boolean => {
  const target = SymbolicLink.targetOf(link)
  const parent = NodePath.posix.dirname(link.path)
  const plain = target.startsWith("/")
    ? NodePath.posix.relative("/opt", target)
    : NodePath.posix.normalize(NodePath.posix.join(parent, target))
  return plain === ".." || plain.startsWith("../") || SymbolicLink.follow(link.path, { entries }) === "outside"
}

/** A layer with the name that it was given by. */
export interface Named {
  readonly name: string
  readonly entries: ReadonlyArray<LayerEntry>
}

/** Merges layers, or fails with a sentence that names the layer. The content of files is not read yet. */
export const merge = (layers: ReadonlyArray<Named>): Result.Result<Entries, string> =>
  Result.gen(function* () {
    const merged = new Map<string, LayerEntry>()
    for (const { entries, name } of layers) {
      const own = yield* Result.mapError(read(entries), (problem) => `${name}: ${problem}`)
      for (const entry of own.values()) put(merged, entry)
    }
    let bytes = 0
    for (const entry of merged.values()) {
      bytes += entry.size
      if (entry.kind !== "symlink") continue
      const away = yield* Result.try({
        try: () => leaves(entry, merged),
        catch: (cause) => `${JSON.stringify(entry.path)}: ${cause instanceof Error ? cause.message : String(cause)}`
      })
      if (!away) continue
      const said = `the link ${JSON.stringify(entry.path)} leads out of the layer, to ${JSON.stringify(SymbolicLink.targetOf(entry))}`
      return yield* Result.fail(`${layers.map(({ name }) => name).join(", ")}: ${said}`)
    }
    return bytes > maxBytes
      ? yield* Result.fail(`the layers have ${bytes} bytes, over 1 GiB; Lambda takes 250 MB`)
      : merged
  })
