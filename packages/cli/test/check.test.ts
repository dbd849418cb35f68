/** `effect-lambda check` as a person runs it. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { execFile } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { Finding } from "../src/check/Finding.ts"
import * as LayerContent from "../src/layer/LayerContent.ts"
import { program as command } from "./support/cli.ts"
import { good, program, x64, zipOf } from "./support/foreignLayer.ts"

describe("effect-lambda check", () => {
  const run = (...args: ReadonlyArray<string>) =>
    new Promise<{ readonly code: unknown; readonly output: string }>((resolve) => {
      execFile(process.execPath, [command, "check", ...args], (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, output: stdout + stderr })
      )
    })

  const inFolder = async (work: (folder: string) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), "check-"))
    try {
      await work(folder)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  const write = (folder: string, path: string, bytes: string | Uint8Array, mode = 0o644) => {
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
    chmodSync(join(folder, path), mode)
  }

  it("a directory: faults, advice, exit 1; repaired: exit 0", () =>
    inFolder(async (folder) => {
      chmodSync(folder, 0o755)
      write(folder, "extensions/hello", "#!/usr/bin/env node\n", 0o644)
      symlinkSync("/etc/passwd", join(folder, "link"))
      const { code, output } = await run(folder, "--function-runtime", "nodejs24.x, python3.13")
      assert.strictEqual(code, 1, output)
      assert.include(output, "error [not-executable] extensions/hello: the mode 644")
      assert.include(output, "  do: chmod 755 extensions/hello")
      assert.include(
        output,
        "error [interpreter] extensions/hello: the script runs with node, which functions of python3.13"
      )
      assert.include(output, 'error [link] link: the entry is a symbolic link to "/etc/passwd"')
      assert.include(output, "3 errors, 0 warnings, 0 notes")

      chmodSync(join(folder, "extensions/hello"), 0o755)
      rmSync(join(folder, "link"))
      const repaired = await run(folder, "--function-runtime", "nodejs24.x")
      assert.deepStrictEqual(repaired, { code: 0, output: `${folder}: nothing found\n` })
    }))

  it("a zip: its name says for which machine, --json for machines", () =>
    inFolder(async (folder) => {
      const file = join(folder, "hello-arm64.zip")
      writeFileSync(file, zipOf(program({ machine: x64 })))
      const { code, output } = await run(file, "--json")
      assert.strictEqual(code, 1)
      const { arch, findings } = JSON.parse(output) as { readonly arch: string; readonly findings: Array<Finding> }
      assert.strictEqual(arch, "arm64")
      assert.deepStrictEqual(
        findings.map(({ code }) => code),
        ["architecture"]
      )
      assert.strictEqual((await run(file, "--arch", "x64")).code, 0)
    }))

  it("names in a zip do not move the cursor, and thousands of faults are few lines", () =>
    inFolder(async (folder) => {
      const file = join(folder, "layer.zip")
      const many = Array.from({ length: 3000 }, (_, index) => ({
        path: `a/\u202E\u001B[2J${index}`,
        bytes: "",
        mode: 0o100600
      }))
      writeFileSync(file, zipOf([good, ...many]))
      const { code, output } = await run(file)
      assert.strictEqual(code, 1)
      assert.include(output, "error [unreadable] a/\\u202e\\x1b[2J0: ")
      assert.include(output, "… and 2995 more [unreadable]")
      assert.notInclude(output, "\u001B")
      assert.isBelow(output.split("\n").length, 20)
    }))

  it("a path that is no layer is one sentence, exit 1", () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, "text.zip"), "hello")
      writeFileSync(join(folder, "layer.tar.gz"), Buffer.from("1f8b0800", "hex"))
      const { code, output } = await run(join(folder, "text.zip"))
      assert.strictEqual(code, 1)
      assert.include(output, "text.zip cannot be checked: the file is not a zip")
      assert.notMatch(output, /^ +at /m)
      for (const [path, words] of [
        [join(folder, "layer.tar.gz"), "the file is packed with gzip (a .tar.gz?); Lambda takes a zip"],
        [join(folder, "nowhere.zip"), "there is no such file or directory; build it first, or correct the path"],
        ["/dev/null", "this path is neither a file nor a directory"]
      ] as const) {
        assert.deepStrictEqual(LayerContent.open(path), Result.fail(words))
      }
    }))

  it("a runtime that does not exist is refused with those that do", async () => {
    const { code, output } = await run(import.meta.dirname, "--function-runtime", "node24")
    assert.strictEqual(code, 1)
    assert.include(output, '"node24" is not known here; known are nodejs24.x')
  })
})
