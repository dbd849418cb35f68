/** `effect-lambda conform` as a person uses it: bad input, flags, exit codes, reports. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { strToU8, zipSync } from "fflate"
import * as Schema from "effect/Schema"
import { ConformReport } from "../../src/conform/ConformJson.ts"
import { scenarios } from "../../src/conform/Scenarios.ts"
import { start } from "../support/cli.ts"
import { inProcess } from "../support/inProcess.ts"
import { parse, problemsOf, schemaProblemsOf } from "../support/junit.ts"

const folder = mkdtempSync(join(tmpdir(), "conform-"))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string) => join(folder, name)
const target = join(import.meta.dirname, "programs/target.mjs")
const twin = join(import.meta.dirname, "twins/twin.mjs")

/** A scenario that takes no longer than two starts of Node. */
const quick = "init/own-name"

const conform = (...args: ReadonlyArray<string>) => inProcess(["conform", ...args])
/** The processes that have the variable, wherever they have moved to. */
const processesWith = (mark: string) =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(mark)
    } catch {
      return false
    }
  })
const reportOf = (path: string) => Schema.decodeUnknownSync(ConformReport)(JSON.parse(readFileSync(path, "utf8")))

describe("bad input is a sentence and exit code 2, and nothing is run or written", () => {
  beforeAll(() => {
    for (const name of ["empty", "no-dist", "not-built/dist", "no-extension/lib", "read-only"]) {
      mkdirSync(file(name), { recursive: true })
    }
    for (const name of ["no-dist", "not-built"]) writeFileSync(join(file(name), "package.json"), "{}")
    writeFileSync(file("text.txt"), "hello\n")
    writeFileSync(file("script-without-x.sh"), "#!/bin/sh\n")
    writeFileSync(file("script-without-interpreter.sh"), "echo\n", { mode: 0o755 })
    writeFileSync(file("text.zip"), "hello\n")
    const extension: [Uint8Array, { os: number; attrs: number }] = [
      strToU8("#!/bin/sh\n"),
      { os: 3, attrs: 0o644 << 16 }
    ]
    writeFileSync(file("no-x-bit.zip"), zipSync({ "extensions/a": extension }))
    writeFileSync(file("a-zip-by-its-bytes"), zipSync({ "extensions/a": extension }))
  })

  const at = (name: string) => file(name)
  it.each<readonly [string, () => ReadonlyArray<string>, RegExp]>([
    ["no target", () => [], /give the target/],
    ["a target that is not there", () => [at("nothing")], /nothing: there is no such file or folder/],
    ["an empty folder", () => [at("empty")], /check refuses .*empty.*\n.*no file in extensions/],
    ["a layer without an extension", () => [at("no-extension")], /check refuses .*\n.*no file in extensions/],
    ["a project without dist", () => [at("no-dist")], /no-dist has no built layer in dist: run effect-lambda build/],
    ["a project with an empty dist", () => [at("not-built")], /no built layer in dist/],
    ["a text", () => [at("text.txt")], /check refuses .*text\.txt/],
    ["a script without its x bit", () => [at("script-without-x.sh")], /check refuses .*\n.*mode 644/],
    ["a script without #!", () => [at("script-without-interpreter.sh")], /neither a program nor a script/],
    ["a text with the name of a zip", () => [at("text.zip")], /text\.zip cannot be checked: the file is not a zip/],
    ["a zip that check refuses", () => [at("no-x-bit.zip")], /check refuses .*\n.*extensions\/a: .*mode 644/],
    ["a zip without its ending", () => [at("a-zip-by-its-bytes")], /check refuses .*\n.*extensions\/a: .*mode 644/],
    ["a device", () => ["/dev/null"], /\/dev\/null is neither a file nor a folder/],
    ["a pattern that matches nothing", () => [twin, "--only", "next/nope"], /--only next\/nope matches no scenario/],
    ["a pattern to skip that matches nothing", () => [twin, "--skip", "nope/*"], /--skip nope\/\* matches no scenario/],
    ["nothing left", () => [twin, "--only", "next/held", "--skip", "next/*"], /--only and --skip leave no scenario/],
    ["a report that is a folder", () => [twin, "--junit", folder], /cannot be written: it is a folder/],
    ["a report in a system folder", () => [twin, "--json", "/proc/x"], /\/proc\/x cannot be written/],
    ["a report below a file", () => [twin, "--report", at("text.txt/a.html")], /a\.html/],
    [
      "two reports in a file",
      () => [twin, "--json", at("same"), "--junit", at("./same")],
      /same is asked for twice: give each report its own file/
    ],
    ["a function that is not there", () => [twin, "--function", at("nothing.mjs")], /nothing\.mjs/],
    ["no jobs", () => [twin, "--jobs", "0"], /Expected a value between 1 and 32/],
    ["another verdict to fail on", () => [twin, "--fail-on", "info"], /"fail" \| "warn"/],
    ["a variable without a name", () => [twin, "--sink-env", "="], /=/]
  ])("%s", async (_, args, sentence) => {
    const given = args()
    const { code, output } = await conform(
      ...given,
      ...(given.includes("--json") ? [] : ["--json", file("never.json")])
    )
    assert.match(output, sentence)
    assert.strictEqual(code, 2, output)
    assert.notMatch(output, /^(pass|fail|warn|not testable)/m)
    assert.isFalse(existsSync(file("never.json")))
    assert.isFalse(existsSync(file("same")))
  })
})

describe("a run", () => {
  it("--list prints every scenario in the order of the report, and needs no target", async () => {
    const { code, output } = await conform("--list")
    assert.strictEqual(code, 0)
    assert.deepStrictEqual(
      output
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/ +/)[0]),
      scenarios.map(({ name }) => name)
    )
    const some = await conform("--list", "--only", "shutdown/*", "--skip", "*/in-flush")
    assert.match(some.output, /^shutdown\/spindown .*documented/m)
    assert.notMatch(some.output, /in-flush|init\//)
  })

  it("gives the verdicts in the order of the scenarios, whichever is over first, and exits with 1 for a failure", async () => {
    const json = file("order.json")
    const names = ["init/own-name", "init/cpu", "next/no-tracing"]
    const only = names.toReversed().flatMap((name) => ["--only", name])
    const { code, output } = await conform(twin, ...only, "--env", "TWIN=needs-tracing", "--jobs", "3", "--json", json)
    assert.strictEqual(code, 1, output)
    const { isFailed, verdicts } = reportOf(json)
    assert.deepStrictEqual(
      verdicts.map(({ name }) => name),
      names
    )
    assert.isTrue(isFailed)
    assert.match(output, /^fail +next\/no-tracing +twin\.mjs ended with exit code 1/m)
    assert.match(output, /^ {2}do: Treat tracing as optional\./m)
    assert.match(output, /^report: .*order\.json$/m)
  })

  it("--fail-on warn makes a warning the exit code 1, and JUnit a failure", async () => {
    const junit = file("warn.xml")
    const args = [twin, "--only", "init/unknown-fields", "--env", "TWIN=strict-register", "--junit", junit]
    const lenient = await conform(...args)
    assert.strictEqual(lenient.code, 0, lenient.output)
    assert.match(readFileSync(junit, "utf8"), /failures="0"/)
    const strict = await conform(...args, "--fail-on", "warn")
    assert.strictEqual(strict.code, 1, strict.output)
    assert.match(readFileSync(junit, "utf8"), /failures="1"[^]*<failure type="warn" message="/)
  })

  it("a target with a port of its own is played one by one, and says so", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const address = server.address()
    const port = address !== null && typeof address === "object" ? address.port : 0
    await new Promise((resolve) => server.close(resolve))
    const args = [target, "--env", "TARGET=listens", "--env", `PORT=${port}`, "--jobs", "2"]
    const { code, output } = await conform(...args, "--only", quick, "--only", "init/handled-events")
    assert.strictEqual(code, 0, output)
    assert.include(output, `it listens on port ${port} in every environment, so the scenarios are played one by one`)
  })

  it("--sink-env names the backend, and --sink-tls gives it a certificate that Node's fetch trusts", async () => {
    const json = file("sink.json")
    const args = [target, "--env", "TARGET=sends", "--sink-env", "SINK", "--sink-tls", "--only", "init/handled-events"]
    const { code, output } = await conform(...args, "--json", json)
    assert.strictEqual(code, 0, output)
    assert.strictEqual(reportOf(json).verdicts[0]?.sink.taken, 1)
  })

  it("a target that cannot be started here is a sentence, and nothing is judged", async () => {
    writeFileSync(file("foreign"), Buffer.from("7f454c4602010100000000000000000002002800", "hex"), { mode: 0o755 })
    const { code, output } = await conform(file("foreign"), "--only", quick)
    assert.strictEqual(code, 2, output)
    assert.match(output, /foreign cannot be started: |check refuses/)
  })

  it("text and the name of a target are no markup and no escape sequence in any report", async () => {
    const [json, junit] = [file("markup.json"), file("markup.xml")]
    const hostile = file(`a<b>&"'\u001b[31m\u0001.mjs`)
    copyFileSync(target, hostile)
    const args = [hostile, "--env", "TARGET=markup", "--only", "init/register-in-time"]
    const { code, output } = await conform(...args, "--json", json, "--junit", junit)
    assert.strictEqual(code, 1, output)
    // eslint-disable-next-line no-control-regex -- the terminal must not get these
    assert.notMatch(output, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    assert.include(output, "<script>alert(1)</script></style>")
    assert.isTrue(reportOf(json).verdicts[0]?.evidence.some((line) => line.includes("<script>alert(1)</script>")))
    assert.deepStrictEqual(await schemaProblemsOf(readFileSync(junit)), [])
    const document = parse(readFileSync(junit))
    assert.deepStrictEqual(problemsOf(document), [])
    const failure = document.children[0]?.children[0]?.children[0]
    assert.strictEqual(failure?.tag, "failure")
    assert.include(failure?.text, "<script>alert(1)</script></style> ]]> &amp;")
    assert.include(document.children[0]?.attributes["name"], `a<b>&"'`)
  })

  it("Ctrl-C ends it with exit code 1, and no process and no report is left", async () => {
    const mark = `conform-${process.pid}-${Date.now()}`
    const args = [target, "--env", "TARGET=forks", "--env", `MARK=${mark}`, "--json", file("cut.json")]
    const { child, ended, seen } = start(["conform", ...args, "--only", "next/returns", "--only", quick])
    await seen(/^(pass|fail) +init\/own-name/m)
    assert.isNotEmpty(processesWith(mark))
    child.kill("SIGINT")
    const { code, output } = await ended
    assert.strictEqual(code, 1, output)
    assert.include(output, "the run was ended before all scenarios were played, and no report was written")
    assert.deepStrictEqual(processesWith(mark), [])
    assert.isFalse(existsSync(file("cut.json")))
  })
})
