/** `effect-lambda trace`: from a stack trace of a built layer to the line that threw. */
import * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Build from "../src/build/Build.ts"
import * as LayerConfig from "../src/project/LayerConfig.ts"
import * as SourceMap from "../src/layer/SourceMap.ts"
import { program, start } from "./support/cli.ts"
import { inProcess } from "./support/inProcess.ts"
import * as Project from "./support/projects.ts"
import { withBundle } from "./support/trial.ts"

afterAll(Project.remove)

// The key is none of AWS's.
const check = `#!/usr/bin/env node
export const check = (id: string): void => {
  if (id.length > 1) throw new Error("no such secret: " + id)
  if (id === "AKIAQ3EGRTWZ5VJ2K7XD") throw new Error("revoked")
}
`
const place = "src/check.ts:3:32"
const mainPlace = "src/main.ts:9:42"

const project = Project.make("trace", {
  "package.json": Project.manifest({ arch: process.arch, codeCache: "off" }),
  "src/main.ts": Project.checking,
  "src/check.ts": check
})

let built: Build.Built
/** The lines that the layer printed in the emulator. */
let log: string

const build = Effect.gen(function* () {
  const config = yield* LayerConfig.resolve(project, {})
  return yield* withBundle(Build.run(config, { check: false, zip: false }))
}).pipe(Effect.scoped)

const emulate = Effect.fnUntraced(function* (opt: string) {
  const emulator = yield* Emulator.make({
    extensions: { opt },
    function: { handler: join(import.meta.dirname, "fixtures/handler.mjs") },
    environment: { EFFECT_LAMBDA_NODE: process.execPath }
  })
  const { requestId } = yield* emulator.invoke("{}")
  yield* emulator.journal.waitFor(
    Journal.is("InvocationDone", (done) => done.requestId === requestId),
    "1 minute"
  )
  yield* emulator.shutdown()
  return (yield* emulator.journal.entries).filter(Journal.is("Output")).map(({ line }) => `${line}\n`)
}, Effect.scoped)

beforeAll(async () => {
  built = await Effect.runPromise(build)
  log = (await Effect.runPromise(emulate(built.layers[0]?.directory ?? ""))).join("")
}, 30_000)

const trace = (args: ReadonlyArray<string>, { cwd = project, input = "" } = {}) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [program, "trace", ...args], {
    cwd,
    input,
    encoding: "utf8",
    timeout: 20_000
  })
  return { status, stderr, stdout }
}

it("a line without spaces takes linear time", () => {
  const map: SourceMap.SourceMap = {
    version: 3,
    names: [],
    sources: ["src/main.ts"],
    mappings: "AAAA",
    file: "bundle.cjs"
  }
  const { own, restore } = SourceMap.positions(map)
  const long = "x".repeat(1_000_000)
  const before = performance.now()
  assert.strictEqual(restore(long), long)
  assert.strictEqual(restore(`(${long}/bundle.cjs:1:1) ${long}`), `(src/main.ts:1:1) ${long}`)
  assert.isUndefined(own(long))
  // From each character on it took hours.
  assert.isBelow(performance.now() - before, 5000)
})

it("a stack of LLRT names the bytecode, with the positions of the text that it was compiled from", () => {
  const map: SourceMap.SourceMap = {
    version: 3,
    names: [],
    sources: ["src/main.ts"],
    // Column 1 is line 3, column 5 of the source, column 11 is line 4, column 1.
    mappings: "AAEI,UACJ",
    file: "hello/bundle.lrt"
  }
  const { own, restore } = SourceMap.positions(map)
  const stack =
    "Error: no\\n    at f (/opt/extensions/../hello/bundle.lrt:1:1)\\n    at <anonymous> (/opt/hello/bundle.lrt:1:11)"
  assert.strictEqual(restore(stack), "Error: no\\n    at f (src/main.ts:3:5)\\n    at <anonymous> (src/main.ts:4:1)")
  assert.strictEqual(own(stack), "src/main.ts:3:5")
  assert.strictEqual(restore("/opt/hello/bundle.cjs:1:1"), "/opt/hello/bundle.cjs:1:1")
  assert.deepStrictEqual(SourceMap.decode(JSON.stringify(map)), map)
})

describe("a log of a layer", () => {
  it("names positions in the bundle; the trial run already names the places in the sources", () => {
    assert.match(log, /no such secret: .*\/watcher\/bundle\.cjs:\d+:\d+/)
    const [heading, said, ...rest] = built.notes.slice(1).join("\n").split("\n")
    assert.match(heading ?? "", /^the trial run had errors/)
    assert.match(said ?? "", /^invoke failed: Error: no such secret: [\da-f-]{36} \(src\/check\.ts:3:32\)$/)
    assert.deepStrictEqual(rest, [], "once, and not for each invocation")
  })

  it("is read by emulate with the map beside the layer", async () => {
    const layer = join(built.layers[0]?.directory ?? "", "extensions")
    const handler = join(import.meta.dirname, "fixtures/handler.mjs")
    for (const format of [["--logs"], []]) {
      const { output } = await inProcess(["emulate", "-e", layer, "-f", handler, "-n", "1", ...format])
      assert.include(output, place)
      assert.notInclude(output, "bundle.cjs:")
    }
  })

  it("from standard input: the places in the sources, everything else as it was", () => {
    const { status, stderr, stdout } = trace([], { input: `not ours\n${log}` })
    assert.strictEqual(status, 0, stderr)
    assert.isTrue(stdout.startsWith("not ours\n"))
    assert.include(stdout, place)
    assert.include(stdout, mainPlace)
    assert.notInclude(stdout, "bundle.cjs")
    assert.strictEqual(stdout.split("\n").length, log.split("\n").length + 1)
    const untraced = (text: string) => text.replaceAll(/\([^()]*:\d+:\d+\)|at [^ ]+:\d+:\d+/g, "")
    assert.strictEqual(untraced(stdout), untraced(`not ours\n${log}`))
  })

  it("from a file, with the map of a release that was kept elsewhere", () => {
    const kept = join(Project.folder, "1.4.2.map")
    const file = join(Project.folder, "outage.log")
    writeFileSync(kept, readFileSync(built.sourceMap ?? ""))
    writeFileSync(file, log)
    const { status, stdout } = trace(["--map", kept, file], { cwd: Project.folder })
    assert.strictEqual(status, 0)
    assert.include(stdout, place)
  })

  it("a log of something else is copied, and a line says so", () => {
    const { status, stderr, stdout } = trace([], { input: "at x (/opt/other/bundle.cjs:1:2)\n" })
    assert.deepStrictEqual(
      { status, stderr, stdout },
      {
        status: 0,
        stderr: "no position in watcher/bundle.cjs was found in this log\n",
        stdout: "at x (/opt/other/bundle.cjs:1:2)\n"
      }
    )
  })
})

it("a secret in the program is noted, at its place", () => {
  assert.match(
    built.notes[0] ?? "",
    /^src\/check\.ts:4:15 holds an AWS access key, which everybody who may use the layer can read: revoke it/
  )
})

describe("a log that goes on, as that of aws logs tail --follow", () => {
  const follow = () => start(["trace"], { cwd: project, stdin: "pipe" })

  it("ends with SIGTERM", async () => {
    const { child, ended, seen } = follow()
    child.stdin?.write("not ours\n")
    await seen(/not ours/)
    child.kill("SIGTERM")
    assert.strictEqual((await ended).code, 0)
  })

  it("ends when the output is no longer read, as with head", async () => {
    const { child, ended, seen } = follow()
    child.stdin?.on("error", () => {}).write("first\n")
    await seen(/first/)
    await once(child.stdout!.destroy(), "close")
    child.stdin?.write("second\n")
    assert.strictEqual((await ended).code, 0)
  })
})

it("the map is no part of the layer, and the bundle does not name it", () => {
  const [layer] = built.layers
  assert.isDefined(layer)
  assert.strictEqual(built.sourceMap, join(dirname(layer.directory), "watcher.map"))
  assert.notInclude(readFileSync(join(layer.directory, "watcher/bundle.cjs"), "utf8"), "sourceMappingURL")
  assert.isFalse(existsSync(join(layer.directory, "watcher/bundle.cjs.map")))
})

it("paths in the map begin at the project, not at the folder of the build", () => {
  const map = SourceMap.decode(readFileSync(built.sourceMap ?? "", "utf8"))
  assert.includeMembers([...(map?.sources ?? [])], ["src/main.ts", "src/check.ts"])
  assert.isFalse(map?.sources.some((source) => source.startsWith("/")))
})

describe("positions", () => {
  // The map has one line: column 5 is line 2, column 3 of a.ts; column 9 is line 1, column 1 of a package.
  const positions = SourceMap.positions({
    version: 3,
    file: "my.ext-1/bundle.cjs",
    names: [],
    sources: ["src/a.ts", "../node_modules/p/index.js"],
    mappings: "IACE,ICDF"
  })

  it.each([
    ["/opt/my.ext-1/bundle.cjs:1:5", "src/a.ts:2:3"],
    // Not in the map: before its first position, and in another line.
    ["/opt/my.ext-1/bundle.cjs:1:1", "/opt/my.ext-1/bundle.cjs:1:1"],
    ["/opt/my.ext-1/bundle.cjs:3:1", "/opt/my.ext-1/bundle.cjs:3:1"],
    ["at f (/opt/my.ext-1/bundle.cjs:1:7)", "at f (src/a.ts:2:5)"],
    ["at async /tmp/x/my.ext-1/bundle.cjs:1:5,", "at async src/a.ts:2:3,"],
    [
      '"at f (file:///opt/my.ext-1/bundle.cjs:1:5)\\n at /opt/my.ext-1/bundle.cjs:1:5"',
      '"at f (src/a.ts:2:3)\\n at src/a.ts:2:3"'
    ],
    ["at f (/opt/my.ext-1/bundle.cjs:1:9)", "at f (../node_modules/p/index.js:1:1)"],
    ["/opt/myxext-1/bundle.cjs:1:5", "/opt/myxext-1/bundle.cjs:1:5"],
    ["/opt/other-my.ext-1/bundle.cjs:1:5", "/opt/other-my.ext-1/bundle.cjs:1:5"],
    ["/opt/my.ext-1/bundle.cjs", "/opt/my.ext-1/bundle.cjs"],
    ["/opt/my.ext-1/bundle.cjs:0:0", "/opt/my.ext-1/bundle.cjs:0:0"],
    ["/opt/my.ext-1/bundle.cjs:1:1", "/opt/my.ext-1/bundle.cjs:1:1"]
  ])("%s is %s", (text, expected) => assert.strictEqual(positions.restore(text), expected))

  it("own is the first one in a source that is of no package", () => {
    const text = "at p (/opt/my.ext-1/bundle.cjs:1:9)\n at f (/opt/my.ext-1/bundle.cjs:1:5)"
    assert.strictEqual(positions.own(text), "src/a.ts:2:3")
    assert.isUndefined(positions.own("at p (/opt/my.ext-1/bundle.cjs:1:9)"))
  })
})

describe("bad input is one clear sentence and a non-zero exit", () => {
  it.each([
    [
      "a map that is not there",
      ["--map", "none.map"],
      /the source map \S+none\.map cannot be read: .*; effect-lambda build writes it/
    ],
    [
      "a map that is none",
      ["--map", "package.json"],
      /package\.json is not a source map that effect-lambda build has written/
    ],
    ["a log that is not there", ["none.log"], /the log cannot be read: .*none\.log/]
  ])("%s", (_, args, expected) => {
    const { status, stderr, stdout } = trace(args)
    assert.strictEqual(status, 1)
    assert.match(stderr + stdout, expected)
  })

  it("a folder that is no extension's", () => {
    const { status, stderr, stdout } = trace([], { cwd: Project.folder })
    assert.strictEqual(status, 1)
    assert.match(stderr + stdout, /there is no package\.json.*name the source map with --map FILE\.map/)
  })
})
