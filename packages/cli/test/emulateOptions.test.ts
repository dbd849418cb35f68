/** Each option of `effect-lambda emulate` has its effect, or is refused in a sentence. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { bundled } from "../../tools/programs.ts"
import { start } from "./support/cli.ts"
import { inProcess } from "./support/inProcess.ts"

const ship = await bundled(join(import.meta.dirname, "../../examples/telemetry-ship/src/telemetry-ship.ts"))
const folder = mkdtempSync(join(tmpdir(), "cli-options-"))
afterAll(() => rmSync(folder, { recursive: true }))

const write = (name: string, text: string, mode = 0o644) => {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text, { mode })
  return file
}

/** Prints the variables that were asked for, or that there are none. */
const handler = write(
  "handler.mjs",
  `export const handler = (names) => {
  for (const name of names) process.stdout.write(name + " is " + process.env[name] + "\\n")
  return Promise.resolve(null)
}
`
)
const argsOf = (args: ReadonlyArray<string>, names: ReadonlyArray<string> = []) =>
  ["emulate", "-f", handler, "-n", "1", "--logs", "-p", JSON.stringify(names)].concat(args)
const emulate = (
  args: ReadonlyArray<string>,
  names: ReadonlyArray<string> = [],
  env: Readonly<Record<string, string>> = {}
) => inProcess(argsOf(args, names), env)
/** As a process, which has a current folder. */
const emulateIn = (cwd: string, args: ReadonlyArray<string>, names: ReadonlyArray<string>) =>
  start(argsOf(args, names), { cwd }).ended

describe("an option of emulate", () => {
  it.each<readonly [ReadonlyArray<string>, Readonly<Record<string, string>>]>([
    [["--env", "AWS_REGION=eu-central-1"], { AWS_REGION: "eu-central-1", AWS_DEFAULT_REGION: "eu-central-1" }],
    [["--region", "eu-west-3"], { AWS_REGION: "eu-west-3", AWS_DEFAULT_REGION: "eu-west-3" }],
    [["--init-type", "provisioned-concurrency"], { AWS_LAMBDA_INITIALIZATION_TYPE: "provisioned-concurrency" }],
    [["--trace-header", "Root=1-0-0;Sampled=1"], { _X_AMZN_TRACE_ID: "Root=1-0-0;Sampled=1" }],
    [["--trace-header", "Self=1-2-3;Root=1-0-0"], { _X_AMZN_TRACE_ID: "Self=1-2-3;Root=1-0-0" }],
    [["--env", "EMPTY=", "--env", "URL=http://a/?b=c"], { EMPTY: "", URL: "http://a/?b=c" }],
    [["--env", "AWS_DEFAULT_REGION=eu-west-1"], { AWS_REGION: "eu-west-1" }]
  ])("%j has its effect", async (args, expected) => {
    const { code, output } = await emulate(args, Object.keys(expected))
    assert.strictEqual(code, 0, output)
    for (const [name, value] of Object.entries(expected)) assert.include(output, `${name} is ${value}\n`)
  })

  it("--tracing Active gives the function a sampled header, each invocation another one", async () => {
    const args = ["emulate", "-f", handler, "-n", "2", "--logs", "-p", '["_X_AMZN_TRACE_ID"]', "--tracing", "Active"]
    const { code, output } = await inProcess(args)
    assert.strictEqual(code, 0, output)
    const headers = output.match(/Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1/g) ?? []
    assert.strictEqual(new Set(headers).size, 2, output)
  })

  it("--log-format json makes Lambda's envelope of what the function logs", async () => {
    const logging = write("logging.mjs", "export const handler = async () => console.log('one line')\n")
    const { code, output } = await inProcess(["emulate", "-f", logging, "-n", "1", "--logs", "--log-format", "json"])
    assert.strictEqual(code, 0, output)
    assert.match(output, /^\{"timestamp":.*"message":"one line"\}$/m)
  })

  it("--init-type gives init its time, which the timeline counts down", async () => {
    const args = ["emulate", "-f", handler, "-n", "1", "-p", "[]", "--init-type", "snap-start", "--timeout", "200"]
    const { code, output } = await inProcess(args)
    assert.strictEqual(code, 0, output)
    assert.match(output, /^ +0 {2}init +platform +200000 {2}init$/m)
  })

  it("--aws-env takes region and credentials from the shell, and prints no value", async () => {
    const shell = {
      AWS_ACCESS_KEY_ID: "AKIA-shell",
      AWS_SECRET_ACCESS_KEY: "very secret",
      AWS_REGION: "ap-south-1",
      AWS_PROFILE: "prod"
    }
    const seen = await emulate(["--aws-env"], [...Object.keys(shell), "AWS_SESSION_TOKEN"], shell)
    assert.strictEqual(seen.code, 0, seen.output)
    const lines = [
      "AWS_ACCESS_KEY_ID is AKIA-shell",
      "AWS_SECRET_ACCESS_KEY is very secret",
      "AWS_REGION is ap-south-1"
    ]
    for (const line of [...lines, "AWS_PROFILE is undefined", "AWS_SESSION_TOKEN is undefined"]) {
      assert.include(seen.output, `${line}\n`)
    }
    const journal = join(folder, "aws.ndjson")
    const args = ["emulate", "-f", handler, "-n", "1", "-p", "[]", "--aws-env", "--json", "--journal", journal]
    const told = await inProcess(args, shell)
    assert.strictEqual(told.code, 0, told.output)
    for (const text of [told.output, readFileSync(journal, "utf8")]) {
      assert.notInclude(text, "AKIA-shell")
      assert.notInclude(text, "very secret")
    }
  })

  it.each<readonly [string, ReadonlyArray<string>, string]>([
    ["a reserved variable", ["--env", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1"], "effect-lambda emulate has --memory"],
    [
      "another one",
      ["--env", "AWS_LAMBDA_RUNTIME_API=x"],
      'the variable "AWS_LAMBDA_RUNTIME_API" is set by Lambda itself'
    ],
    ["a variable without a name", ["--env", "=do-not-print-me"], 'the variable "" has no name'],
    [
      "--init-type beside a profile with one kind",
      ["--init-type", "snap-start", "--profile", "lmi"],
      "--init-type is snap-start"
    ],
    ["a variable without =", ["--env", "do-not-print-me"], "--env takes KEY=VALUE, and one of its values has no ="],
    ["a region with a space", ["--region", "eu west"], "--region has other characters"],
    ["--region twice", ["--region", "a", "--env", "AWS_REGION=b"], "leave one of them out"],
    [
      "a trace header with a line break",
      ["--trace-header", "Root=1\r\nX: y"],
      "--trace-header takes a header of X-Ray"
    ],
    ["a trace header without a root", ["--trace-header", "Self=1-2-3"], "--trace-header takes a header of X-Ray"],
    [
      "a trace header that no runtime would read",
      ["--trace-header", `Root=${"a".repeat(20_000)}`],
      "--trace-header takes a header of X-Ray"
    ],
    ["two ways to show the run", ["--json"], "give --json or --logs, not both"],
    ["an empty folder of extensions", ["-e", ""], "-e is empty"],
    ["an empty layer", ["--opt="], "--opt is empty"],
    ["an empty argument", [""], "is empty"]
  ])("%s is refused in a sentence", async (_, args, words) => {
    const { code, output } = await emulate(args)
    assert.strictEqual(code, 1, output)
    assert.include(output, words)
    assert.notInclude(output, "do-not-print-me")
    assert.notMatch(output, /^ +at /m)
  })

  it("--aws-env in a shell without is refused in a sentence", async () => {
    const { code, output } = await emulate(["--aws-env"])
    assert.strictEqual(code, 1, output)
    assert.include(output, "has no AWS_ACCESS_KEY_ID")
    assert.notMatch(output, /^ +at /m)
  })

  it("--trace-header without --invocations is refused", async () => {
    const { code, output } = await inProcess(["emulate", "-f", handler, "--trace-header", "Root=1"])
    assert.strictEqual(code, 1, output)
    assert.include(output, "--trace-header goes with --invocations")
  })
})

describe("effectLambda.env of package.json", () => {
  const extension = (project: string) =>
    write(
      `${project}/dist/watcher-x64/extensions/watcher`,
      readFileSync(join(import.meta.dirname, "fixtures/naive.mjs"), "utf8"),
      0o755
    )
  const manifest = (project: string, effectLambda: unknown) =>
    write(`${project}/package.json`, JSON.stringify({ name: project, effectLambda }))

  it("is that of the layer's project, wherever the command runs; --env counts more", async () => {
    manifest("layer", { env: { WRITTEN: "1", BOTH: "written" } })
    manifest("elsewhere", { env: { WRITTEN: "elsewhere" } })
    const args = ["-e", dirname(extension("layer")), "--env", "BOTH=flag"]
    const { code, output } = await emulateIn(join(folder, "elsewhere"), args, ["WRITTEN", "BOTH"])
    assert.strictEqual(code, 0, output)
    assert.include(output, "WRITTEN is 1\n")
    assert.include(output, "BOTH is flag\n")
  })

  it("is that of the current folder's project if no layer has one", async () => {
    manifest("current", { env: { WRITTEN: "current" } })
    manifest("plain", undefined)
    const { code, output } = await emulateIn(join(folder, "current"), ["-e", extension("plain")], ["WRITTEN"])
    assert.strictEqual(code, 0, output)
    assert.include(output, "WRITTEN is current\n")
  })

  it.each<readonly [string, unknown, string]>([
    ["wrong", { env: { A: 1 } }, "effectLambda.env.A is 1; it has to be string"],
    ["reserved", { env: { AWS_EXECUTION_ENV: "x" } }, 'the variable "AWS_EXECUTION_ENV" is set by Lambda itself']
  ])("that is %s is refused", async (name, effectLambda, words) => {
    manifest(name, effectLambda)
    const { code, output } = await emulate(["-e", extension(name)])
    assert.strictEqual(code, 1, output)
    assert.include(output, words)
  })
})

describe("--strict", () => {
  const naive = join(import.meta.dirname, "fixtures/naive.mjs")

  it.each<readonly [string, ReadonlyArray<string>, RegExp]>([
    [
      "idles",
      ["-e", ship],
      /telemetry-ship\.ts has idled since its init failed \(.*TELEMETRY_URL.*\): it missed 1 invocation/
    ],
    [
      "was refused its telemetry",
      ["-e", naive, "--env", "NAIVE=refused"],
      /naive\.mjs was refused its telemetry once: Telemetry\.AccessDenied: Only 'sandbox\.localdomain' hostname/
    ],
    [
      "cannot send its records",
      ["-e", ship, "--env", "TELEMETRY_URL=http://127.0.0.1:1/"],
      /telemetry-ship\.ts lost \d+ telemetry records that it had to send: \d+ unsent/
    ]
  ])("an extension that %s: a note and exit 0 without it, a problem and exit 1 with it", async (_, args, words) => {
    const plain = await emulate(args)
    assert.strictEqual(plain.code, 0, plain.output)
    assert.match(plain.output, new RegExp(`^note: ${words.source}`, "m"))
    const strict = await emulate([...args, "--strict"])
    assert.strictEqual(strict.code, 1, strict.output)
    assert.match(strict.output, new RegExp(`^problem: ${words.source}`, "m"))
  })

  it("an extension that does its work: exit 0", async () => {
    const { code, output } = await emulate(["-e", naive, "--strict"])
    assert.strictEqual(code, 0, output)
    assert.include(output, "no extension crashed or overran")
  })
})

it("init that an extension holds up is its problem, and not the function's", async () => {
  const naive = join(import.meta.dirname, "fixtures/naive.mjs")
  // Under rie init has the time of the invocation, and not ten seconds.
  const args = ["--profile", "rie", "--timeout", "2", "-e", naive, "--env", "NAIVE=never-next"]
  const { code, output } = await emulate(args)
  assert.strictEqual(code, 1, output)
  assert.include(output, "problem: naive.mjs never called next until init ran into its time limit")
  assert.notMatch(output, /^function:/m)
})
