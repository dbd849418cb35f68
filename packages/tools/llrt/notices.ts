/** The notices of everything that is part of the binary: crates, sources in C inside of crates, and the libraries of the toolchain. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { basename, join, relative } from "node:path"
import * as Schema from "effect/Schema"

const Metadata = Schema.fromJsonString(
  Schema.Struct({
    packages: Schema.Array(
      Schema.Struct({
        id: Schema.String,
        name: Schema.String,
        version: Schema.String,
        authors: Schema.Array(Schema.String),
        license: Schema.NullOr(Schema.String),
        repository: Schema.NullOr(Schema.String),
        manifest_path: Schema.String
      })
    ),
    resolve: Schema.Struct({
      root: Schema.String,
      nodes: Schema.Array(
        Schema.Struct({
          id: Schema.String,
          deps: Schema.Array(
            Schema.Struct({
              pkg: Schema.String,
              dep_kinds: Schema.Array(Schema.Struct({ kind: Schema.NullOr(Schema.String) }))
            })
          )
        })
      )
    })
  })
)

const decode = Schema.decodeUnknownSync(Metadata)

export type Crate = (typeof Metadata.Type)["packages"][number]

/** The crates that are linked into the binary: those that only a build script or a test needs are left out. */
export const cratesOf = (metadata: string): ReadonlyArray<Crate> => {
  const { packages, resolve } = decode(metadata)
  const nodes = new Map(resolve.nodes.map(({ deps, id }) => [id, deps]))
  const linked = new Set([resolve.root])
  for (const id of linked) {
    for (const { dep_kinds: kinds, pkg } of nodes.get(id) ?? []) {
      if (kinds.some(({ kind }) => kind === null)) linked.add(pkg)
    }
  }
  return packages
    .filter(({ id }) => linked.has(id))
    .toSorted((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1))
}

/** Such as LICENSE-MIT, COPYING and notice.md, but no source that reads licenses. */
const isNotice =
  /^(?:licen[cs]es?|copying|copyright|notices?|unlicense)(?![a-z_])(?!.*\.(?:rs|c|h|cc|cpp|js|ts|py|html)$)/i

/** The notices in a folder and in those below, such as the one of QuickJS inside of a crate. */
export const noticesIn = (folder: string): ReadonlyArray<string> => {
  const files: Array<string> = []
  const folders = [folder]
  for (const path of folders) {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name)
      // A crate may have a folder of licenses too.
      if (entry.isDirectory()) folders.push(child)
      else if (entry.isFile() && (isNotice.test(entry.name) || isNotice.test(basename(path)))) files.push(child)
    }
  }
  return files.toSorted()
}

export interface Part {
  /** Such as `zstd-sys 2.0.16`. */
  readonly title: string
  readonly lines: ReadonlyArray<string>
  readonly folder: string
  readonly files: ReadonlyArray<string>
}

export const partOf = ({ authors, license, manifest_path: manifest, name, repository, version }: Crate): Part => {
  const folder = join(manifest, "..")
  return {
    title: `${name} ${version}`,
    lines: [
      `License: ${license ?? "see below"}`,
      ...(authors.length === 0 ? [] : [`Authors: ${authors.join(", ")}`]),
      ...(repository === null ? [] : [repository])
    ],
    folder,
    files: noticesIn(folder)
  }
}

/** Gives the text of all parts. A text that several parts have stands once, under the first of them. */
export const render = (parts: ReadonlyArray<Part>): string => {
  const known = new Map<string, string>()
  const sections = parts.map(({ files, folder, lines, title }) => {
    const texts = files.map((file) => {
      const text = readFileSync(file, "utf8").trim()
      const first = known.get(text)
      const name = relative(folder, file)
      if (first !== undefined) return `${name}: the text of ${first}`
      known.set(text, `${title}, ${name}`)
      return `${name}:\n\n${text}`
    })
    return [`${"=".repeat(80)}\n${title}\n${lines.join("\n")}`, ...texts].join("\n\n")
  })
  return `${sections.join("\n\n")}\n`
}

/** The texts of the licenses that crates name and do not have a file of, and those of the standard library of Rust. */
export const rustPart = (sysroot: string): Part => {
  const folder = join(sysroot, "share/doc/rust")
  return {
    title: "The standard library of Rust, and the texts of the licenses that crates above name",
    lines: ["License: MIT OR Apache-2.0"],
    folder,
    files: existsSync(folder) ? noticesIn(folder).filter((file) => !file.endsWith(".html")) : []
  }
}
