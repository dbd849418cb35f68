/** Turns positions in a minified bundle, as stack traces in a log have them, into positions in the sources. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as NodeModule from "node:module"
import * as Fs from "node:fs"
import * as NodePath from "node:path"

const mappingFields = {
  version: Schema.Literal(3),
  names: Schema.Array(Schema.String),
  /** Paths relative to the project. */
  sources: Schema.Array(Schema.String),
  mappings: Schema.String
}

/** The source map of a bundle. */
export const SourceMap = Schema.Struct({
  ...mappingFields,
  /** The path of the bundle in the layer, `<name>/bundle.cjs` or `<name>/bundle.lrt`. */
  file: Schema.String.check(Schema.isPattern(/^[\w.-]+\/bundle\.(?:cjs|lrt)$/))
})

export type SourceMap = typeof SourceMap.Type

const decodeMappings = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct(mappingFields)))

/** The path of the bundle in the layer. Bytecode knows the positions in the text that it was compiled from. */
export const bundleOf = ({ name, runtime }: { readonly name: string; readonly runtime: string }): string =>
  `${name}/bundle.${runtime === "llrt" ? "lrt" : "cjs"}`

/** Makes the source map from the text of the one that rolldown has made. */
export const fromRolldown = (config: { readonly name: string; readonly runtime: string }, text: string): SourceMap => ({
  ...decodeMappings(text),
  file: bundleOf(config)
})

/** The path at which a build writes the map, which is the same for all architectures. */
export const fileOf = ({ name, out }: { readonly name: string; readonly out: string }): string =>
  NodePath.join(out, `${name}.map`)

/** Reads the map in a text; `undefined` if `effect-lambda build` has not written it. */
export const decode = (text: string): SourceMap | undefined =>
  Option.getOrUndefined(Schema.decodeUnknownOption(Schema.fromJsonString(SourceMap))(text))

/** The map that a build wrote for this extension file, beside the folder that is laid out as /opt. */
const mapBeside = (extension: string): SourceMap | undefined => {
  const name = NodePath.basename(extension)
  const layer = NodePath.resolve(extension, "../..")
  const file = fileOf({ name, out: NodePath.dirname(layer) })
  if (!Fs.existsSync(file)) return undefined
  const map = decode(Fs.readFileSync(file, "utf8"))
  return map?.file.startsWith(`${name}/bundle.`) === true ? map : undefined
}

/** The positions in the maps beside the layers of these extension files; `undefined` if there is no map. */
export const positionsBeside = (extensions: ReadonlyArray<string>): Positions | undefined => {
  const all = extensions.map(mapBeside).filter((map) => map !== undefined)
  const known = all.map(positions)
  if (known.length === 0) return undefined
  return {
    restore: (text) => known.reduce((restored, { restore }) => restore(restored), text),
    own: (text) => known.map(({ own }) => own(text)).find((place) => place !== undefined)
  }
}

/** Finds the places in the sources for positions in texts. */
export interface Positions {
  /** Gives the text with `src/main.ts:12:8` for each position in the bundle, in whatever folder the layer lies. */
  readonly restore: (text: string) => string
  /** Gives the first position in a source of the project itself, and of no package that it uses. */
  readonly own: (text: string) => string | undefined
}

/**
 * The begin of the folder in a position whose folder ends at `to`. As a part of the pattern it would be looked for from each character
 * of a line without spaces, which takes minutes for a line of 256 KB.
 */
const folderStart = (text: string, from: number, to: number): number => {
  let at = to
  while (at > from && !/[\s"'()\\]/.test(text.charAt(at - 1))) at--
  return at
}

export const positions = ({ file, mappings, names, sources }: SourceMap): Positions => {
  let map: NodeModule.SourceMap | undefined
  // Reading takes longer than all else that a build does with a map, and most texts hold no position.
  const read = () =>
    (map ??= new NodeModule.SourceMap({
      version: 3,
      file,
      names: [...names],
      sources: [...sources],
      mappings,
      sourceRoot: "",
      sourcesContent: []
    }))
  const pattern = new RegExp(`/${file.replaceAll(".", "\\.")}:(\\d+):(\\d+)`, "g")
  const locate = (line: string, column: string): string | undefined => {
    const entry = read().findEntry(Number(line) - 1, Number(column) - 1)
    // Node goes on from the last position that the map knows, though it is one of an earlier line.
    if (!("generatedLine" in entry) || entry.generatedLine !== Number(line) - 1) return undefined
    const origin = read().findOrigin(Number(line), Number(column))
    return "fileName" in origin ? `${origin.fileName}:${origin.lineNumber}:${origin.columnNumber}` : undefined
  }
  return {
    restore: (text) => {
      let restored = ""
      let from = 0
      for (const { 0: whole, 1: line = "", 2: column = "", index } of text.matchAll(pattern)) {
        const place = locate(line, column)
        if (place === undefined) continue
        restored += text.slice(from, folderStart(text, from, index)) + place
        from = index + whole.length
      }
      return restored + text.slice(from)
    },
    own: (text) =>
      Array.from(text.matchAll(pattern), ([, line = "", column = ""]) => locate(line, column)).find(
        (place) => place !== undefined && !place.includes("node_modules/")
      )
  }
}
