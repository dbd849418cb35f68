/** The extensions of the environment, and the order in which they start (docs/protocol.md#files-that-count). */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import { DuplicateExtension, EmulatorError, FileMissing } from "../../EmulatorError.ts"
import * as MountNamespace from "./MountNamespace.ts"

/**
 * An external extension by name, without a process: something else drives it over HTTP, `Emulator.endManualProcess`
 * ends it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ManualExtension {
  readonly manual: string
}

/**
 * The external extensions of an environment: files to run and manual extensions, or a directory laid out as
 * `/opt/extensions`, or a directory laid out as `/opt`. The `extensions` of the latter run from their own paths, or
 * with `root` from `/opt/extensions`. `files` are further extensions beside those of the directory.
 *
 * `root` shows the directory as `/opt` to the extensions and the function, each in a private mount namespace, for
 * programs that name `/opt/...` literally. The directory hides this machine's own `/opt`, and the system has to permit
 * the mount. If it does not, `true` fails, and `"if-permitted"` goes on without the mount. `notes` of the emulator say
 * so if a file of an extension names `/opt`.
 *
 * @category models
 * @since 0.1.0
 */
export type ExtensionsOptions =
  | ReadonlyArray<string | ManualExtension>
  | { readonly directory: string }
  | {
      readonly opt: string
      readonly root?: boolean | "if-permitted"
      readonly files?: ReadonlyArray<string | ManualExtension>
    }

/** `file` is `undefined` for a manual extension. */
export interface ExpectedExtension {
  readonly name: string
  readonly file: string | undefined
}

/**
 * Every entry that is not a directory counts: hidden, linked and non-executable files too.
 *
 * @param seenAs the path at which the processes see the directory
 */
const listDirectory = (directory: string, seenAs: string): ReadonlyArray<ExpectedExtension> => {
  let names: ReadonlyArray<string>
  try {
    names = Fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [] : [entry.name]
    )
  } catch {
    // No directory, or a file of that name, means a function without extensions.
    return []
  }
  return names.map((name) => ({ name, file: NodePath.resolve(seenAs, name) }))
}

/**
 * This file beside the extensions directory switches extensions off (docs/protocol.md#the-switch-for-all-extensions).
 */
const switchFile = "disable-extensions-jwigqn8j"

/** The directory that is used as `/opt`; `/opt` itself if the options name none. */
const hostOpt = (extensions: ExtensionsOptions): string => {
  if ("opt" in extensions) return NodePath.resolve(extensions.opt)
  return "directory" in extensions ? NodePath.resolve(extensions.directory, "..") : "/opt"
}

/** The directory that the processes have as `/opt`. */
export const optDirectory = (extensions: ExtensionsOptions, isOptMounted: boolean): string =>
  isOptMounted ? "/opt" : hostOpt(extensions)

export const extensionsEnabled = (extensions: ExtensionsOptions): boolean =>
  !("opt" in extensions || "directory" in extensions) || !Fs.existsSync(NodePath.join(hostOpt(extensions), switchFile))

const byName = (a: ExpectedExtension, b: ExpectedExtension): number =>
  Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))

const missing = (path: string) =>
  Effect.fail(new EmulatorError({ method: "Emulator.layer", reason: new FileMissing({ path }) }))

/** Files and manual extensions. Each file has to be there. */
const listed = Effect.fnUntraced(function* (
  extensions: ReadonlyArray<string | ManualExtension>
): Effect.fn.Return<ReadonlyArray<ExpectedExtension>, EmulatorError> {
  const expected: Array<ExpectedExtension> = []
  for (const extension of extensions) {
    const file = typeof extension === "string" ? NodePath.resolve(extension) : undefined
    const name = typeof extension === "string" ? NodePath.basename(extension) : extension.manual
    if (file !== undefined && !Fs.existsSync(file)) return yield* missing(file)
    expected.push({ name, file })
  }
  return expected
})

const found = Effect.fnUntraced(function* (
  extensions: ExtensionsOptions,
  isOptMounted: boolean
): Effect.fn.Return<ReadonlyArray<ExpectedExtension>, EmulatorError> {
  if ("directory" in extensions) return listDirectory(extensions.directory, extensions.directory)
  if (!("opt" in extensions)) return yield* listed(extensions)
  if (!Fs.existsSync(extensions.opt)) return yield* missing(extensions.opt)
  const seenAs = NodePath.join(optDirectory(extensions, isOptMounted), "extensions")
  // Links of the layer to /opt mean the layer, also if they lead to nothing because it is not mounted.
  const directory = MountNamespace.hostPath([{ source: hostOpt(extensions), target: "/opt" }])("/opt/extensions")
  return [...listDirectory(directory, seenAs), ...(yield* listed(extensions.files ?? []))]
})

export const expectedExtensions = Effect.fnUntraced(function* (
  extensions: ExtensionsOptions,
  isOptMounted: boolean
): Effect.fn.Return<ReadonlyArray<ExpectedExtension>, EmulatorError> {
  if (!extensionsEnabled(extensions)) return []
  const expected = (yield* found(extensions, isOptMounted)).toSorted(byName)
  const twice = expected.find(({ name }, index) => expected[index + 1]?.name === name)
  if (twice === undefined) return expected
  return yield* new EmulatorError({
    method: "Emulator.layer",
    reason: new DuplicateExtension({ name: twice.name })
  })
})
