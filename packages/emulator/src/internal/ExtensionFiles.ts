/** Which extensions the environment has, and in which order they start (spec: concepts and limits). */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import { DuplicateExtension, EmulatorError, FileMissing } from "../EmulatorError.ts"

/**
 * An external extension by name, without a process: something else drives it over HTTP, `Emulator.endSlot` ends it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExtensionSlot {
  readonly slot: string
}

/** `file` is `undefined` for a slot. */
export interface ExpectedExtension {
  readonly name: string
  readonly file: string | undefined
}

/** Every entry that is not a directory counts: hidden, linked and non-executable files too. */
const listDirectory = (directory: string): ReadonlyArray<ExpectedExtension> => {
  let names: ReadonlyArray<string>
  try {
    names = Fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [] : [entry.name]
    )
  } catch {
    // No directory, or a file in its place: a function without extensions.
    return []
  }
  return names.map((name) => ({ name, file: NodePath.resolve(directory, name) }))
}

/** This file beside the extensions directory switches extensions off (spec: transport, disable-extensions). */
const switchFile = "disable-extensions-jwigqn8j"

export const extensionsEnabled = (extensions: ReadonlyArray<string | ExtensionSlot> | { readonly directory: string }) =>
  !("directory" in extensions) || !Fs.existsSync(NodePath.resolve(extensions.directory, "..", switchFile))

const byName = (a: ExpectedExtension, b: ExpectedExtension): number =>
  Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))

export const expectedExtensions = Effect.fnUntraced(function* (
  extensions: ReadonlyArray<string | ExtensionSlot> | { readonly directory: string }
): Effect.fn.Return<ReadonlyArray<ExpectedExtension>, EmulatorError> {
  if (!extensionsEnabled(extensions)) return []
  if ("directory" in extensions) return listDirectory(extensions.directory).toSorted(byName)
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
