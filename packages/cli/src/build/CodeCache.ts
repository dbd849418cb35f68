/**
 * V8 code caches: the code that V8 compiled during a trial run, in one file for each version of V8 and architecture. V8
 * takes a cache only if version, flags and architecture agree, and compiles otherwise: a cache too many does no harm.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import type { LayerFile } from "../layer/LayerFiles.ts"
import type { Architecture, LayerConfig } from "../project/LayerConfig.ts"
import { execute } from "../shared/Execute.ts"
import * as NodeBinary from "./NodeBinary.ts"
import * as TrialRun from "./trial/TrialRun.ts"

/** The emulator of a processor, and the folder in which Debian and its relatives have the libraries for it. */
const emulators: Readonly<Record<Architecture, readonly [qemu: string, root: string, linker: string]>> = {
  arm64: ["qemu-aarch64", "/usr/aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1"],
  x64: ["qemu-x86_64", "/usr/x86_64-linux-gnu", "lib/ld-linux-x86-64.so.2"]
}

/** The dynamic linker, which every program for another processor needs first. */
export const linkerOf = (arch: Architecture): string => {
  const [, root, linker] = emulators[arch]
  return NodePath.join(root, linker)
}

const findInPath = (path: string, names: ReadonlyArray<string>): string | undefined =>
  path
    .split(NodePath.delimiter)
    .flatMap((folder) => names.map((name) => NodePath.join(folder, name)))
    .find((file) => Fs.existsSync(file))

/** The command before a Linux Node of this architecture that makes it run here; or why it cannot run. */
const runnerOf = (arch: Architecture, path: string): ReadonlyArray<string> | string => {
  if (process.platform !== "linux") return "they are made on Linux only"
  if (process.arch === arch) return []
  const [name, root] = emulators[arch]
  const qemu = findInPath(path, [`${name}-static`, name])
  if (qemu === undefined) return `this machine has neither ${name}-static nor ${name}`
  if (!Fs.existsSync(linkerOf(arch))) return `${qemu} has no C library in ${root}`
  return [qemu, "-L", root]
}

/** The versions of Node that get a cache: the running one, the bundled one, and those in the configuration. */
const versionsOf = ({ nodeVersions, runtime }: LayerConfig): ReadonlySet<string> =>
  new Set([
    process.versions.node,
    ...(runtime === "node" || runtime === "auto" ? [NodeBinary.bundledVersion] : []),
    ...nodeVersions
  ])

export interface CodeCaches {
  readonly files: ReadonlyArray<LayerFile>
  readonly notes: ReadonlyArray<string>
}

/**
 * Makes the caches of one architecture. A cache that cannot be made is a note: the layer starts a little slower there.
 *
 * @param own the trial run of this very Node
 */
export const make = Effect.fnUntraced(function* (
  config: LayerConfig,
  arch: Architecture,
  bundle: string,
  own: Pick<TrialRun.TrialRun, "codeCache" | "hasFailedInit">
) {
  const files = new Map<string, LayerFile>()
  const notes: Array<string> = []
  const add = (v8: string, bytes: Uint8Array) => {
    const path = `${config.name}/bundle.${v8}-${arch}.cache`
    files.set(path, { path, mode: 0o644, bytes })
  }
  const runner = runnerOf(arch, yield* Effect.orDie(Config.String("PATH").pipe(Config.withDefault(""))))
  if (typeof runner === "string") {
    return { files: [], notes: [`no code caches for ${arch}: ${runner}; the layer starts a little slower there`] }
  }
  for (const version of versionsOf(config)) {
    if (arch === process.arch && version === process.versions.node) {
      if (own.codeCache === undefined) {
        notes.push(`no code cache for Node ${version}: the program did not end at SHUTDOWN by itself`)
        continue
      }
      add(process.versions.v8, own.codeCache)
      if (own.hasFailedInit) {
        notes.push(
          `the code cache for Node ${version} holds what ran until init failed; with a working init it saves more`
        )
      }
      continue
    }
    const made = Effect.gen(function* () {
      const binary = yield* NodeBinary.find(arch, version, config.project)
      const [command, ...args] = [...runner, binary]
      if (command === undefined) return
      const asked = [...args, "--print", "process.versions.v8"]
      const v8 = (yield* execute(command, asked, { timeoutMillis: 60_000 })).trim()
      if (files.has(`${config.name}/bundle.${v8}-${arch}.cache`)) return
      const { codeCache } = yield* TrialRun.run({
        ...config,
        program: { bundle, node: [command, ...args] },
        // An emulated processor is slow.
        limitMillis: arch === process.arch ? 10_000 : 60_000
      })
      if (codeCache !== undefined) add(v8, codeCache)
    })
    yield* Effect.catch(made, (error) =>
      Effect.sync(() => {
        const why =
          error._tag === "ExecuteError" ? [error.message, error.output].join("\n").trim() : String(error.cause)
        notes.push(`no code cache for Node ${version} on ${arch}: ${why}`)
      })
    )
  }
  const result: CodeCaches = { files: [...files.values()], notes }
  return result
})
