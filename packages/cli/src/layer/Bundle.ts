/** The program as one minified CommonJS file, made by rolldown. */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import process from "node:process"
import type { InputOptions, OutputBundle, OutputOptions, Plugin, RolldownLog } from "rolldown"
import type { VisitorObject } from "rolldown/utils"
import * as UserError from "../UserError.ts"
import * as Bun from "./Bun.ts"
import type { LayerConfig } from "./LayerConfig.ts"
import * as SourceMap from "./SourceMap.ts"

/** What loads an addon that was compiled for one system and is no JavaScript. */
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

const addonAdvice = "it cannot be part of a layer that is one JavaScript file; use a package without one"

const wasmPlugin: Plugin = {
  name: "wasm",
  load: {
    filter: { id: /\.wasm$/ },
    handler: (id) => {
      throw new Error(
        `${id} is WebAssembly, and a layer has one JavaScript file: keep the bytes as base64 in a source, and compile them with new WebAssembly.Module`
      )
    }
  }
}

/** The bundle is loaded, not started as a file. Every line stays where it is. */
const shebangPlugin: Plugin = {
  name: "shebang",
  transform: { filter: { code: /^#!/ }, handler: (code) => ({ code: code.replace(/^#!.*/, ""), map: null }) }
}

/** Walks the syntax of a module. Imported here, as rolldown itself is. */
const visit = (id: string, code: string, visitor: VisitorObject) =>
  import("rolldown/utils").then(({ parseSync, Visitor }) => new Visitor(visitor).visit(parseSync(id, code).program))

/** As in Node: true in the file that is started, which knows by it that it is no test's import. False elsewhere by `define`. */
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
          // As long as what it replaces: every place stays where it is.
          const rest = code.slice(start + 4, end).replaceAll(/\S/g, " ")
          replaced = `${replaced.slice(0, start)}true${rest}${replaced.slice(end)}`
        }
      }).then(() => ({ code: replaced, map: null }))
    }
  }
}

/** The modules of which something is left in the bundle. */
const modulesOf = (bundle: OutputBundle): ReadonlyArray<string> =>
  Object.values(bundle).flatMap((output) => (output.type === "chunk" ? output.moduleIds : []))

/** A Worker's program, a template: what a program reads from beside itself is not beside the layer's one file. */
const besidePlugin: Plugin = {
  name: "files-beside",
  generateBundle(_, bundle) {
    const visits = modulesOf(bundle).flatMap((id) => {
      const code = this.getModuleInfo(id)?.code ?? ""
      if (!code.includes("new URL(") || !code.includes("import.meta.url")) return []
      return visit(id, code, {
        NewExpression: ({ arguments: [path, base], callee, start }) => {
          if (callee.type !== "Identifier" || callee.name !== "URL") return
          if (path?.type !== "Literal" && path?.type !== "TemplateLiteral") return
          if (base === undefined || code.slice(base.start, base.end) !== "import.meta.url") return
          const file = code.slice(path.start + 1, path.end - 1)
          // The folder of the module, or one above it, is asked for by those who only want its name.
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

/** Services of one copy are strangers to the other: type errors without end, or a layer that does not find its services. */
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

/** Of a layer there is one format; what rolldown advises is an option of its own. */
const topLevelAwait =
  "a layer holds one CommonJS file, which knows no await outside of a function: wait inside of an Effect instead, such as " +
  "in the layer of Extension.run"

/** `src/main.ts:3:8: Could not resolve …`; the rest of what rolldown says is a drawing. */
export const line = ({ code, loc, message, plugin }: RolldownLog): string => {
  const [said = ""] = message.replace(/^\[[A-Z_]+\] /, "").split("\n")
  const first = code === "INVALID_TLA_FORMAT" ? topLevelAwait : said
  if (loc?.file === undefined || plugin === addonPlugin.name) return first
  return `${NodePath.relative(process.cwd(), NodePath.resolve(loc.file))}:${loc.line}:${loc.column + 1}: ${first}`
}

/** What a bundle knows of the runtime it is for: the transport for the other one is left out. */
const defineOf = (runtime: LayerConfig["runtime"]) => ({
  "process.versions.bun": runtime === "bun" ? JSON.stringify(Bun.version) : "undefined"
})

/**
 * How an extension is bundled, for a build and for a watcher.
 *
 * @param warn takes each warning, one line
 */
export const inputOptions = (
  { entry, runtime }: Pick<LayerConfig, "entry" | "runtime">,
  warn: (text: string) => void
): InputOptions => ({
  input: entry,
  platform: "node",
  // Getters without effects: what is only read at module level need not be kept.
  treeshake: { propertyReadSideEffects: false },
  // The oldest Node that layers run on: newer syntax is written in terms of its own.
  // `import.meta.env` is of other bundlers, and Effect asks for it.
  transform: {
    target: "node22",
    define: { "import.meta.env": "undefined", "import.meta.main": "false", ...defineOf(runtime) }
  },
  checks: { pluginTimings: false },
  plugins: [addonPlugin, wasmPlugin, besidePlugin, shebangPlugin, mainPlugin, copiesPlugin],
  onLog: (level, log, handle) => {
    // A package that cannot be found would be left to the layer, where nothing is installed.
    if (log.code === "UNRESOLVED_IMPORT")
      return handle("error", { ...log, message: log.message.replace(/ in .*/s, "") })
    if (level === "warn") warn(line(log))
  }
})

export const outputOptions = ({ project }: Pick<LayerConfig, "project">): OutputOptions => {
  // What rolldown names is without symbolic links.
  const root = Fs.realpathSync(project)
  return {
    // ES modules that import node:http load more than they need, and start 30 ms later.
    format: "cjs",
    minify: true,
    comments: false,
    codeSplitting: false,
    // Beside the layer: nothing in it may cost time at its start.
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
  /** What the map says, read once. */
  readonly positions: SourceMap.Positions
}

/** Of what rolldown has made: the text, and that of its map. */
export const fromRolldown = (config: Pick<LayerConfig, "name">, code: string, mapText: string): Bundle => {
  const map = SourceMap.fromRolldown(config, mapText)
  return { code, map, positions: SourceMap.positions(map) }
}

/** One line per error of a build that failed. */
export const errorsOf = (cause: unknown): ReadonlyArray<string> => {
  if (!(cause instanceof Error)) return [String(cause)]
  const errors: unknown = Reflect.get(cause, "errors")
  return Array.isArray(errors) ? errors.map((error: RolldownLog) => line(error)) : [line(cause)]
}

/** The bundle, and the warnings. */
export const build = Effect.fnUntraced(function* (config: Pick<LayerConfig, "entry" | "name" | "project" | "runtime">) {
  const warnings: Array<string> = []
  const { code, map } = yield* Effect.tryPromise({
    try: () =>
      // Imported here: loading it takes time that the other commands do not have to spend.
      import("rolldown")
        .then(({ rolldown }) => rolldown(inputOptions(config, (text) => warnings.push(text))))
        .then((bundle) => bundle.generate(outputOptions(config)).finally(() => bundle.close())),
    catch: (cause) => UserError.make(`${config.entry} cannot be bundled:\n${errorsOf(cause).join("\n")}`)
  }).pipe(Effect.map(({ output }) => output[0]))
  if (map === null) return yield* Effect.die(new Error("rolldown made no source map"))
  return { bundle: fromRolldown(config, code, map.toString()), warnings }
})
