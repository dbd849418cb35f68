/** Layers over each other, and layers that are made to do harm. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as LayerMerge from "../src/emulate/LayerMerge.ts"
import * as OptFolder from "../src/emulate/OptFolder.ts"
import * as ZipReader from "../src/layer/ZipReader.ts"
import { type File, zipOf } from "./support/foreignLayer.ts"

const named = (name: string, files: ReadonlyArray<File>): LayerMerge.Named => ({
  name,
  entries: Result.getOrThrow(ZipReader.read(zipOf(files)))
})

const text = (path: string, bytes: string): File => ({ path, bytes })
const link = (path: string, target: string): File => ({ path, mode: 0o120777, bytes: target })
const folder = (path: string): File => ({ path: `${path}/`, mode: 0o040755, bytes: "" })

/** The entry at each path: the content of a file, the target of a link, or nothing for a folder. */
const merged = (...layers: ReadonlyArray<ReadonlyArray<File>>) =>
  Object.fromEntries(
    Array.from(Result.getOrThrow(LayerMerge.merge(layers.map((files, index) => named(`${index}`, files)))))
      .filter(([, { kind }]) => kind !== "directory")
      .map(([path, { kind, read }]) => [path, `${kind}: ${Buffer.from(read()).toString()}`])
  )

describe("merge", () => {
  it.each<readonly [string, ReadonlyArray<ReadonlyArray<File>>, Readonly<Record<string, string>>]>([
    [
      "folders become one, the later file stays",
      [
        [text("extensions/a", "first"), text("lib/one", "1")],
        [text("extensions/a", "second"), text("lib/two", "2")]
      ],
      { "extensions/a": "file: second", "lib/one": "file: 1", "lib/two": "file: 2" }
    ],
    [
      "a file takes the place of a folder with all that is in it",
      [[text("a/b/c", "c"), text("ab", "ab")], [text("a", "a")]],
      { a: "file: a", ab: "file: ab" }
    ],
    ["a folder takes the place of a file", [[text("a", "a")], [folder("a"), text("a/b", "b")]], { "a/b": "file: b" }],
    [
      "nothing is written through a link of an earlier layer",
      [[link("lib64", "lib"), text("lib/x", "x")], [text("lib64/y", "y")]],
      { "lib/x": "file: x", "lib64/y": "file: y" }
    ],
    [
      "paths are the same however they are written",
      [[text("./extensions//a", "first")], [text("extensions/a", "second")]],
      { "extensions/a": "file: second" }
    ],
    ["the last entry stays if a zip has a path twice", [[text("a", "1"), text("a", "2")]], { a: "file: 2" }],
    [
      "links inside a layer stay, also by /opt and into another layer",
      [[link("bin/node", "/opt/lib/node"), link("other", "lib/node")], [text("lib/node", "n")]],
      { "bin/node": "symlink: /opt/lib/node", other: "symlink: lib/node", "lib/node": "file: n" }
    ]
  ])("%s", (_, layers, expected) => assert.deepStrictEqual(merged(...layers), expected))

  it.each<readonly [string, ReadonlyArray<ReadonlyArray<File>>, RegExp]>([
    ["a path that leaves", [[text("../a", "")]], /^0: "\.\.\/a" in it is not a path inside a layer$/],
    ["a path that leaves from within", [[text("a/../../b", "")]], /"a\/\.\.\/\.\.\/b" in it is not a path inside/],
    ["an absolute path", [[text("/etc/passwd", "")]], /"\/etc\/passwd" in it is not a path inside/],
    ["a path with a null character", [[text("a\0b", "")]], /is not a path inside a layer$/],
    ["a link that leaves", [[link("a", "../b")]], /the link "a" leads out of the layer, to "\.\.\/b"$/],
    ["a link to an absolute path", [[link("a", "/etc/passwd")]], /leads out of the layer, to "\/etc\/passwd"$/],
    ["a link to a neighbour of /opt", [[link("a", "/optional")]], /leads out of the layer/],
    [
      "a link that leaves by another one",
      [[link("here", "."), link("a", "here/../b")]],
      /the link "a" leads out of the layer, to "here\/\.\.\/b"$/
    ],
    [
      "a link that leaves by one of another layer",
      [[link("a", "dir/here/../../b"), folder("dir")], [link("dir/here", "..")]],
      /the link "a" leads out of the layer/
    ],
    [
      "a file below a link",
      [[link("a", "b"), text("a/c", "")]],
      /^0: "a\/c" in it is below "a", which is not a folder$/
    ],
    ["a file below a file", [[text("a/c", ""), text("a", "")]], /"a\/c" in it is below "a"/],
    ["a device", [[{ path: "null", mode: 0o020666, bytes: "" }]], /"null" in it is neither file, folder nor link$/],
    ["nothing but a dot", [[folder(".")]], /^0: the layer is empty$/],
    [
      "layers that are too large together",
      [[{ ...text("a", ""), size: 700 * 1024 * 1024 }], [{ ...text("b", ""), size: 700 * 1024 * 1024 }]],
      /^the layers have 1468006400 bytes, over 1 GiB/
    ]
  ])("%s is refused", (_, layers, sentence) => {
    const result = LayerMerge.merge(layers.map((files, index) => named(`${index}`, files)))
    assert.match(Result.isFailure(result) ? result.failure : "no failure", sentence)
  })
})

describe("on the disk", () => {
  const inFolder = <A>(run: (folder: string) => Effect.Effect<A, Error>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "opt-folder-"))),
      run,
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )

  it.effect("modes and links stay, rights of others do not come along, every folder can be removed", () =>
    inFolder(
      Effect.fnUntraced(function* (path) {
        const zip = join(path, "layer.zip")
        writeFileSync(
          zip,
          zipOf([
            { path: "extensions/", mode: 0o040444, bytes: "" },
            { path: "extensions/a", mode: 0o104755, bytes: "a" },
            { path: "extensions/windows", host: 0, bytes: "w" },
            link("bin/a", "../extensions/a")
          ])
        )
        const other = join(path, "other")
        mkdirSync(join(other, "bin"), { recursive: true })
        writeFileSync(join(other, "bin/b"), "b")
        chmodSync(join(other, "bin/b"), 0o711)
        const target = join(path, "opt")
        mkdirSync(target)
        yield* OptFolder.write(target, [zip, other])
        const mode = (file: string) => (lstatSync(join(target, file)).mode & 0o7777).toString(8)
        assert.deepStrictEqual(
          [mode("extensions"), mode("extensions/a"), mode("extensions/windows"), mode("bin"), mode("bin/b")],
          ["744", "755", "644", "755", "711"]
        )
        assert.strictEqual(readlinkSync(join(target, "bin/a")), "../extensions/a")
        assert.strictEqual(readFileSync(join(target, "bin/a"), "utf8"), "a")
        assert.deepStrictEqual(OptFolder.extensionNames(target).toSorted(), ["a", "windows"])
      })
    )
  )
})
