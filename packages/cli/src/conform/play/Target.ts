/** The extension to try: a layer as a zip or as a folder laid out as /opt, an extension file, or a built project. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import * as OptFolder from "../../emulate/OptFolder.ts"
import * as UserError from "../../shared/UserError.ts"

/**
 * A target that can be run any number of times.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  /** As it was given. */
  readonly path: string
  /** The files of its extensions. */
  readonly files: ReadonlyArray<string>
  /** The extensions of an environment with the target and these files beside it. */
  readonly beside: (neighbours: ReadonlyArray<string>) => NonNullable<Emulator.Options["extensions"]>
}

const isDirectory = (path: string): boolean => Fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The layer that `build` has written for this machine into `dist` of a project; `undefined` if there is none. */
const builtLayer = (project: string): string | undefined => {
  const out = NodePath.join(project, "dist")
  if (!isDirectory(out)) return undefined
  return Fs.readdirSync(out)
    .map((name) => NodePath.join(out, name))
    .find((folder) => folder.endsWith(`-${process.arch}`) && isDirectory(NodePath.join(folder, "extensions")))
}

/** The first bytes of a zip, and of one that is empty. */
const isZip = (path: string): boolean => {
  if (path.endsWith(".zip")) return true
  const descriptor = Fs.openSync(path, "r")
  try {
    const head = Buffer.alloc(4)
    Fs.readSync(descriptor, head, 0, head.length, 0)
    return ["504b0304", "504b0506"].includes(head.toString("hex"))
  } finally {
    Fs.closeSync(descriptor)
  }
}

/**
 * A layer, or the file of an extension.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  /** As it was given. */
  readonly path: string
  readonly kind: "layer" | "file"
  /** The layer that is run: for a project the one that was built. */
  readonly place: string
}

/** The layer, or the extension file, that the path means. */
export const find = Effect.fnUntraced(function* (path: string) {
  const stats = Fs.statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return yield* UserError.fail(`${path}: there is no such file or folder`)
  if (stats.isDirectory()) {
    const isProject =
      !isDirectory(NodePath.join(path, "extensions")) && Fs.existsSync(NodePath.join(path, "package.json"))
    const place = isProject ? builtLayer(path) : path
    if (place === undefined) {
      return yield* UserError.fail(`${path} has no built layer in dist: run effect-lambda build in it first`)
    }
    const layer: Found = { path, kind: "layer", place }
    return layer
  }
  if (!stats.isFile()) return yield* UserError.fail(`${path} is neither a file nor a folder`)
  const isPacked = yield* Effect.try({
    try: () => isZip(path),
    catch: (cause) => UserError.make(`${path} cannot be read: ${UserError.reasonOf(cause)}`)
  })
  const file: Found = { path, kind: isPacked ? "layer" : "file", place: path }
  return file
})

/** Opens the target; a zip is unpacked into a folder of the scope. */
export const open = Effect.fnUntraced(function* ({ kind, path, place }: Found) {
  if (kind === "file") {
    const target: Target = { path, files: [place], beside: (neighbours) => [place, ...neighbours] }
    return target
  }
  const opt = yield* OptFolder.make([place], false)
  const names = OptFolder.extensionNames(opt)
  if (names.length === 0)
    return yield* UserError.fail(`${path} has no extension: its folder extensions/ is empty or missing`)
  const target: Target = {
    path,
    files: names.map((name) => NodePath.join(opt, "extensions", name)),
    beside: (neighbours) => ({ opt, root: "if-permitted", files: neighbours })
  }
  return target
})
