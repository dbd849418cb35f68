/** Each broken layer has one fault: check names it, and nothing else. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Target } from "../src/check/Finding.ts"
import * as Findings from "../src/check/Findings.ts"
import * as FunctionRuntime from "../src/check/FunctionRuntime.ts"
import * as Secrets from "../src/layer/Secrets.ts"
import * as Stub from "../src/build/entry/Stub.ts"
import * as ZipWriter from "../src/layer/ZipWriter.ts"
import * as ZipReader from "../src/layer/ZipReader.ts"
import { accessKey, broken, secrets } from "./support/brokenLayers.ts"
import { brokenLinks } from "./support/brokenLinks.ts"
import {
  arm64,
  beside,
  check,
  elfOf,
  type File,
  good,
  llrtLayer,
  llrtOf,
  program,
  script,
  targetOf,
  x64,
  zipOf
} from "./support/foreignLayer.ts"

const all = [...broken, ...brokenLinks]

describe("a layer with one fault: check names it, and nothing else", () => {
  it.each(all)("$title", ({ arch, files, finding: [severity, code, path, words], runtimes }) => {
    const findings = check(files, runtimes, arch)
    const [finding] = findings
    assert.lengthOf(findings, 1, JSON.stringify(findings, undefined, 2))
    assert.deepInclude(finding, { severity, code, path })
    assert.match(finding!.message, words)
    assert.isNotEmpty(finding!.advice)
    for (const secret of secrets) assert.notInclude(JSON.stringify(findings), secret.slice(4, 14))
  })

  it("a zip of 51 MB", () => {
    const entries = Result.getOrThrow(ZipReader.read(zipOf([good])))
    const [finding, ...rest] = Findings.find({ entries, packedBytes: 51 * 1024 * 1024 }, targetOf(""))
    assert.deepInclude(finding, { severity: "warning", code: "zip-size", path: "" })
    assert.isEmpty(rest)
  })
})

const unobjectionable: ReadonlyArray<{
  readonly title: string
  readonly files: ReadonlyArray<File>
  readonly runtimes?: string
  readonly arch?: Target["arch"]
}> = [
  { title: "a script", files: [good], runtimes: "nodejs24.x,python3.13,java8.al2,dotnet8,ruby3.4,provided.al2023" },
  { title: "with entries for directories", files: [{ path: "extensions/", bytes: "", mode: 0o040755 }, good] },
  { title: "stored, not deflated", files: [{ ...good, method: 0 }] },
  { title: "a static program", files: program({ machine: arm64 }), arch: "arm64", runtimes: "provided.al2" },
  {
    title: "a linked program that every function can start",
    files: program({ machine: x64, needed: ["libc.so.6"], versions: ["GLIBC_2.17"] }),
    runtimes: "provided.al2,java21"
  },
  { title: "Node beside Node functions", files: script("#!/usr/bin/env node\n"), runtimes: "nodejs18.x,nodejs24.x" },
  {
    title: "env -S on Amazon Linux 2023",
    files: script("#!/usr/bin/env -S node --no-warnings\n"),
    runtimes: "nodejs24.x"
  },
  {
    title: "an interpreter that the layer brings along",
    files: [...script("#!/usr/bin/env bun\n"), { path: "bin/bun", bytes: elfOf({ machine: x64 }), mode: 0o100755 }],
    runtimes: "python3.13"
  },
  {
    title: "a stub with a Node in the layer",
    files: [
      ...script(Stub.render({ name: "hello", events: ["INVOKE"], runtime: "auto" })),
      { path: "hello/index.cjs", bytes: "" },
      { path: "hello/bundle.cjs", bytes: "" },
      { path: "hello/bin/node", bytes: elfOf({ machine: x64 }), mode: 0o100755 }
    ],
    runtimes: "python3.13,nodejs20.x"
  },
  {
    title: "a stub with its bun program",
    files: [
      ...script(Stub.render({ name: "hello", events: ["INVOKE"], runtime: "bun" })),
      { path: "hello/bin/hello", bytes: elfOf({ machine: x64 }), mode: 0o100755 }
    ],
    runtimes: "python3.13,provided.al2"
  },
  { title: "a stub with its LLRT, 90 days old", files: llrtLayer(), runtimes: "python3.13,provided.al2,nodejs18.x" },
  {
    title: "bytecode that its LLRT has packed",
    files: llrtLayer({
      "hello/bundle.lrt": Buffer.from("6c72743031636b00000028b52ffd4388010203040000", "hex"),
      "hello/bin/llrt": Buffer.concat([llrtOf({ machine: x64 }), Buffer.from("37a430ec01020304", "hex")])
    })
  },
  {
    title: "links inside the layer",
    files: [
      { ...good, path: "hello/run" },
      { path: "extensions/hello", bytes: "../hello/run", mode: 0o120777 },
      { path: "hello/again", bytes: "/opt/hello/run", mode: 0o120777 }
    ]
  },
  {
    title: "a link to what is below another link",
    files: [
      good,
      { ...good, path: "hello-1.0/run" },
      { path: "hello", bytes: "hello-1.0", mode: 0o120777 },
      { path: "run", bytes: "hello/run", mode: 0o120777 }
    ]
  },
  {
    title: "ten extensions",
    files: Array.from({ length: 10 }, (_, index) => ({ ...good, path: `extensions/${index}` }))
  },
  {
    title: "http in CommonJS, or only in a text",
    files: beside("hello/bundle.js", `require("node:http"); "import 'http'"`)
  },
  {
    title: "builds for several machines",
    files: beside("hello/prebuilds/linux-arm64/a.node", elfOf({ machine: arm64 })),
    arch: "x64"
  },
  {
    title: "the keys of AWS's documentation",
    files: beside("hello/a.js", `key("AKIAIOSFODNN7EXAMPLE", "-----BEGIN PRIVATE KEY-----")`)
  },
  {
    title: "no secrets",
    files: beside("hello/a.js", `password: process.env.PASSWORD, secret: "Lambda-Extension-Name", token:"\${TOKEN}"`)
  },
  {
    title: "an access key of AWS as the end of a longer word",
    files: beside("hello/a.js", `x${accessKey}`)
  },
  {
    title: "a password that is too regular for one",
    files: beside("hello/a.js", `password: "${"abc123".repeat(4)}"`)
  },
  {
    title: "a token from the environment",
    files: beside("hello/.npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}")
  }
]

it("docs/checking.md lists every fault", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/checking.md"), "utf8")
  const rows = new Map(
    Array.from(text.matchAll(/^\| (`.+?`) \| ([a-z, ]+) \|/gm), ([, codes, severities]) => [codes, severities])
  )
  for (const { finding } of all) {
    const [severity, code] = finding
    const row = Array.from(rows.keys()).find((codes) => codes?.includes(`\`${code}\``))
    assert.include(rows.get(row), severity, code)
  }
})

describe("an npm token", () => {
  it.each<readonly [string, boolean]>([
    ["_authToken=00000000-1111-2222-3333-444444444444\n", true],
    ['_authToken="dGhpcyBpcyBhIHRva2VuIG9mIHlvdXJz="', true],
    ["_authToken=dGhpcyBpcyBhIHRva2VuIG9mIHlvdXJz==\0rest", true],
    // The token as a text in a bundle.
    [String.raw`"_authToken=00000000-1111-2222-3333-444444444444\n//other/:_authToken="`, true],
    // The text in bun's program.
    ["_authToken=_auth=username=_password=", false],
    ["_authToken=a_very_long_key_of_settings=username", false],
    ["_authToken=another-key-of-some-settings=username", false],
    ["_authToken=\0username=", false],
    ["_authToken=${NPM_TOKEN}", false],
    ["_authToken=short", false]
  ])("%j: %s", (text, isOne) => {
    const found = Secrets.find(Buffer.from(`//registry/:${text}`))
    assert.strictEqual(
      found.some(({ isCertain, kind }) => isCertain && kind === "an npm token"),
      isOne
    )
  })
})

describe("nothing to say", () => {
  it.each(unobjectionable)("$title", ({ arch, files, runtimes }) => {
    assert.deepStrictEqual(check(files, runtimes, arch), [])
  })

  it("a zip that effect-lambda has written", () => {
    const zip = ZipWriter.write([{ path: good.path, mode: 0o755, bytes: Buffer.from(good.bytes) }])
    const entries = Result.getOrThrow(ZipReader.read(zip))
    assert.deepStrictEqual(Findings.find({ entries, packedBytes: zip.length }, targetOf("")), [])
  })

  it("a zip with a program before it, as one that unpacks itself", () => {
    const zip = Buffer.concat([Buffer.from("#!/bin/sh\n"), zipOf([good])])
    const entries = Result.getOrThrow(ZipReader.read(zip))
    assert.deepStrictEqual(Findings.find({ entries, packedBytes: zip.length }, targetOf("")), [])
  })
})

it.each([
  ["nodejs18.x", "al2"],
  ["nodejs20.x", "al2023"],
  ["nodejs26.x", "al2023"],
  ["python3.11", "al2"],
  ["python3.14", "al2023"],
  ["java8.al2", "al2"],
  ["java25", "al2023"],
  ["dotnet6", "al2"],
  ["ruby3.2", "al2"],
  ["provided.al2", "al2"]
])("%s runs on %s", (id, image) => {
  assert.strictEqual(FunctionRuntime.parse(id)?.image, image)
})
