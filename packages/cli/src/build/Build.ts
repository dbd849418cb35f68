/** Makes layers on the disk from an entry. */
import type * as CliError from "effect/cli/CliError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import * as LayerFiles from "../layer/LayerFiles.ts"
import * as Llrt from "../layer/Llrt.ts"
import { minimumNode } from "../layer/LayerLimits.ts"
import * as Secrets from "../layer/Secrets.ts"
import * as SourceMap from "../layer/SourceMap.ts"
import * as ZipWriter from "../layer/ZipWriter.ts"
import type { Architecture, LayerConfig } from "../project/LayerConfig.ts"
import * as Disk from "../shared/Disk.ts"
import * as UserError from "../shared/UserError.ts"
import * as Bun from "./Bun.ts"
import * as Bundle from "./Bundle.ts"
import * as CodeCache from "./CodeCache.ts"
import * as Loader from "./entry/Loader.ts"
import * as Stub from "./entry/Stub.ts"
import * as LlrtBinary from "./LlrtBinary.ts"
import * as NodeBinary from "./NodeBinary.ts"
import * as ProjectFiles from "./ProjectFiles.ts"
import * as TrialRun from "./trial/TrialRun.ts"
import * as TypeCheck from "./TypeCheck.ts"

export interface BuiltLayer {
  readonly arch: Architecture
  readonly directory: string
  readonly unzippedBytes: number
  /** The SHA-256 of everything but the code caches. */
  readonly contentHash: string
  readonly codeCaches: ReadonlyArray<string>
  /** The LLRT in the layer. */
  readonly llrt?: Llrt.LlrtRecord | undefined
  readonly zip:
    | {
        readonly file: string
        readonly bytes: number
        readonly sha256: string
      }
    | undefined
}

export interface Built {
  readonly name: string
  readonly runtime: LayerConfig["runtime"]
  readonly start: LayerConfig["start"]
  readonly events: ReadonlyArray<Stub.EventType>
  readonly layers: ReadonlyArray<BuiltLayer>
  /** The source map for `effect-lambda trace`; none with bun, which rewrites the program. */
  readonly sourceMap: string | undefined
  readonly notes: ReadonlyArray<string>
}

const text = (path: string, mode: LayerFiles.LayerFile["mode"], content: string): LayerFiles.LayerFile => ({
  path,
  mode,
  bytes: Buffer.from(content)
})

/** The part of a trial run that the entry is made from. */
export interface Tried extends Pick<TrialRun.TrialRun, "eager"> {
  readonly events: ReadonlyArray<Stub.EventType>
}

/** The entry that Lambda starts. */
export const entryFile = (config: LayerConfig, { eager, events }: Tried): LayerFiles.LayerFile => {
  const { entryKind, name, runtime, start } = config
  const content =
    entryKind === "node"
      ? Stub.renderNode({ name, runtime: runtime === "node" ? "node" : "managed" })
      : Stub.render({ name, events, runtime, start, subscription: eager.subscription })
  return text(`extensions/${name}`, 0o755, content)
}

/** The loader and the program, for Node. */
const nodeFiles = ({ name }: LayerConfig, bundle: string): ReadonlyArray<LayerFiles.LayerFile> => [
  text(`${name}/index.cjs`, 0o644, Loader.render({ name, minimumNode })),
  text(`${name}/bundle.cjs`, 0o644, bundle)
]

/** The runtime that is part of the layer. */
const runtimeFiles = Effect.fnUntraced(function* (config: LayerConfig, arch: Architecture) {
  const { name, project, runtime } = config
  if (runtime === "llrt") return LlrtBinary.binaryFiles(name, yield* LlrtBinary.forLayer(config, arch))
  if (runtime !== "node" && runtime !== "auto") return []
  const binary = yield* NodeBinary.find(arch, NodeBinary.bundledVersion, project).pipe(
    Effect.catch(({ message, output }) =>
      UserError.fail(
        `Node ${NodeBinary.bundledVersion} for ${arch} was neither found nor downloaded: ${message}\n${output}\n` +
          `Install the package node-linux-${arch}@${NodeBinary.bundledVersion} in the project, or build with --runtime managed`
      )
    )
  )
  const file: LayerFiles.LayerFile = { path: `${name}/bin/node`, mode: 0o755, bytes: Fs.readFileSync(binary) }
  return [file]
})

/** The one file that holds everything for bun. */
const bunFile = Effect.fnUntraced(function* ({ name, project }: LayerConfig, arch: Architecture, bundle: string) {
  const bytes = yield* Bun.compile({ name, bundle, project, platform: "linux", arch })
  const file: LayerFiles.LayerFile = { path: `${name}/bin/${name}`, mode: 0o755, bytes }
  return file
})

/** The program that a trial run starts on this machine, whatever machine the layer is for. */
const programOf = Effect.fnUntraced(function* (
  config: LayerConfig,
  bundle: Bundle.Bundle
): Effect.fn.Return<TrialRun.Program, CliError.UserError> {
  const { name, project, runtime } = config
  const { code } = bundle
  switch (runtime) {
    case "bun": {
      const executable = yield* Bun.compile({
        name,
        bundle: code,
        project,
        platform: process.platform,
        arch: process.arch
      })
      return { executable }
    }
    case "llrt": {
      const binary = yield* LlrtBinary.forThisMachine(config)
      return { llrt: binary.path, files: yield* LlrtBinary.programFiles(name, binary, bundle) }
    }
    default:
      return { bundle: code, node: TrialRun.ownNode }
  }
})

/** The files of the entry and the program. */
export const programFiles = (config: LayerConfig, tried: Tried & { readonly program: TrialRun.Program }) => [
  entryFile(config, tried),
  ...("files" in tried.program ? tried.program.files : []),
  ...("bundle" in tried.program ? nodeFiles(config, tried.program.bundle) : [])
]

const sameEvents = (a: ReadonlyArray<string>, b: ReadonlyArray<string>) => a.toSorted().join() === b.toSorted().join()

const list = (sentences: ReadonlyArray<string>) => sentences.map((sentence) => `\n- ${sentence}`).join("")

/** Refuses an eager start that cannot work, or that the function may have to wait for. */
const checkStart = ({ start, startAnyway }: LayerConfig, { doubts, obstacles }: TrialRun.TrialRun["eager"]) => {
  if (start === "ready") return Effect.void
  if (obstacles.length > 0) {
    return UserError.fail(`start eager cannot work with this program, build with --start ready:${list(obstacles)}`)
  }
  if (doubts.length === 0 || startAnyway) return Effect.void
  return UserError.fail(
    `start eager lets the function begin before this program has come up, and the function may rely on it:${list(doubts)}\n` +
      "Build with --start ready. If the function relies on none of this, add --start-anyway (effectLambda.startAnyway)."
  )
}

/** Runs the program once, and compares the events that it registers for with the configuration. */
export const trial = Effect.fnUntraced(function* (config: LayerConfig, bundle: Bundle.Bundle) {
  const { env, events, name } = config
  const program = yield* programOf(config, bundle)
  const run = yield* TrialRun.run({ name, env, program, positions: bundle.positions })
  const registered = run.events ?? events
  if (registered === undefined) {
    return yield* UserError.fail(
      [
        "the events of the program are not known, since init failed in the trial run. Give the variables that init needs by " +
          "--env KEY=VALUE, or name the events (effectLambda.events in package.json, or --events).",
        ...run.errors
      ].join("\n")
    )
  }
  if (events !== undefined && !sameEvents(events, registered)) {
    return yield* UserError.fail(
      `the configuration names the events ${events.join(", ") || "(none)"}, but the program registers for ` +
        `${registered.join(", ") || "none"}: make them the same, or leave them out of the configuration`
    )
  }
  yield* checkStart(config, run.eager)
  return { ...run, program, events: registered }
})

const llrtIn = (name: string, files: ReadonlyArray<LayerFiles.LayerFile>): Llrt.LlrtRecord | undefined => {
  const record = files.find(({ path }) => path === Llrt.pathOf(name))
  return record === undefined ? undefined : Llrt.fromText(Buffer.from(record.bytes).toString())
}

const writeLayer = Effect.fnUntraced(function* (
  config: LayerConfig,
  arch: Architecture,
  files: ReadonlyArray<LayerFiles.LayerFile>,
  isZipped: boolean
) {
  const directory = NodePath.join(config.out, `${config.name}-${arch}`)
  yield* LayerFiles.writeDirectory(directory, files)
  const zip = isZipped ? ZipWriter.write(files) : undefined
  // A zip of an earlier build would look as if this build had made it.
  yield* zip === undefined ? Disk.remove(`${directory}.zip`) : Disk.writeFile(`${directory}.zip`, zip)
  const built: BuiltLayer = {
    arch,
    directory,
    unzippedBytes: LayerFiles.unzippedBytes(files),
    contentHash: LayerFiles.contentHash(files),
    codeCaches: files.filter(LayerFiles.isCache).map(({ path }) => path),
    llrt: llrtIn(config.name, files),
    zip:
      zip === undefined
        ? undefined
        : {
            file: `${directory}.zip`,
            bytes: zip.length,
            sha256: Crypto.createHash("sha256").update(zip).digest("base64")
          }
  }
  return built
})

/** The secrets that `check` would find in the bundle, each with its place in the sources. */
const secretNotes = ({ code, map, positions }: Bundle.Bundle): ReadonlyArray<string> => {
  const bytes = Buffer.from(code)
  return Secrets.find(bytes).flatMap(({ isCertain, kind, offset }) => {
    const before = bytes.toString("utf8", 0, offset)
    const position = `/${map.file}:${before.split("\n").length}:${before.length - before.lastIndexOf("\n")}`
    const place = positions.restore(position)
    if (!isCertain && place.includes("node_modules/")) return []
    return (
      `${place} holds ${isCertain ? "" : "what looks like "}${kind}, which everybody who may use the layer ` +
      "can read: revoke it, and give secrets by Secrets Manager or the function's environment"
    )
  })
}

/** Adds the notes until then to a failure, since they may be the reason. */
const withNotes = (notes: ReadonlyArray<string>) =>
  Effect.mapError((error: CliError.UserError) =>
    UserError.make([error.message, ...notes.map((note) => `note: ${note}`)].join("\n"))
  )

/** Two copies of effect make type errors without end, and only the bundle shows them. */
const checkTypes = (config: LayerConfig) =>
  Effect.catch(TypeCheck.run(config), (error) =>
    Bundle.build(config).pipe(
      Effect.match({ onFailure: () => [], onSuccess: ({ warnings }) => warnings }),
      Effect.flatMap((warnings) => Effect.fail(error).pipe(withNotes(warnings)))
    )
  )

/** What is wrong with the LLRT of each layer: its age, and how it takes a client that resets its connection. */
const llrtNotes = Effect.fnUntraced(function* (
  name: string,
  layers: ReadonlyArray<{ readonly arch: Architecture; readonly files: ReadonlyArray<LayerFiles.LayerFile> }>
) {
  const now = yield* Clock.currentTimeMillis
  return layers.flatMap(({ arch, files }) => {
    const record = llrtIn(name, files)
    if (record === undefined) return []
    const age = Llrt.ageOf(record, now)
    const binary = files.find(({ path }) => path === Llrt.binaryOf(name))
    return [
      ...(age === undefined ? [] : [`${arch}: ${age.message}; ${Llrt.ageAdvice}`]),
      ...(binary === undefined || Llrt.survivesReset(binary.bytes) ? [] : [`${arch}: ${Llrt.resetAdvice}`])
    ]
  })
})

/** Builds everything before anything is written. */
export const run = Effect.fnUntraced(function* (
  config: LayerConfig,
  options: { readonly check: boolean; readonly zip: boolean }
) {
  const notes: Array<string> = []
  if (options.check) {
    const note = yield* checkTypes(config)
    if (note !== undefined) notes.push(note)
  }
  const projectFiles = yield* ProjectFiles.read(config)
  const { bundle, warnings } = yield* Bundle.build(config)
  const { code, map } = bundle
  notes.push(...secretNotes(bundle))
  notes.push(...warnings)
  const tried = yield* trial(config, bundle).pipe(withNotes(notes))
  const { events } = tried
  const note = TrialRun.noteOf(tried)
  if (note !== undefined) notes.push(note)
  if (config.start === "eager") notes.push(...tried.eager.notes)
  const layers = yield* Effect.forEach(
    config.architectures,
    Effect.fnUntraced(function* (arch) {
      if (config.runtime === "bun") {
        return { arch, files: [entryFile(config, tried), yield* bunFile(config, arch, code), ...projectFiles] }
      }
      const caches =
        config.codeCache === "off" || config.runtime === "llrt"
          ? { files: [], notes: [] }
          : yield* CodeCache.make(config, arch, code, tried)
      notes.push(...caches.notes)
      const files = [
        ...programFiles(config, tried),
        ...caches.files,
        ...projectFiles,
        ...(yield* runtimeFiles(config, arch))
      ]
      const problem = LayerFiles.sizeProblem(files)
      if (problem !== undefined) return yield* UserError.fail(`the layer for ${arch} is too large: ${problem}`)
      return { arch, files }
    })
  )
  notes.push(...(yield* llrtNotes(config.name, layers)))
  const written = yield* Effect.forEach(layers, ({ arch, files }) => writeLayer(config, arch, files, options.zip))
  const file = SourceMap.fileOf(config)
  // A map of an earlier build would name positions of that build.
  yield* config.runtime === "bun" ? Disk.remove(file) : Disk.writeFile(file, Buffer.from(JSON.stringify(map)))
  const built: Built = {
    name: config.name,
    runtime: config.runtime,
    start: config.start,
    events,
    layers: written,
    sourceMap: config.runtime === "bun" ? undefined : file,
    notes
  }
  return built
})
