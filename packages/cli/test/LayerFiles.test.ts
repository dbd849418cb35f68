/** Zips and layers as bytes: the same files give the same bytes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as LayerFiles from "../src/layer/LayerFiles.ts"
import * as ZipWriter from "../src/layer/ZipWriter.ts"

const file = (path: string, text: string, mode: 0o755 | 0o644 = 0o644): LayerFiles.LayerFile => ({
  path,
  mode,
  bytes: Buffer.from(text)
})

const files = [
  file("hello/index.cjs", "// loader\n".repeat(50)),
  file("extensions/hello", "#!/bin/bash\n", 0o755),
  file("hello/empty", ""),
  file("hello/über.txt", "ü")
]

const hasPython = spawnSync("python3", ["--version"]).status === 0

describe("ZipWriter", () => {
  it("the order of the files does not matter, nor does the time zone", () => {
    const zip = Buffer.from(ZipWriter.write(files))
    assert.isTrue(zip.equals(ZipWriter.write(files.toReversed())))
    const script = `import(process.argv[1]).then(({ write }) => process.stdout.write(write(
      JSON.parse(process.argv[2]).map((file) => ({ ...file, bytes: Buffer.from(file.bytes, "base64") })))))`
    const json = JSON.stringify(files.map((file) => ({ ...file, bytes: Buffer.from(file.bytes).toString("base64") })))
    for (const TZ of ["Asia/Tokyo", "America/St_Johns", "Africa/Monrovia"]) {
      const args = ["--input-type=commonjs", "-e", script, join(import.meta.dirname, "../src/layer/ZipWriter.ts"), json]
      assert.isTrue(zip.equals(execFileSync(process.execPath, args, { env: { TZ } })), TZ)
    }
  })

  it.skipIf(!hasPython)("other programs read it, modes included", () => {
    const folder = mkdtempSync(join(tmpdir(), "zip-"))
    try {
      writeFileSync(join(folder, "layer.zip"), ZipWriter.write(files))
      const script = `
import zipfile, sys
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    for i in z.infolist(): print(i.filename, oct(i.external_attr >> 16), i.date_time, len(z.read(i)))`
      const output = execFileSync("python3", ["-c", script, join(folder, "layer.zip")], { encoding: "utf8" })
      assert.deepStrictEqual(output.trim().split("\n"), [
        "extensions/hello 0o100755 (1980, 1, 1, 12, 0, 0) 12",
        "hello/empty 0o100644 (1980, 1, 1, 12, 0, 0) 0",
        "hello/index.cjs 0o100644 (1980, 1, 1, 12, 0, 0) 500",
        "hello/über.txt 0o100644 (1980, 1, 1, 12, 0, 0) 2"
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe("LayerFiles", () => {
  it("the content hash knows paths, modes and bytes, and neither order nor caches", () => {
    const hash = LayerFiles.contentHash(files)
    assert.strictEqual(LayerFiles.contentHash(files.toReversed()), hash)
    assert.strictEqual(LayerFiles.contentHash([...files, file("hello/bundle.13.6-x64.cache", "any")]), hash)
    const others = [
      files.with(0, file("hello/index.cjs", "// other")),
      files.with(0, file("hello/index.js", "// loader\n".repeat(50))),
      files.with(1, file("extensions/hello", "#!/bin/bash\n")),
      files.slice(1)
    ]
    assert.strictEqual(new Set([hash, ...others.map(LayerFiles.contentHash)]).size, 5)
    assert.match(hash, /^[0-9a-f]{64}$/)
  })

  it("more than Lambda takes is a problem, and as much as it takes is none", () => {
    const layer = (bytes: number): ReadonlyArray<LayerFiles.LayerFile> => [
      { path: "hello/bin/node", mode: 0o755, bytes: new Uint8Array(bytes) }
    ]
    assert.isUndefined(LayerFiles.sizeProblem(layer(250 * 1024 * 1024)))
    assert.strictEqual(
      LayerFiles.sizeProblem(layer(250 * 1024 * 1024 + 1)),
      "the layer has 251 MB; Lambda takes 250 MB for a function and all of its layers"
    )
  })

  it.effect("is written with its modes whatever the umask, replaces an earlier one, and leaves nothing else", () =>
    Effect.gen(function* () {
      const folder = mkdtempSync(join(tmpdir(), "layer-"))
      const umask = process.umask(0o077)
      try {
        for (const written of [files, files.slice(0, 2)]) yield* LayerFiles.writeDirectory(join(folder, "out"), written)
      } finally {
        process.umask(umask)
      }
      const modes = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => [
        path,
        statSync(join(folder, path)).mode.toString(8)
      ])
      rmSync(folder, { recursive: true })
      assert.deepStrictEqual(modes.toSorted(), [
        ["out", "40755"],
        ["out/extensions", "40755"],
        ["out/extensions/hello", "100755"],
        ["out/hello", "40755"],
        ["out/hello/index.cjs", "100644"]
      ])
    })
  )

  it.effect.each([
    ["/proc/effect-lambda/layer", "ENOENT"],
    ["/dev/null/layer", "ENOTDIR"]
  ] as const)("a folder in which nothing can be made is a sentence: %s", ([directory, code]) =>
    Effect.gen(function* () {
      const { cause } = yield* Effect.flip(LayerFiles.writeDirectory(directory, files))
      assert.include(String(cause), `${directory} cannot be written: ${code}`)
    })
  )
})
