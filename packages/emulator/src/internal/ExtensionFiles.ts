/** Which extensions the environment has, and in which order they start (spec: concepts and limits). */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import { DuplicateExtension, EmulatorError, FileMissing } from "../EmulatorError.ts"
import * as MountNamespace from "./MountNamespace.ts"

/**
 * An external extension by name, without a process: something else drives it over HTTP, `Emulator.endSlot` ends it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExtensionSlot {
  readonly slot: string
}

/**
 * The external extensions of an environment: files to run and slots; or a directory laid out as `/opt/extensions`; or
 * one laid out as `/opt`, whose `extensions` are run from where they are, or with `root: true` from `/opt/extensions`.
 *
 * `root` shows the directory as `/opt` to the extensions and the function, each in a mount namespace of its own, for
 * programs that name `/opt/...` literally. It hides what this machine has there, needs a system that permits it, and
 * without being root shows the process a user id of 0.
 *
 * @category models
 * @since 0.1.0
 */
export type ExtensionsOptions =
  | ReadonlyArray<string | ExtensionSlot>
  | { readonly directory: string }
  | { readonly opt: string; readonly root?: boolean }

/** `file` is `undefined` for a slot. */
export interface ExpectedExtension {
  readonly name: string
  readonly file: string | undefined
}

/**
 * Every entry that is not a directory counts: hidden, linked and non-executable files too.
 *
 * @param seenAs where the processes see the directory
 */
const listDirectory = (directory: string, seenAs: string): ReadonlyArray<ExpectedExtension> => {
  let names: ReadonlyArray<string>
  try {
    names = Fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [] : [entry.name]
    )
  } catch {
    // No directory, or a file in its place: a function without extensions.
    return []
  }
  return names.map((name) => ({ name, file: NodePath.resolve(seenAs, name) }))
}

/** This file beside the extensions directory switches extensions off (spec: transport, disable-extensions). */
const switchFile = "disable-extensions-jwigqn8j"

/** The directory that plays `/opt`; `/opt` itself where the options name none. */
const hostOpt = (extensions: ExtensionsOptions): string => {
  if ("opt" in extensions) return NodePath.resolve(extensions.opt)
  return "directory" in extensions ? NodePath.resolve(extensions.directory, "..") : "/opt"
}

/** What the processes have as `/opt`. */
export const optDirectory = (extensions: ExtensionsOptions): string =>
  "opt" in extensions && extensions.root === true ? "/opt" : hostOpt(extensions)

/** The directory to show as `/opt`, if that was asked for and the system permits it. */
export const mountedOpt = Effect.fnUntraced(function* (
  extensions: ExtensionsOptions
): Effect.fn.Return<string | undefined, EmulatorError> {
  if (!("opt" in extensions) || extensions.root !== true) return undefined
  const opt = hostOpt(extensions)
  yield* MountNamespace.probe(opt)
  return opt
})

export const extensionsEnabled = (extensions: ExtensionsOptions): boolean =>
  !("opt" in extensions || "directory" in extensions) || !Fs.existsSync(NodePath.join(hostOpt(extensions), switchFile))

const byName = (a: ExpectedExtension, b: ExpectedExtension): number =>
  Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))

export const expectedExtensions = Effect.fnUntraced(function* (
  extensions: ExtensionsOptions
): Effect.fn.Return<ReadonlyArray<ExpectedExtension>, EmulatorError> {
  if (!extensionsEnabled(extensions)) return []
  if ("directory" in extensions) return listDirectory(extensions.directory, extensions.directory).toSorted(byName)
  if ("opt" in extensions) {
    if (!Fs.existsSync(extensions.opt)) {
      return yield* new EmulatorError({ method: "Emulator.layer", reason: new FileMissing({ path: extensions.opt }) })
    }
    const listed = NodePath.join(extensions.opt, "extensions")
    return listDirectory(listed, NodePath.join(optDirectory(extensions), "extensions")).toSorted(byName)
  }
  const expected: Array<ExpectedExtension> = []
  for (const extension of extensions) {
    const file = typeof extension === "string" ? NodePath.resolve(extension) : undefined
    const name = typeof extension === "string" ? NodePath.basename(extension) : extension.slot
    if (file !== undefined && !Fs.existsSync(file)) {
      return yield* new EmulatorError({ method: "Emulator.layer", reason: new FileMissing({ path: file }) })
    }
    if (expected.some((other) => other.name === name)) {
      return yield* new EmulatorError({ method: "Emulator.layer", reason: new DuplicateExtension({ name }) })
    }
    expected.push({ name, file })
  }
  return expected.toSorted(byName)
})
