/** The binary of LLRT for a layer: where the build looks for it, and what keeps a file from being it. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as LlrtBinary from "../src/build/LlrtBinary.ts"
import * as Llrt from "../src/layer/Llrt.ts"
import { arm64, cutOff, elfOf, llrtOf, x64 } from "./support/foreignLayer.ts"

const folder = mkdtempSync(join(tmpdir(), "llrt-binary-"))
afterAll(() => rmSync(folder, { recursive: true }))

let count = 0
const fileOf = (bytes: string | Uint8Array, mode = 0o755, path = `${++count}/bin/llrt`) => {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
  chmodSync(file, mode)
  return file
}

const find = (llrt: ReadonlyArray<string>, arch: "x64" | "arm64" = "x64", project = folder) =>
  LlrtBinary.forLayer({ llrt, project }, arch)

const refusal = (...args: Parameters<typeof find>) =>
  Effect.map(Effect.flip(find(...args)), ({ cause }) => String(cause))

const advice = "npm run pack:llrt, in the repository of effect-lambda, builds LLRT 0.8.1-beta for Lambda"

describe("a file that is not the LLRT of a layer", () => {
  it.effect.each<readonly [what: string, bytes: string | Uint8Array, mode: number, said: string]>([
    ["a script", "#!/bin/sh\n", 0o755, "is no program of Linux (ELF)"],
    ["nothing", "", 0o755, "is no program of Linux (ELF)"],
    [
      "a program for another processor",
      llrtOf({ machine: 243 }),
      0o755,
      "is a program for another processor (ELF machine 243)"
    ],
    [
      "a program of which the end is missing",
      cutOff(llrtOf({ machine: x64 })),
      0o755,
      "is cut off: the file ends before the parts that it says it has"
    ],
    ["another program", elfOf({ machine: x64 }), 0o755, "is a program, and no LLRT"],
    [
      "a later version",
      llrtOf({ machine: x64 }, "0.9.0"),
      0o755,
      "is LLRT 0.9.0, and layers are built with 0.8.1-beta"
    ],
    ["a file without its x bit", llrtOf({ machine: x64 }), 0o644, "is not executable: chmod 755"],
    [
      "a program for Alpine",
      llrtOf({ machine: x64, interpreter: "/lib/ld-musl-x86_64.so.1" }),
      0o755,
      "is linked with musl: /lib/ld-musl-x86_64.so.1 is in no function"
    ],
    [
      "a program that was built on a newer system",
      llrtOf({ machine: x64, versions: ["GLIBC_2.17", "GLIBC_2.35"] }),
      0o755,
      "needs GLIBC_2.35, and Amazon Linux 2023, the newest system of Lambda, has glibc 2.34: it was built on a newer system"
    ]
  ])("%s", ([, bytes, mode, said]) =>
    Effect.gen(function* () {
      const file = fileOf(bytes, mode)
      assert.strictEqual(yield* refusal([file]), `${file} ${said}. ${advice}`)
    })
  )

  it.effect.each([
    ["not there", "/none/llrt", "ENOENT"],
    ["a folder", folder, "it is no regular file"],
    // Reading it would never end.
    ["a device", "/dev/zero", "it is no regular file"]
  ] as const)("a path that is %s", ([, path, said]) =>
    Effect.map(refusal([path]), (text) => {
      assert.include(text, `the LLRT ${path} cannot be read: `)
      assert.include(text, said)
    })
  )
})

describe("the LLRT of a layer", () => {
  it.effect("is nowhere: the sentence says the ways to give one", () =>
    Effect.gen(function* () {
      const own = process.arch === "arm64" ? "arm64" : "x64"
      assert.strictEqual(
        yield* refusal([], own),
        `there is no LLRT for ${own}: name one by --llrt PATH or the variable EFFECT_LAMBDA_LLRT, or install the package ` +
          `@effect-lambda/llrt-linux-${own} in the project. ${advice}`
      )
      // npm refuses to install the package for another processor.
      const other = own === "x64" ? "arm64" : "x64"
      assert.include(yield* refusal([], other), `unpack the package @effect-lambda/llrt-linux-${other}, which npm`)
      // The binary for one architecture is not that for the other.
      const named = fileOf(llrtOf({ machine: x64 }))
      assert.include(yield* refusal([named], "arm64"), `there is no LLRT for arm64, ${named} is for x64: name one by`)
    })
  )

  it.effect("is the one of its architecture among those that are named", () =>
    Effect.gen(function* () {
      const named = [fileOf(llrtOf({ machine: x64 })), fileOf(llrtOf({ machine: arm64, versions: ["GLIBC_2.34"] }))]
      for (const [index, arch] of (["x64", "arm64"] as const).entries()) {
        assert.deepInclude(yield* find(named, arch), {
          path: named[index] ?? "",
          arch,
          record: { version: Llrt.version }
        })
      }
    })
  )

  it.effect("is that of the package beside the project, whose manifest says when it was built", () =>
    Effect.gen(function* () {
      const place = `${++count}/node_modules/@effect-lambda/llrt-linux-x64`
      const file = fileOf(llrtOf({ machine: x64 }), 0o755, `${place}/bin/llrt`)
      const record = { version: Llrt.version, built: "2026-11-28" }
      const write = (llrt: unknown) =>
        fileOf(
          JSON.stringify({ name: "@effect-lambda/llrt-linux-x64", version: "0.8.1-beta", llrt }),
          0o644,
          `${place}/package.json`
        )
      const project = join(folder, `${count}/project`)
      write(record)
      assert.deepInclude(yield* find([], "x64", project), { path: file, record })
      // A path into such a package, as one unpacked from a tarball, has the same record.
      assert.deepInclude(yield* find([file]), { path: file, record })
      for (const wrong of [
        undefined,
        { version: "0.7.0", built: "2026-11-28" },
        { version: Llrt.version, built: "yesterday" }
      ]) {
        write(wrong)
        assert.deepInclude(yield* find([file]), { record: { version: Llrt.version } })
      }
    })
  )

  it.each([
    ["2026-11-28", undefined],
    ["2026-08-30", undefined],
    ["2026-08-29", "this LLRT was built on 2026-08-29, 91 days ago"],
    // The day has begun already in other parts of the world.
    ["2026-11-29", undefined],
    ["2026-12-31", "the day on which this LLRT was built is not known"],
    ["2026-13-45", "the day on which this LLRT was built is not known"],
    [undefined, "the day on which this LLRT was built is not known"]
  ])("built on %s, it is old after 90 days", (built, said) => {
    const record = { version: Llrt.version, ...(built === undefined ? undefined : { built }) }
    assert.strictEqual(Llrt.ageOf(record, Date.parse("2026-11-28T23:59:59Z"))?.message, said)
  })
})
