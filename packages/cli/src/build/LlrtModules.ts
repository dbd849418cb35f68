/**
 * The modules of Node that LLRT has, and the build's refusal of a program that uses others.
 *
 * LLRT links all imports of a module before the first line runs, so a single import that it lacks keeps the whole program
 * from being loaded, with a message that names no place.
 */
import { isBuiltin } from "node:module"
import * as NodePath from "node:path"
import process from "node:process"
import type { OutputBundle, Plugin } from "rolldown"
import type * as Utils from "rolldown/utils"
import type { ESTree, VisitorObject } from "rolldown/utils"
import { version } from "../layer/Llrt.ts"
import * as LlrtRequired from "./LlrtRequired.ts"

const names = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** The named exports of each module, beside `default`. `test/llrt` compares them with the binary. */
export const modules: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    assert: "ok",
    async_hooks: "createHook currentId executionAsyncId triggerAsyncId",
    buffer: "Buffer atob btoa constants",
    child_process: "spawn",
    console: "Console",
    crypto: `Crc32 Crc32c Md5 Sha1 Sha256 Sha384 Sha512 createHash createHmac crypto getRandomValues randomBytes randomFill
      randomFillSync randomInt randomUUID webcrypto`,
    dgram: "Socket createSocket",
    dns: "lookup",
    events: "EventEmitter",
    fs: `accessSync chmodSync constants lstatSync mkdirSync mkdtempSync promises readFileSync readdirSync renameSync rmSync
      rmdirSync statSync symlinkSync writeFileSync`,
    "fs/promises":
      "access chmod constants lstat mkdir mkdtemp open readFile readdir rename rm rmdir stat symlink writeFile",
    https: "Agent",
    module: "builtinModules createRequire isBuiltin registerHooks",
    net: "Server Socket connect createConnection createServer",
    os: `EOL arch availableParallelism devNull endianness getPriority homedir platform release setPriority tmpdir type
      userInfo version`,
    path: "basename delimiter dirname extname format isAbsolute join normalize parse relative resolve sep",
    perf_hooks: "performance",
    process: `arch argv argv0 cwd env exit exitCode getegid geteuid getgid getuid hrtime id kill platform release setegid
      seteuid setgid setuid version versions`,
    stream: "Duplex PassThrough Readable Stream Transform Writable finished pipeline",
    "stream/promises": "finished pipeline",
    "stream/web": `ByteLengthQueuingStrategy CountQueuingStrategy ReadableByteStreamController ReadableStream
      ReadableStreamBYOBReader ReadableStreamBYOBRequest ReadableStreamDefaultController ReadableStreamDefaultReader
      WritableStream WritableStreamDefaultController WritableStreamDefaultWriter`,
    string_decoder: "StringDecoder",
    timers: "clearInterval clearTimeout queueMicrotask setImmediate setInterval setTimeout",
    tty: "isatty",
    url: "URL URLSearchParams domainToASCII domainToUnicode fileURLToPath format pathToFileURL urlToHttpOptions",
    util: "TextDecoder TextEncoder format inherits",
    zlib: `brotliCompress brotliCompressSync brotliDecompress brotliDecompressSync deflate deflateRaw deflateRawSync
      deflateSync gunzip gunzipSync gzip gzipSync inflate inflateRaw inflateRawSync inflateSync zstdCompress
      zstdCompressSync zstdDecompress zstdDecompressSync`
  }).map(([module, exports]) => [module, names(exports)])
)

/** What the prelude gives a module beside the exports that LLRT has. */
export const added: ReadonlyMap<string, ReadonlyArray<string>> = new Map(
  Object.entries({
    child_process: [],
    crypto: [],
    dgram: [],
    dns: [],
    events: [],
    fs: [],
    "fs/promises": [],
    module: [],
    net: ["isIP", "isIPv4", "isIPv6"],
    process: [
      "emitWarning",
      "cpuUsage",
      "execArgv",
      "memoryUsage",
      "uptime",
      "execPath",
      "getBuiltinModule",
      "nextTick",
      "off",
      "on",
      "once",
      "pid",
      "stderr",
      "stdout"
    ],
    timers: ["clearImmediate"],
    zlib: []
  })
)

const nameOf = (specifier: string) => specifier.replace(/^node:/, "")

/** A place at which a module of Node is used. */
interface Use {
  readonly module: string
  /** The export that is used; `undefined`: the module as a whole. */
  readonly name: string | undefined
  /** `link`: the program cannot be loaded without it. `run`: the program fails when it comes there, if ever. */
  readonly when: "link" | "run"
  /** The offset in the text. */
  readonly start: number
  /** A module in CommonJS reads it, of which the bundler leaves nothing out. */
  readonly isRequired?: true
}

const lacked = "effect-lambda lacks "

/** The name under which an export is read that a module lacks. No module has a member of such a name. */
export const lackedMember = (module: string, name: string): string => `${lacked}${module} ${name}`

const keyOf = ({ module, name = "" }: Use) => `${module} ${name}`

const webAssembly = "WebAssembly"

/** Globals of Node that LLRT lacks, or has only a small part of (`Intl`). A use in a `try`, or after a `typeof`, is guarded. */
const globals: ReadonlySet<string> = names(`${webAssembly} BroadcastChannel Intl
  MessageChannel PerformanceObserver TextDecoderStream TextEncoderStream TransformStream URLPattern WebSocket`)

const lacks = ({ module, name }: Use): boolean => {
  const exports = modules.get(module)
  if (exports === undefined) return true
  return name !== undefined && name !== "default" && !exports.has(name) && added.get(module)?.includes(name) !== true
}

/** The text that is written there; the minifier writes template literals. */
const textOf = (node: ESTree.Node): string => {
  if (node.type === "Literal") return String(node.value)
  return node.type === "TemplateLiteral" && node.expressions.length === 0 ? (node.quasis[0]?.value.cooked ?? "") : ""
}

/** The module of Node that `process.getBuiltinModule("node:fs")` gives. */
const builtinOf = (node: ESTree.Expression | null): string | undefined => {
  if (node?.type !== "CallExpression" || node.callee.type !== "MemberExpression") return undefined
  const { property } = node.callee
  const [argument] = node.arguments
  return property.type === "Identifier" && property.name === "getBuiltinModule" && argument !== undefined
    ? textOf(argument)
    : undefined
}

/** The uses of modules of Node, and of WebAssembly, in a text. */
const usesIn = (utils: typeof Utils, file: string, text: string, isBundle: boolean): ReadonlyArray<Use> => {
  const uses: Array<Use> = []
  const wholes = new Map<string, string>()
  const guarded = new Set<string>()
  const own = new Set<string>()
  const attempts: Array<ESTree.BlockStatement> = []
  const add = (specifier: string, name: string | undefined, when: Use["when"], start: number) => {
    if (isBuiltin(specifier)) uses.push({ module: nameOf(specifier), name, when, start })
  }
  const { program } = utils.parseSync(file, text)
  const visit = (visitor: VisitorObject) => new utils.Visitor(visitor).visit(program)
  visit({
    ImportDeclaration: ({ importKind, source, specifiers }) => {
      if (importKind === "type") return
      add(source.value, undefined, "link", source.start)
      for (const specifier of specifiers) {
        if (specifier.type === "ImportSpecifier") {
          const { imported } = specifier
          const name = imported.type === "Identifier" ? imported.name : imported.value
          if (specifier.importKind !== "type") add(source.value, name, "link", specifier.start)
        } else if (isBuiltin(source.value)) wholes.set(specifier.local.name, source.value)
      }
    },
    ExportNamedDeclaration: ({ exportKind, source, specifiers }) => {
      if (source === null || exportKind === "type") return
      add(source.value, undefined, "link", source.start)
      for (const { local, start } of specifiers) {
        add(source.value, local.type === "Identifier" ? local.name : local.value, "link", start)
      }
    },
    ExportAllDeclaration: ({ exportKind, source }) => {
      if (exportKind !== "type") add(source.value, undefined, "link", source.start)
    },
    ImportExpression: ({ source }) => {
      add(textOf(source), undefined, "run", source.start)
    },
    CallExpression: ({ arguments: [argument], callee }) => {
      if (callee.type !== "Identifier" || callee.name !== "require") return
      if (argument !== undefined) add(textOf(argument), undefined, "link", argument.start)
    },
    UnaryExpression: ({ argument, operator }) => {
      if (operator === "typeof" && argument.type === "Identifier") guarded.add(argument.name)
    },
    TryStatement: ({ block }) => void attempts.push(block),
    ImportDefaultSpecifier: ({ local }) => void own.add(local.name),
    ImportNamespaceSpecifier: ({ local }) => void own.add(local.name),
    ImportSpecifier: ({ local }) => void own.add(local.name),
    ClassDeclaration: ({ id }) => void own.add(id?.name ?? ""),
    FunctionDeclaration: ({ id }) => void own.add(id?.name ?? "")
  })
  const useGlobal = (node: ESTree.Expression | ESTree.Super) => {
    if (node.type !== "Identifier" || !globals.has(node.name)) return
    const { name, start } = node
    if (own.has(name) || guarded.has(name)) return
    if (attempts.some((block) => block.start <= start && start < block.end)) return
    uses.push({ module: name, name: undefined, when: name === webAssembly ? "link" : "run", start })
  }
  visit({
    VariableDeclarator: ({ id, init }) => {
      if (id.type !== "Identifier") return
      own.add(id.name)
      // In a source it is no import: such a program asks what is there.
      const module = init?.type === "Identifier" ? wholes.get(init.name) : isBundle ? builtinOf(init) : undefined
      if (module !== undefined) wholes.set(id.name, module)
    }
  })
  visit({
    NewExpression: ({ callee }) => useGlobal(callee),
    MemberExpression: ({ computed, object, property, start }) => {
      // Dates have it, and Effect's time zones need no more.
      if (property.type !== "Identifier" || property.name !== "DateTimeFormat") useGlobal(object)
      const use = textOf(property)
      if (use.startsWith(lacked)) {
        const [module = "", name] = use.slice(lacked.length).split(" ")
        uses.push({ module, name, when: "link", start })
      }
      if (computed || object.type !== "Identifier" || property.type !== "Identifier") return
      const module = wholes.get(object.name)
      // The prelude of the layer mends `process`.
      if (module !== undefined && nameOf(module) !== "process") add(module, property.name, "run", start)
    }
  })
  if (isBundle) return uses
  const required = LlrtRequired.membersIn(utils, program).map(({ module, name, start }): Use => {
    return { module: nameOf(module), name, when: "run", start, isRequired: true }
  })
  // What Node lacks too is `undefined` there as well, and the prelude of the layer mends `process`.
  const isNodes = ({ module, name = "" }: Use) =>
    module !== "process" && Reflect.has(Object(process.getBuiltinModule(`node:${module}`)), name)
  return [...uses, ...required.filter(isNodes)]
}

const described = ({ module, name }: Use): string => {
  if (globals.has(module)) return module
  return name === undefined || !modules.has(module) ? `node:${module}` : `${name} of node:${module}`
}

const positionOf = (text: string, start: number) => {
  const before = text.slice(0, start).split("\n")
  return { line: before.length, column: before.at(-1)?.length ?? 0 }
}

const chunksOf = (bundle: OutputBundle) =>
  Object.values(bundle).flatMap((output) => (output.type === "chunk" ? output : []))

interface Refused {
  readonly text: string
  readonly loc: { readonly file: string; readonly line: number; readonly column: number }
}

const refusalOf = (first: Refused, more: ReadonlyArray<Refused>): string => {
  const others = more.map(({ loc: { column, file, line }, text }) => {
    return `, ${text} in ${NodePath.relative(process.cwd(), file)}:${line}:${column + 1}`
  })
  return `${first.text} is missing in LLRT ${version}${others.join("")}; do without it, or build with another --runtime`
}

/**
 * Refuses a program that LLRT cannot load, with the place of each import, and warns of uses that fail only when the program
 * comes there. Only what is left in the bundle counts.
 */
export const makePlugin = (): Plugin => {
  // Copying the code of every module out of rolldown takes longer than all else here.
  const commonJs = new Set<string>()
  return {
    name: "llrt-lacks",
    transform: { filter: { code: /\brequire\(/ }, handler: (_, id) => void commonJs.add(id) },
    generateBundle(_, bundle) {
      // Imported here, as rolldown itself is.
      return import("rolldown/utils").then((utils) => {
        const chunks = chunksOf(bundle)
        const left = chunks.flatMap(({ code, fileName }) => usesIn(utils, `${fileName}.mjs`, code, true))
        const missing = new Set(left.filter(lacks).map(keyOf))
        const refused = chunks
          // A module that the build or the bundler has made is no place of the program.
          .flatMap(({ moduleIds }) => moduleIds.filter((id) => !/^(?:\0|builtin:)/.test(id)))
          .filter((id) => missing.size > 0 || commonJs.has(id))
          .flatMap((id) => {
            const code = this.getModuleInfo(id)?.code ?? ""
            return usesIn(utils, id, code, false).flatMap((use): ReadonlyArray<Refused> => {
              // An export of a module that is missing altogether is told with its module.
              const isMissing = use.isRequired === true ? lacks(use) : missing.has(keyOf(use))
              if (!isMissing || (use.name !== undefined && !modules.has(use.module))) return []
              const loc = { file: id, ...positionOf(code, use.start) }
              if (use.when === "link") return [{ text: described(use), loc }]
              this.warn({ message: `${described(use)} is missing in LLRT ${version}: what uses it here fails`, loc })
              return []
            })
          })
        const [first, ...more] = refused
        if (first !== undefined) this.error({ message: refusalOf(first, more), loc: first.loc })
      })
    }
  }
}
