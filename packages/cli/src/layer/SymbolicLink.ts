/** Symbolic links of a layer, followed as the kernel would below `/opt`. */
import * as NodePath from "node:path"
import type { LayerEntry } from "./LayerEntry.ts"

/** The number of links that Linux follows in one path. */
const maxLinks = 40

/** The longest path that Linux takes, in bytes; a link has no longer target. */
export const longestPath = 4096

const root: LayerEntry = { path: "", kind: "directory", mode: 0o755, size: 0, read: () => new Uint8Array() }

/** The target that a link has. */
export const targetOf = (link: LayerEntry): string => Buffer.from(link.read().subarray(0, longestPath)).toString("utf8")

/** Follows a path to its entry, or says why it leads nowhere. */
export const follow = (
  path: string,
  { entries }: { readonly entries: ReadonlyMap<string, LayerEntry> }
): LayerEntry | "outside" | "missing" | "loop" => {
  const left = path.split("/")
  let at: ReadonlyArray<string> = []
  let links = 0
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === "" || part === ".") continue
    if (part === "..") {
      if (at.length === 0) return "outside"
      at = at.slice(0, -1)
      continue
    }
    const entry = entries.get([...at, part].join("/"))
    if (entry === undefined) return "missing"
    if (entry.kind !== "symlink") {
      at = [...at, part]
      continue
    }
    links++
    if (links > maxLinks) return "loop"
    if (entry.size >= longestPath) return "missing"
    const target = targetOf(entry)
    if (target.startsWith("/")) at = []
    left.unshift(...(target.startsWith("/") ? NodePath.posix.relative("/opt", target) : target).split("/"))
  }
  return at.length === 0 ? root : (entries.get(at.join("/")) ?? "missing")
}
