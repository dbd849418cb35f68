/** `effect-lambda emulate --opt`: layers of others, unmodified, as a person runs them. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { start } from "./support/cli.ts"
import { inProcess } from "./support/inProcess.ts"
import { type File, zipOf } from "./support/foreignLayer.ts"
import { logsBinder, namesOpt, polite, telemetryBinder, writeFolder } from "./support/optLayers.ts"

const root = mkdtempSync(join(tmpdir(), "opt-"))
afterAll(() => rmSync(root, { recursive: true }))

const temporary = join(root, "tmp")
mkdirSync(temporary)

let number = 0
const folderOf = (...layers: ReadonlyArray<ReadonlyArray<File>>) =>
  writeFolder(join(root, `${++number}`), layers.flat())

const zipFileOf = (files: ReadonlyArray<File>) => {
  const zip = join(root, `${++number}.zip`)
  writeFileSync(zip, zipOf(files))
  return zip
}

const textFileOf = (text: string) => {
  const file = join(root, `${++number}.zip`)
  writeFileSync(file, text)
  return file
}

const emptyFolder = () => {
  const folder = join(root, "empty")
  mkdirSync(folder)
  return folder
}

const handlerOf = (name: string, text: string) => {
  const file = join(root, name)
  writeFileSync(file, text)
  return file
}

const logging = handlerOf("handler.mjs", 'export const handler = async () => console.log("a line")\n')
const argsOf = (args: ReadonlyArray<string>) => ["emulate", ...args, "-n", "1", "--timeout", "10"]
const emulate = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  inProcess(argsOf(args), { TMPDIR: temporary, ...env })

/** Says whether this machine permits a mount, which decides the lines to expect. */
const isPermitted = ((): boolean => {
  try {
    execFileSync("unshare", [
      ...(process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"]),
      "mount",
      "--bind",
      "/opt",
      "/opt"
    ])
    return true
  } catch {
    return false
  }
})()

const pythonVersion = execFileSync("python3", ["-c", "import sys; print('python%d.%d' % sys.version_info[:2])"], {
  encoding: "utf8"
}).trim()

/** A PATH with what the runs need and without `unshare`. */
const withoutUnshare = join(root, "bin")
mkdirSync(withoutUnshare)
for (const name of ["bash", "sh", "mkfifo"]) symlinkSync(`/usr/bin/${name}`, join(withoutUnshare, name))
symlinkSync(process.execPath, join(withoutUnshare, "node"))

const hostsNote = /^note: add "127\.0\.0\.1 sandbox\.localdomain sandbox" to \/etc\/hosts: .+ \(.+\)$/m
const resolvesHere = /\bsandbox\b/.test(readFileSync("/etc/hosts", "utf8"))

describe("emulate --opt", () => {
  it("a zip that names /opt, a folder that binds to the names of the sandbox: both in one run", async () => {
    const zip = zipFileOf(namesOpt)
    const args = argsOf(["--opt", zip, "--opt", folderOf(telemetryBinder, logsBinder), "-f", logging])
    const { code, output } = await start(args, { env: { TMPDIR: temporary } }).ended
    if (!isPermitted) {
      assert.match(output, /^note: extensions\/names-opt names \/opt, /m)
      if (!resolvesHere) assert.match(output, hostsNote)
      return
    }
    assert.strictEqual(code, 0, output)
    assert.notMatch(output, /^note: .*(?:names \/opt|\/etc\/hosts)/m)
    assert.include(output, "asset: from the layer")
    assert.strictEqual(output.match(/bound to 127\.0\.0\.1: 200 "OK"/g)?.length, 2, output)
    assert.strictEqual(output.match(/records of the function: 1/g)?.length, 2, output)
    assert.deepStrictEqual(readdirSync(temporary), [], "nothing is left of what was unpacked")
  })

  it("no permitted namespace: two sentences before the start, and the run goes on", async () => {
    const { code, output } = await emulate(["--opt", folderOf(namesOpt), "-f", logging], { PATH: withoutUnshare })
    if (!resolvesHere) assert.match(output, hostsNote)
    assert.match(
      output,
      /^note: extensions\/names-opt names \/opt, and this machine does not let .+ be seen there \(spawn unshare ENOENT\): run as root, or copy its files to \/opt$/m
    )
    assert.isBelow(output.indexOf("note: "), output.indexOf("ms left"))
    assert.include(output, "invocation ended")
    assert.strictEqual(code, 1, output)
    const told = await emulate(["--opt", folderOf(namesOpt), "-f", logging, "--json"], { PATH: withoutUnshare })
    assert.match(told.output, /^note: extensions\/names-opt names \/opt/m)
  })

  it("no permitted namespace and nothing that names /opt: no sentence about it", async () => {
    const { code, output } = await emulate(["--opt", folderOf(polite), "-f", logging], {
      PATH: withoutUnshare
    })
    assert.strictEqual(code, 0, output)
    assert.notInclude(output, "names /opt")
  })

  it("goes together with --extensions; two extensions of the same name are refused", async () => {
    const [file = { path: "", bytes: "" }] = polite
    const other = join(writeFolder(join(root, "other"), [{ ...file, path: "other" }]), "other")
    const opt = folderOf(polite)
    const both = await emulate(["--opt", opt, "-e", other, "-f", logging])
    assert.strictEqual(both.code, 0, both.output)
    assert.match(both.output, / other +\d+ +registered for/)
    assert.match(both.output, / polite +\d+ +registered for/)
    const twice = await emulate(["--opt", opt, "-e", join(opt, "extensions/polite"), "-f", logging])
    assert.strictEqual(twice.code, 1)
    assert.include(twice.output, "Two extensions are named polite")
  })

  it("the function finds the libraries of layers", async () => {
    const library = (path: string) => ({ path, bytes: `module.exports = ${JSON.stringify(path)}\n` })
    const layer = folderOf([
      library("nodejs/node_modules/plain/index.js"),
      library(`nodejs/node${process.versions.node.split(".")[0]}/node_modules/versioned/index.js`),
      { path: "python/plain.py", bytes: "name = 'python'\n" },
      { path: `python/lib/${pythonVersion}/site-packages/versioned.py`, bytes: "name = 'site-packages'\n" }
    ])
    const node = handlerOf(
      "libraries.cjs",
      'exports.handler = async () => console.log(require("plain"), require("versioned"))'
    )
    const ran = await emulate(["--opt", layer, "-f", node])
    assert.match(ran.output, /nodejs\/node_modules\/plain\/index\.js nodejs\/node\d+\/node_modules\/versioned/)
    const modules = handlerOf(
      "libraries.mjs",
      'import plain from "plain"\nexport const handler = async () => console.log("imported", plain)'
    )
    assert.match((await emulate(["--opt", layer, "-f", modules])).output, /imported nodejs\/node_modules\/plain/)
    const python = handlerOf(
      "libraries.py",
      "import plain, versioned\ndef handler(event, context): print('found', plain.name, versioned.name)\n"
    )
    assert.include((await emulate(["--opt", layer, "-f", python])).output, "found python site-packages")
  })

  it("dev: the built layer lies over the given layers, at every change", async () => {
    const project = join(root, "project")
    mkdirSync(join(project, "src"), { recursive: true })
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "own", type: "module" }))
    symlinkSync(join(import.meta.dirname, "../../../node_modules"), join(project, "node_modules"))
    const main = join(project, "src/main.ts")
    const source = readFileSync(join(import.meta.dirname, "../../examples/hello/src/hello.ts"), "utf8")
    writeFileSync(main, source)
    const stale = { path: "own/stale.txt", bytes: "" }
    const shadowed = { path: "extensions/own", mode: 0o100755, bytes: "#!/bin/sh\nexit 3\n" }
    const zip = zipFileOf([...namesOpt, stale, shadowed])
    const run = start(["dev", "--opt", zip, "-f", logging, "--invoke-port", "0", "--timeout", "10"], {
      cwd: project,
      env: { TMPDIR: temporary }
    })
    const notes = ["own", ...(isPermitted ? ["names-opt"] : [])]
    await run.seen(/dev: bundled in \d+ ms, started/)
    for (const name of notes) await run.seen(new RegExp(` ${name} +\\d+ +registered`))
    writeFileSync(main, source.replace("ms left", "ms remain"))
    await run.seen(/dev: bundled in \d+ ms, restarted/)
    run.child.kill("SIGINT")
    const { output } = await run.ended
    assert.strictEqual(output.match(/asset: from the layer/g)?.length ?? 0, isPermitted ? 2 : 0, output)
    assert.notMatch(output, /exited with code 3/)
    assert.deepStrictEqual(readdirSync(temporary), [])
  })

  it.each<readonly [string, () => string, RegExp]>([
    ["no such path", () => join(root, "nowhere"), /--opt .*nowhere: there is no such file or directory/],
    ["no zip", () => textFileOf("text"), /\.zip: the file is not a zip/],
    ["half a zip", () => textFileOf("PK\u0003\u0004half"), /\.zip: the end of the zip is missing/],
    ["an empty zip", () => zipFileOf([]), /\.zip: the layer is empty/],
    ["an empty folder", emptyFolder, /empty: the layer is empty/],
    [
      "a zip without extensions",
      () => zipFileOf([{ path: "hello.txt", bytes: "" }]),
      /\.zip: the layer has no extensions\/ at its top, only hello\.txt; Lambda looks into extensions\//
    ],
    [
      "a folder around everything",
      () => zipFileOf([{ path: "layer/extensions/a", mode: 0o100755, bytes: "#!/bin/sh\n" }]),
      /no extensions\/ at its top; the files are one level too deep, in layer\//
    ],
    [
      "a path that leaves",
      () => zipFileOf([{ path: "../../evil", bytes: "" }]),
      /"\.\.\/\.\.\/evil" in it is not a path inside/
    ],
    [
      "a checksum that is wrong",
      () => zipFileOf([{ path: "extensions/a", bytes: "a", crc: 1 }]),
      /\.zip: extensions\/a: the checksum is wrong/
    ]
  ])("%s is one sentence, and nothing starts", async (_, path, sentence) => {
    const { code, output } = await emulate(["--opt", path(), "-f", logging])
    assert.strictEqual(code, 1)
    assert.match(output, sentence)
    assert.notMatch(output, /^ +at /m)
    assert.notInclude(output, "init")
    assert.isFalse(existsSync(join(root, "../evil")))
    assert.deepStrictEqual(readdirSync(temporary), [])
  })
})
