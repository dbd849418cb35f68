/** The npm package with LLRT: what npm and the build read of it, its notices, and the audit of its crates. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Llrt from "../cli/src/layer/Llrt.ts"
import * as Audit from "../tools/llrt/audit.ts"
import * as Notices from "../tools/llrt/notices.ts"
import * as Pack from "../tools/llrt/pack.ts"

const folder = mkdtempSync(join(tmpdir(), "llrt-package-"))
afterAll(() => rmSync(folder, { recursive: true }))

const write = (path: string, text: string) => {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

const crate = (name: string, license: string | null = "MIT") => ({
  id: `registry#${name}@1.0.0`,
  name,
  version: "1.0.0",
  authors: [`${name}'s author`],
  license,
  repository: null,
  manifest_path: join(folder, name, "Cargo.toml"),
  edition: "2021"
})

const node = (name: string, deps: ReadonlyArray<readonly [name: string, kind: string | null]>) => ({
  id: `registry#${name}@1.0.0`,
  deps: deps.map(([dep, kind]) => ({ name: dep, pkg: `registry#${dep}@1.0.0`, dep_kinds: [{ kind, target: null }] }))
})

/** As `cargo metadata` writes it, with more fields there than here. */
const metadata = JSON.stringify({
  version: 1,
  packages: ["llrt", "zlib", "cc", "bench", "deep", "hashes"].map((name) => crate(name)),
  resolve: {
    root: "registry#llrt@1.0.0",
    nodes: [
      node("llrt", [
        ["zlib", null],
        ["bench", "dev"]
      ]),
      node("zlib", [
        ["cc", "build"],
        ["deep", null]
      ]),
      node("cc", [["hashes", null]]),
      node("bench", []),
      node("deep", []),
      node("hashes", [])
    ]
  }
})

describe("the package", () => {
  it.each(["x64", "arm64"] as const)("is installed on Linux %s only, and says when it was built", (arch) => {
    const manifest = Pack.manifestOf(arch, "2026-11-28")
    assert.deepInclude(manifest, { name: `@effect-lambda/llrt-linux-${arch}`, version: "0.8.1-beta.20261128" })
    assert.deepInclude(manifest, { os: ["linux"], cpu: [arch] })
    assert.deepStrictEqual(Llrt.decode(manifest.llrt), { version: Llrt.version, built: "2026-11-28" })
  })
})

describe("the notices", () => {
  it("are those of the crates that are linked, not of those that only a build script or a test needs", () => {
    assert.deepStrictEqual(
      Notices.cratesOf(metadata).map(({ name }) => name),
      ["deep", "llrt", "zlib"]
    )
  })

  it("have the sources in C inside of a crate too, and each text once", () => {
    write("zlib/LICENSE-MIT", "the MIT text\n")
    write("zlib/src/zlib-ng/LICENSE.md", "the zlib text")
    write("zlib/src/license_parser.rs", "no notice by itself")
    write("deep/COPYING", "the MIT text")
    write("llrt/src/main.rs", "")
    const text = Notices.render(Notices.cratesOf(metadata).map(Notices.partOf))
    assert.match(text, /deep 1\.0\.0\nLicense: MIT\nAuthors: deep's author\n\nCOPYING:\n\nthe MIT text\n/)
    assert.match(text, /zlib 1\.0\.0\n.*\n.*\n\nLICENSE-MIT: the text of deep 1\.0\.0, COPYING\n/)
    assert.include(text, "src/zlib-ng/LICENSE.md:\n\nthe zlib text")
    assert.include(text, "llrt 1.0.0\nLicense: MIT")
    assert.notInclude(text, "no notice by itself")
  })
})

describe("the audit", () => {
  const fault = (name: string, id: string) => ({
    advisory: { id, title: "it reads too far", date: "2026-11-01", cvss: null },
    package: { name, version: "1.0.0" },
    versions: { patched: [] }
  })
  const report = JSON.stringify({
    database: {},
    vulnerabilities: {
      found: true,
      count: 3,
      list: [fault("zlib", "RUSTSEC-1"), fault("bench", "RUSTSEC-2"), fault("deep", "RUSTSEC-2025-0040")]
    }
  })

  it("names the faults of crates that are in the binary, and why layers do not have some of them", () => {
    assert.deepStrictEqual(Audit.faultsIn(report, Notices.cratesOf(metadata)), [
      { text: "zlib 1.0.0: RUSTSEC-1 of 2026-11-01, it reads too far", reason: undefined },
      { text: "deep 1.0.0: RUSTSEC-2025-0040 of 2026-11-01, it reads too far", reason: "LLRT lists no groups" }
    ])
  })

  it.each(["", "error: couldn't fetch advisory database", "{}"])("takes %j for no report", (text) => {
    assert.isUndefined(Audit.faultsIn(text, []))
  })
})
