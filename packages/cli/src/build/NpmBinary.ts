/**
 * Executables out of npm packages that hold little else and need no install script: Node and bun, for each platform. An
 * installed package counts only in exactly the version that is asked for, so that the same sources give the same bytes.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Os from "node:os"
import * as NodePath from "node:path"
import { makeFolder } from "../shared/Disk.ts"
import { execute, ExecuteError } from "../shared/Execute.ts"

export interface NpmBinary {
  /** The name of the package, such as `@oven/bun-linux-x64`. */
  readonly packageName: string
  readonly version: string
  /** The path of the executable in the package. */
  readonly file: string
}

/** The folder of a package that is installed beside the project or beside this program. */
export const folderOf = (packageName: string, project: string, version?: string): string | undefined => {
  for (const from of [NodePath.join(project, "package.json"), import.meta.filename]) {
    try {
      const path = createRequire(from).resolve(`${packageName}/package.json`)
      const manifest: unknown = JSON.parse(Fs.readFileSync(path, "utf8"))
      const isRight = version === undefined || Reflect.get(Object(manifest), "version") === version
      if (isRight) return NodePath.dirname(path)
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

/** Downloads into the cache, by npm, which checks the integrity. */
const download = Effect.fnUntraced(function* ({ file, packageName, version }: NpmBinary, binary: string) {
  const folder = NodePath.dirname(NodePath.dirname(binary))
  const write = <A>(work: () => A) =>
    Effect.try({
      try: work,
      catch: (cause) => new ExecuteError({ message: `${folder} cannot be written`, output: String(cause) })
    })
  const temporary = yield* Effect.acquireRelease(
    write(() => {
      makeFolder(NodePath.dirname(folder))
      return Fs.mkdtempSync(`${folder}.`)
    }),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )
  const pack = ["pack", `${packageName}@${version}`, "--pack-destination", temporary, "--loglevel", "error"]
  const tarball = (yield* execute("npm", pack, { timeoutMillis: 300_000 })).trim()
  const unpack = ["-xzf", NodePath.join(temporary, tarball), "-C", temporary, `package/${file}`]
  yield* execute("tar", unpack, { timeoutMillis: 60_000 })
  yield* write(() => {
    makeFolder(NodePath.dirname(binary))
    Fs.renameSync(NodePath.join(temporary, "package", file), binary)
  })
}, Effect.scoped)

/** Gives the path of the executable: installed, downloaded before, or downloaded now. */
export const find = Effect.fnUntraced(function* (binary: NpmBinary, project: string) {
  const { file, packageName, version } = binary
  const installed = folderOf(packageName, project, version)
  if (installed !== undefined) return NodePath.join(installed, file)
  const path = NodePath.join(yield* cacheFolder, `${packageName.replace("/", "+")}-${version}`, file)
  if (!Fs.existsSync(path)) yield* download(binary, path)
  return path
})
