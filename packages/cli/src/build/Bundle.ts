/** The program as one minified file, made by rolldown: CommonJS, or an ES module for LLRT. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { builtinModules } from "node:module"
import * as NodePath from "node:path"
import process from "node:process"
import type { InputOptions, OutputBundle, OutputChunk, OutputOptions, Plugin, RolldownLog } from "rolldown"
import type { VisitorObject } from "rolldown/utils"
import * as SourceMap from "../layer/SourceMap.ts"
import type { LayerConfig } from "../project/LayerConfig.ts"
import * as UserError from "../shared/UserError.ts"
import { asyncFunctions, modulesWithAsync } from "./AsyncFunctions.ts"
import { mendedModules } from "./LlrtMended.ts"
import * as LlrtModules from "./LlrtModules.ts"

/** The packages that load an addon, which is compiled for one system and is no JavaScript. */
const addonLoaders = /^(bindings|node-gyp-build|node-gyp-build-optional-packages|@mapbox\/node-pre-gyp|pkg-prebuilds)$/

const addonPlugin: Plugin = {
  name: "native-addons",
  resolveId: {
    filter: { id: addonLoaders },
    handler: (source, importer) => {
      throw new Error(`${importer ?? "the entry"} loads a native addon by ${source}: ${addonAdvice}`)
    }
  },
  load: {
    filter: { id: /\.node$/ },
    handler: (id) => {
      throw new Error(`${id} is a native addon: ${addonAdvice}`)
    }
  }
}

const addonAdvice = "a layer is one JavaScript file and cannot hold it; use a package without an addon"

const makeWasmPlugin = (runtime: LayerConfig["runtime"]): Plugin => ({
  name: "wasm",
  load: {
    filter: { id: /\.wasm$/ },
    handler: (id) => {
      throw new Error(
        runtime === "llrt"
          ? `${id} is WebAssembly, which LLRT lacks: do without it, or build with another --runtime`
          : `${id} is WebAssembly, and a layer has one JavaScript file: keep the bytes as base64 in a source, and compile them with new WebAssembly.Module`
      )
    }
  }
})

/** Removes the `#!` line, since the bundle is loaded and not started as a file. Every line keeps its number. */
const shebangPlugin: Plugin = {
  name: "shebang",
  transform: { filter: { code: /^#!/ }, handler: (code) => ({ code: code.replace(/^#!.*/, ""), map: null }) }
}

/** Walks the syntax of a module. Imported here, as rolldown itself is. */
const visit = (id: string, code: string, visitor: VisitorObject) =>
  import("rolldown/utils").then(({ parseSync, Visitor }) => new Visitor(visitor).visit(parseSync(id, code).program))

/**
 * Makes `import.meta.main` true in the entry, as in Node: by it the file knows that no test imports it. In other modules
 * `define` makes it false.
 */
const mainPlugin: Plugin = {
  name: "import-meta-main",
  transform: {
    filter: { code: "import.meta" },
    handler(code, id) {
      if (this.getModuleInfo(id)?.isEntry !== true) return
      let replaced = code
      return visit(id, code, {
        MemberExpression: ({ computed, end, object, property, start }) => {
          if (computed || object.type !== "MetaProperty" || property.name !== "main") return
          // The replacement has the same length, so every position stays the same.
          const rest = code.slice(start + 4, end).replaceAll(/\S/g, " ")
          replaced = `${replaced.slice(0, start)}true${rest}${replaced.slice(end)}`
        }
      }).then(() => ({ code: replaced, map: null }))
    }
  }
}

/** The modules that have something left in the bundle. */
const modulesOf = (bundle: OutputBundle): ReadonlyArray<string> =>
  Object.values(bundle).flatMap((output) => (output.type === "chunk" ? output.moduleIds : []))

/** Warns of a file that the program reads from beside itself, such as a Worker's program: the layer does not have it. */
const makeBesidePlugin = (): Plugin => {
  // Copying the code of every module out of rolldown takes longer than all else here.
  const suspects = new Set<string>()
  return {
    name: "files-beside",
    transform: { filter: { code: "import.meta.url" }, handler: (_, id) => void suspects.add(id) },
    generateBundle(_, bundle) {
      const visits = modulesOf(bundle).flatMap((id) => {
        if (!suspects.has(id)) return []
        const code = this.getModuleInfo(id)?.code ?? ""
        if (!code.includes("new URL(")) return []
        return visit(id, code, {
          NewExpression: ({ arguments: [path, base], callee, start }) => {
            if (callee.type !== "Identifier" || callee.name !== "URL") return
            if (path?.type !== "Literal" && path?.type !== "TemplateLiteral") return
            if (base === undefined || code.slice(base.start, base.end) !== "import.meta.url") return
            const file = code.slice(path.start + 1, path.end - 1)
            // A program that asks for the folder of the module, or a folder above it, only wants its name.
            if (/^(?:\/|[./]*$)/.test(file) || !Fs.existsSync(NodePath.resolve(NodePath.dirname(id), file))) return
            const before = code.slice(0, start).split("\n")
            this.warn({
              message: `${file} will not be in the layer, which has one JavaScript file: what reads it there fails`,
              loc: { file: id, line: before.length, column: before.at(-1)?.length ?? 0 }
            })
          }
        })
      })
      return Promise.all(visits).then(() => {})
    }
  }
}

/** Warns of several copies of effect: no copy knows the services of another, so types are wrong or services not found. */
const copiesPlugin: Plugin = {
  name: "copies-of-effect",
  generateBundle(_, bundle) {
    const folders = new Set(
      modulesOf(bundle).flatMap((id) => /^.*[\\/]node_modules[\\/]effect(?=[\\/])/.exec(id) ?? [])
    )
    if (folders.size < 2) return
    const copies = Array.from(folders, (folder) => {
      const manifest: unknown = JSON.parse(Fs.readFileSync(NodePath.join(folder, "package.json"), "utf8"))
      return `${Reflect.get(Object(manifest), "version")} in ${NodePath.relative(process.cwd(), folder)}`
    })
    this.warn(
      `${folders.size} copies of effect: ${copies.join(", ")}; npm ls effect says what brings them, and there must be one`
    )
  }
}

/** The advice for a top-level await: a layer has one format, and the advice of rolldown names an option of rolldown. */
const topLevelAwait =
  "a layer holds one CommonJS file, which has no await outside of a function: wait inside an Effect, such as the layer of " +
  "Extension.run"

/** The first line of a message with its place, `src/main.ts:3:8: Could not resolve …`; the other lines are a drawing. */
export const line = ({ code, loc, message, plugin }: RolldownLog): string => {
  const [said = ""] = message.replace(/^\[[A-Z_]+\] /, "").split("\n")
  const first = code === "INVALID_TLA_FORMAT" ? topLevelAwait : said
  if (loc?.file === undefined || plugin === addonPlugin.name) return first
  return `${NodePath.relative(process.cwd(), NodePath.resolve(loc.file))}:${loc.line}:${loc.column + 1}: ${first}`
}

/** How a bundle for bun differs: packages give the files that bun takes of them, and bun has modules that Node does not have. */
const forBun = { external: /^bun(?::|$)/, resolve: { conditionNames: ["bun"] } } satisfies InputOptions

const forLlrt = { resolve: { conditionNames: ["llrt"] } } satisfies InputOptions

/** The name of the address of the bundle: LLRT has a path in `import.meta.url` of bytecode, which no `new URL` takes. */
const llrtUrl = "effectLambdaBundleUrl"

/** LLRT has no `require`, so that of a module of Node becomes an import. */
const llrtPlugins = (withAsync?: ReadonlySet<string>) => [
  asyncFunctions(withAsync),
  mendedModules,
  LlrtModules.makePlugin(),
  import("rolldown/plugins").then(({ esmExternalRequirePlugin }) =>
    esmExternalRequirePlugin({ external: [/^node:/, ...builtinModules] })
  )
]

/**
 * How an extension is bundled, for a build and for a watcher.
 *
 * @param warn takes each warning, one line
 * @param withAsync the modules whose async functions LLRT gets in another form; `undefined`: all modules
 */
export const inputOptions = (
  { entry, runtime }: Pick<LayerConfig, "entry" | "runtime">,
  warn: (text: string) => void,
  withAsync?: ReadonlySet<string>
): InputOptions => ({
  input: entry,
  platform: "node",
  ...(runtime === "bun" && forBun),
  ...(runtime === "llrt" && forLlrt),
  // Reading a property has no effect, so a bare read at module level is left out. An import of `node:module` is one that the
  // bundler adds for LLRT, and mostly does not use.
  treeshake: {
    propertyReadSideEffects: false,
    ...(runtime === "llrt" && { moduleSideEffects: [{ test: /^node:module$/, sideEffects: false }] })
  },
  // The target is the oldest Node that layers run on, or the syntax of QuickJS: newer syntax becomes syntax that it knows.
  // `import.meta.env` belongs to other bundlers, and Effect asks for it.
  transform: {
    target: runtime === "llrt" ? "es2023" : "node22",
    define: {
      "import.meta.env": "undefined",
      "import.meta.main": "false",
      ...(runtime === "llrt" && { "import.meta.url": llrtUrl })
    }
  },
  checks: { pluginTimings: false },
  plugins: [
    addonPlugin,
    makeWasmPlugin(runtime),
    makeBesidePlugin(),
    shebangPlugin,
    mainPlugin,
    copiesPlugin,
    ...(runtime === "llrt" ? llrtPlugins(withAsync) : [])
  ],
  onLog: (level, log, handle) => {
    // An import that is not found would stay in the bundle, and a layer has no packages installed.
    if (log.code === "UNRESOLVED_IMPORT")
      return handle("error", { ...log, message: log.message.replace(/ in .*/s, "") })
    if (level === "warn") warn(line(log))
  }
})

export const outputOptions = ({ project, runtime }: Pick<LayerConfig, "project" | "runtime">): OutputOptions => {
  // Paths from rolldown have no symbolic links.
  const root = Fs.realpathSync(project)
  return {
    // ES modules that import node:http load more than they need, and start 30 ms later on Node. LLRT takes nothing else.
    ...(runtime === "llrt"
      ? { format: "esm", intro: `const ${llrtUrl} = /* @__PURE__ */ (() => "file://" + import.meta.url)();` }
      : { format: "cjs" }),
    minify: true,
    comments: false,
    codeSplitting: false,
    // The map lies beside the layer, since everything in the layer costs time at its start.
    sourcemap: "hidden",
    sourcemapExcludeSources: true,
    sourcemapPathTransform: (source, map) =>
      NodePath.relative(root, NodePath.resolve(NodePath.dirname(map), source)).replaceAll("\\", "/")
  }
}

/** A program that has been bundled. */
export interface Bundle {
  readonly code: string
  readonly map: SourceMap.SourceMap
  /** The positions in the map, read once. */
  readonly positions: SourceMap.Positions
}

/** Makes a bundle from the text that rolldown has written, and the text of its map. A program without positions has none. */
export const fromRolldown = (
  config: Pick<LayerConfig, "name" | "runtime">,
  code: string,
  mapText = '{"version":3,"names":[],"sources":[],"mappings":""}'
): Bundle => {
  const map = SourceMap.fromRolldown(config, mapText)
  return { code, map, positions: SourceMap.positions(map) }
}

/** A line for each error of a build that failed. */
export const errorsOf = (cause: unknown): ReadonlyArray<string> => {
  if (!(cause instanceof Error)) return [String(cause)]
  const errors: unknown = Reflect.get(cause, "errors")
  return Array.isArray(errors) ? errors.map((error: RolldownLog) => line(error)) : [line(cause)]
}

interface Generated {
  readonly chunk: OutputChunk
  readonly warnings: ReadonlyArray<string>
}

type Program = Pick<LayerConfig, "entry" | "name" | "project" | "runtime">

/** Imported here, so that other commands do not spend the time to load it. */
const generate = (config: Program, withAsync: ReadonlySet<string>): Promise<Generated> => {
  const warnings: Array<string> = []
  return import("rolldown")
    .then(({ rolldown }) => rolldown(inputOptions(config, (text) => warnings.push(text), withAsync)))
    .then((bundle) => bundle.generate(outputOptions(config)).finally(() => bundle.close()))
    .then(({ output: [chunk] }) => ({ chunk, warnings }))
}

/** Bundles for LLRT a second time if async functions are left: before that nobody knows which modules have them. */
const generateForLlrt = (config: Program): Promise<Generated> =>
  generate(config, new Set()).then((first) =>
    modulesWithAsync(first.chunk).then((left) => (left.size === 0 ? first : generate(config, left)))
  )

/** Gives the bundle, and the warnings. */
export const build = Effect.fnUntraced(function* (config: Program) {
  const { chunk, warnings } = yield* Effect.tryPromise({
    try: () => (config.runtime === "llrt" ? generateForLlrt(config) : generate(config, new Set())),
    catch: (cause) => UserError.make(`${config.entry} cannot be bundled:\n${errorsOf(cause).join("\n")}`)
  })
  return { bundle: fromRolldown(config, chunk.code, chunk.map?.toString()), warnings }
})
