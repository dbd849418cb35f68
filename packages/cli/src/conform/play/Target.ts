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
  /** The layer as a zip or a folder; `undefined` for an extension file. */
  readonly layer: string | undefined
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

/** The layer, or the extension file, that the path means. */
const meant = (path: string) => {
  if (!Fs.existsSync(path)) return UserError.fail(`${path}: there is no such file or folder`)
  const isProject = isDirectory(path) && !isDirectory(NodePath.join(path, "extensions"))
  if (!isProject || !Fs.existsSync(NodePath.join(path, "package.json"))) return Effect.succeed(path)
  const built = builtLayer(path)
  return built === undefined
    ? UserError.fail(`${path} has no built layer in dist: run effect-lambda build ${path} first`)
    : Effect.succeed(built)
}

/** Opens the target; a zip is unpacked into a folder of the scope. */
export const open = Effect.fnUntraced(function* (path: string) {
  const found = yield* meant(path)
  if (!isDirectory(found) && !found.endsWith(".zip")) {
    const target: Target = { path, layer: undefined, files: [found], beside: (neighbours) => [found, ...neighbours] }
    return target
  }
  const opt = yield* OptFolder.make([found], false)
  const names = OptFolder.extensionNames(opt)
  if (names.length === 0)
    return yield* UserError.fail(`${path} has no extension: its folder extensions/ is empty or missing`)
  const target: Target = {
    path,
    layer: found,
    files: names.map((name) => NodePath.join(opt, "extensions", name)),
    beside: (neighbours) => ({ opt, root: "if-permitted", files: neighbours })
  }
  return target
})
