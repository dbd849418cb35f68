/** `effect-lambda emulate` as a person runs it: its output and its exit code. */
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda"
import { assert, describe, it } from "@effect/vitest"
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stripVTControlCharacters } from "node:util"
import { bundled } from "../../tools/programs.ts"
import { start } from "./support/cli.ts"
import { inProcess } from "./support/inProcess.ts"

const fixture = (name: string) => join(import.meta.dirname, "fixtures", name)
const hello = await bundled(join(import.meta.dirname, "../../examples/hello/src/hello.ts"))
const handler = fixture("handler.mjs")
const emulate = (...args: ReadonlyArray<string>) => inProcess(["emulate", ...args])
/** As a process, which shows the start and the exit code of the program itself. */
const emulateAsProcess = (...args: ReadonlyArray<string>) => start(["emulate", ...args]).ended

describe("effect-lambda emulate", () => {
  it("--help names every flag and shows examples", async () => {
    const { code, output } = await emulateAsProcess("--help")
    assert.strictEqual(code, 0)
    const names = [
      "extensions",
      "opt",
      "function",
      "bootstrap",
      "invocations",
      "payload",
      "timeout",
      "memory",
      "profile",
      "listen",
      "journal",
      "logs",
      "json"
    ]
    for (const flag of [...names, "freeze", "fault", "seed"]) assert.include(output, `--${flag}`)
    assert.include(output, "EXAMPLES")
    // The port is not 9000, on which Sentry's extension listens, nor that of another extension.
    assert.include(output, "127.0.0.1:9700")
  })

  it("three invocations: a timeline, a summary, exit 0", async () => {
    const { code, output } = await emulateAsProcess("-e", hello, "-f", handler, "-n", "3", "-p", '{"name":"Ada"}')
    assert.strictEqual(code, 0, output)
    for (const text of ["invoke 3", "SHUTDOWN spindown", "3 invocations", "no extension crashed or overran"]) {
      assert.include(output, text)
    }
    assert.match(output, /^hello\.ts +\d+ +\d+ +\d+ +\d+ +\d+$/m)
    assert.strictEqual(output, stripVTControlCharacters(output), "no colours where the output is no terminal")
  })

  it("stays up for the AWS SDK's client until Ctrl-C", async () => {
    const run = start(["emulate", "-e", hello, "-f", handler, "--listen", "127.0.0.1:0"])
    const [, endpoint] = await run.seen(/(http:\/\/127\.0\.0\.1:\d+)\/2015-03-31/)
    const client = new LambdaClient({
      endpoint: endpoint ?? "",
      region: "us-east-1",
      credentials: { accessKeyId: "a", secretAccessKey: "b" }
    })
    for (const name of ["Ada", "Grace"]) {
      const answer = await client.send(
        new InvokeCommand({ FunctionName: "function", Payload: Buffer.from(JSON.stringify({ name })) })
      )
      assert.strictEqual(answer.Payload?.transformToString(), `{"hello":"${name}"}`)
    }
    client.destroy()
    run.child.kill("SIGINT")
    const { code, output } = await run.ended
    assert.strictEqual(code, 0, output)
    assert.include(output, "2 invocations, then shutdown: spindown")
  })

  it("Ctrl-C in the middle of an invocation shuts the environment down properly", async () => {
    const run = start(["emulate", "-e", hello, "-f", fixture("slow-handler.mjs"), "-n", "1", "--timeout", "60"])
    await run.seen(/the handler is at work/)
    run.child.kill("SIGINT")
    const { code, output } = await run.ended
    assert.strictEqual(code, 1, output)
    assert.include(output, "the run was ended before all of its invocations (1) were done")
    assert.include(output, "1 invocations, then shutdown: spindown")
    assert.include(output, "every process is gone")
  })

  it.each([
    [
      "naive-crash-at-init.mjs",
      "crashed with exit code 0: any exit before SHUTDOWN, code 0 included, is Extension.Crash"
    ],
    ["naive-overrun.mjs", "overran: it had not called next when the function's timeout ended invocation 1"],
    ["naive-hang-at-shutdown.mjs", "did not exit by itself after SHUTDOWN and was killed"]
  ])("%s: exit 1, and the summary says why", async (name, text) => {
    const { code, output } = await emulate("-e", fixture(name), "-f", handler, "-n", "1", "--timeout", "1")
    assert.strictEqual(code, 1, output)
    assert.include(output, `problem: ${name} ${text}`)
  })

  it("three invocations of a managed instance", async () => {
    const { code, output } = await emulate("-e", hello, "-f", handler, "-n", "3", "--profile", "lmi")
    assert.strictEqual(code, 0, output)
    assert.include(output, "3 invocations")
  })

  it("a function that fails: the summary says how, exit 1 if every invocation failed", async () => {
    const { code, output } = await emulateAsProcess("-e", hello, "-f", fixture("throwing-handler.mjs"), "-n", "2")
    assert.strictEqual(code, 1, output)
    assert.include(output, "2 invocations, 2 failed")
    assert.match(output, /^function: invocation 1 failed: .*boom/m)
    assert.include(output, "no extension crashed or overran")
  })

  it("a runtime that ends: the rest is shut down in order, and the summary says so", async () => {
    const { code, output } = await emulate(
      "-e",
      hello,
      "-f",
      fixture("exiting-handler.mjs"),
      "-n",
      "2",
      "--profile",
      "lmi"
    )
    assert.notStrictEqual(code, 0, output)
    assert.include(output, "SHUTDOWN")
    assert.include(output, "Runtime.ExitError")
    assert.include(output, "invocations, ")
  })

  it.runIf(existsSync("/dev/full"))("output that cannot be written: a sentence, exit 1, no stack trace", async () => {
    const full = openSync("/dev/full", "w")
    const run = start(["emulate", "-e", hello, "-f", handler, "-n", "1"], { stdout: full })
    const { code, output } = await run.ended
    closeSync(full)
    assert.strictEqual(code, 1, output)
    assert.match(output, /^the output cannot be written: ENOSPC.*\n$/)
  })

  it("a managed instance that ends does not stay up for invokes", async () => {
    const extension = fixture("naive-crash-at-init.mjs")
    const { code, output } = await emulate(
      "-e",
      extension,
      "-f",
      handler,
      "--profile",
      "lmi",
      "--listen",
      "127.0.0.1:0"
    )
    assert.strictEqual(code, 1, output)
    assert.include(output, "problem: naive-crash-at-init.mjs crashed with exit code 0")
    assert.include(output, "the environment has ended and takes no more invocations")
  })

  it("an extension that registers only after Ctrl-C is named", async () => {
    const run = start(["emulate", "-e", fixture("naive-never-register.mjs"), "-f", handler, "-n", "1"])
    await run.seen(/started, process/)
    run.child.kill("SIGINT")
    const { code, output } = await run.ended
    assert.strictEqual(code, 1, output)
    assert.include(output, "problem: naive-never-register.mjs never registered")
  })

  // A wide test has the other faults.
  it.each([
    ["reset:next@2", 1, "problem: naive.mjs crashed with exit code 1"],
    ["crash:extension:naive.mjs:during-invoke@1", 1, "problem: naive.mjs crashed with signal SIGKILL"],
    ["timeout@1", 0, "function: invocation 1 failed: the function had not responded"],
    ["shutdown:during-invoke@1", 1, "The environment was shut down before invocation"],
    // A fault that even a naive extension survives, as on Lambda.
    ["status:next@2=500", 0, "no extension crashed or overran"]
  ])("a naive extension under %s: the summary says so", async (fault, expected, text) => {
    const args = ["-e", fixture("naive.mjs"), "-f", handler, "-n", "2", "--timeout", "2", "--fault", fault]
    const { code, output } = await emulate(...args)
    assert.strictEqual(code, expected, output)
    assert.include(output, text)
  })

  it("hello outlives a long freeze", async () => {
    const { code, output } = await emulate("-e", hello, "-f", handler, "-n", "2", "--fault", "hold-thaw=300ms")
    assert.strictEqual(code, 0, output)
    assert.include(output, "2 invocations, then shutdown: spindown")
  })

  it("hello that is killed after the response costs one invocation; the next one starts it again", async () => {
    const fault = "crash:extension:hello.ts:after-response@1"
    const { code, output } = await emulate("-e", hello, "-f", handler, "-n", "3", "--fault", fault)
    assert.strictEqual(code, 1, output)
    assert.include(output, "problem: hello.ts crashed with signal SIGKILL")
    // The exit of a killed process is seen a moment later: in this invocation, or already in the next one.
    assert.include(output, "3 invocations, 1 failed")
    assert.match(output, /[12] invocations, then shutdown: spindown/)
  })

  it("an event lost to a fault is noted, and no fault of the extension", async () => {
    // The first next is always parked before there is an event.
    const { code, output } = await emulate("-e", hello, "-f", handler, "-n", "3", "--fault", "drop-parked-next@1")
    assert.strictEqual(code, 0, output)
    assert.include(output, "note: hello.ts lost the event INVOKE")
    assert.include(output, "no extension crashed or overran")
  })

  it("an extension that fails: the timeline and the summary say why, and that faults never struck; exit 0", async () => {
    const extension = join(import.meta.dirname, "../../examples/telemetry-ship/src/telemetry-ship.ts")
    const faults = ["--fault", "crash:extension:nobody:init", "--fault", "reset:next@50"]
    const { code, output } = await emulate("-e", extension, "-f", handler, "-n", "1", ...faults)
    assert.strictEqual(code, 0, output)
    const why = "init failed; .+: ConfigError: the variable TELEMETRY_URL is not set"
    assert.match(output, new RegExp(`\\| ERROR ${why}`, "m"))
    assert.match(output, new RegExp(`^note: telemetry-ship.ts logged an error: ${why}`, "m"))
    assert.include(output, "note: the fault crash:extension:nobody:init never struck: no extension named nobody ran")
    assert.include(output, "note: the fault reset:next@50 never struck: its moment did not come")
  })

  it("no extension: the summary does not praise it", async () => {
    const { code, output } = await emulate("-f", handler, "-n", "1")
    assert.strictEqual(code, 0, output)
    assert.match(output, /1 invocation\nno extension ran\n$/)
  })

  it("an internal extension is no problem", async () => {
    const { code, output } = await emulate("-e", hello, "-f", fixture("internal-handler.mjs"), "-n", "1")
    assert.strictEqual(code, 0, output)
    assert.match(output, /^my-internal /m)
  })

  it("ends in order when the output is no longer read, as with `| head`", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cli-pipe-"))
    try {
      const journal = join(folder, "run.ndjson")
      const run = start(["emulate", "-e", hello, "-f", handler, "-n", "5", "--no-freeze", "--journal", journal])
      await run.seen(/registered/)
      run.child.stdout?.destroy()
      const { output } = await run.ended
      assert.notMatch(output, /^ +at /m)
      assert.include(readFileSync(journal, "utf8"), '"_tag":"ShutdownEnded"')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("--json prints the journal and the summary for machines", async () => {
    const { code, output } = await emulateAsProcess("-e", hello, "-f", handler, "-n", "1", "--json")
    assert.strictEqual(code, 0, output)
    const lines = output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
    assert.strictEqual(lines[0]._tag, "InitStarted")
    assert.deepInclude(lines.at(-1), { _tag: "Summary", invocations: 1, problems: [] })
  })

  it("--journal writes the same entries into a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cli-"))
    try {
      const file = join(folder, "run.ndjson")
      const { code } = await emulate("-e", hello, "-f", handler, "-n", "1", "--journal", file)
      assert.strictEqual(code, 0)
      const tags = readFileSync(file, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)._tag)
      assert.strictEqual(tags[0], "InitStarted")
      assert.strictEqual(tags.at(-1), "ShutdownEnded")
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("--report writes the run as a page, and says where it lies", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cli-"))
    try {
      const file = join(folder, "reports/run.html")
      const { code, output } = await emulate("-e", hello, "-f", handler, "-n", "2", "--report", file)
      assert.strictEqual(code, 0, output)
      assert.include(output, `report: ${file}`)
      const page = readFileSync(file, "utf8")
      for (const text of [
        "<title>effect-lambda emulate: hello.ts</title>",
        "Invocation 2",
        "holds the invocation open"
      ]) {
        assert.include(page, text)
      }
      assert.deepStrictEqual(readdirSync(join(folder, "reports")), ["run.html"])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("--logs prints what Lambda writes into the log group", async () => {
    const { code, output } = await emulate("-e", hello, "-f", handler, "-n", "1", "--logs", "--memory", "256")
    assert.strictEqual(code, 0, output)
    assert.match(output, /^EXTENSION\tName: hello\.ts\tState: Ready\tEvents: \[INVOKE, SHUTDOWN\]$/m)
    assert.match(output, /^START RequestId: [0-9a-f-]{36} Version: \$LATEST$/m)
    assert.match(
      output,
      /^REPORT RequestId: [0-9a-f-]{36}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\t/m
    )
  })

  it("freezes between invocations unless told not to, and injects faults", async () => {
    const args = ["-e", hello, "-f", handler, "-n", "2", "--json"]
    const tagsOf = (output: string) =>
      output
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)._tag)
    const frozen = await emulate(...args, "--fault", "slow:register=50ms")
    assert.strictEqual(frozen.code, 0, frozen.output)
    assert.includeMembers(tagsOf(frozen.output), ["Frozen", "Thawed", "FaultInjected"])
    const running = await emulate(...args, "--no-freeze")
    assert.notIncludeMembers(tagsOf(running.output), ["Frozen"])
  })

  it("colours if they are wanted, none with NO_COLOR", async () => {
    const args = ["emulate", "-e", hello, "-f", handler, "-n", "1"]
    const coloured = await start(args, { env: { FORCE_COLOR: "1" } }).ended
    assert.notStrictEqual(coloured.output, stripVTControlCharacters(coloured.output))
    const plain = await start(args, { env: { NO_COLOR: "1" } }).ended
    assert.strictEqual(plain.output, stripVTControlCharacters(plain.output))
  })
})

describe("bad input is one clear sentence and a non-zero exit", () => {
  const folder = mkdtempSync(join(tmpdir(), "cli-bad-"))
  const notJson = join(folder, "payload.json")
  writeFileSync(notJson, "{")
  const layer = join(folder, "layer")
  mkdirSync(join(layer, "extensions"), { recursive: true })
  for (const zip of ["layer.zip", "other.zip"]) writeFileSync(join(folder, zip), "PK")

  it.each<readonly [string, ReadonlyArray<string>, string]>([
    ["no function", ["-n", "1"], "give the function"],
    ["two functions", ["-f", handler, "--bootstrap", handler, "-n", "1"], "not both"],
    ["a missing function file", ["-f", "/nowhere/handler.mjs", "-n", "1"], "/nowhere/handler.mjs"],
    ["a function of another language", ["-f", "/etc/hosts", "-n", "1"], "neither a JavaScript nor a Python file"],
    ["a missing extension", ["-e", "/nowhere/ext", "-f", handler, "-n", "1"], "/nowhere/ext"],
    ["an unreadable payload", ["-f", handler, "-n", "1", "-p", "/nowhere/event.json"], "neither JSON nor a file"],
    ["a payload without --invocations", ["-f", handler, "-p", "{}"], "goes with --invocations"],
    ["a folder laid out as /opt", ["-e", layer, "-f", handler, "-n", "1"], "did you mean"],
    [
      "the zip of a layer as an extension",
      ["-e", `${layer}.zip`, "-f", handler, "-n", "1"],
      `layer.zip is a zip: give it with --opt ${layer}.zip`
    ],
    ["a folder of zips", ["-e", folder, "-f", handler, "-n", "1"], "is a zip: give it with --opt"],
    [
      "a zip alone",
      ["-e", join(folder, "other.zip"), "-f", handler, "-n", "1"],
      "other.zip is a zip: give it with --opt"
    ],
    ["a memory size that Lambda does not have", ["-f", handler, "-n", "1", "--memory", "-5"], "128"],
    ["a payload file without JSON", ["-f", handler, "-n", "1", "-p", notJson], "does not hold JSON"],
    ["an unknown profile", ["-f", handler, "--profile", "aws"], "real"],
    ["a wrong address", ["-f", handler, "--listen", "here"], "HOST:PORT"],
    ["no invocations at all", ["-f", handler, "-n", "0"], "between 1 and 100000"],
    ["an unwritable journal", ["-f", handler, "-n", "1", "--journal", "/nowhere/run.ndjson"], "cannot be written"],
    ["an unwritable report", ["-f", handler, "-n", "1", "--report", "/proc/none/run.html"], "cannot be written"],
    ["a folder as the report", ["-f", handler, "-n", "1", "--report", folder], "it is a folder"],
    ["a device as the report", ["-f", handler, "-n", "1", "--report", "/dev/null"], "it is no regular file"],
    [
      "a file for the journal and the report",
      ["-f", handler, "-n", "1", "--journal", join(folder, "run"), "--report", join(folder, "run")],
      "give --journal and each re"
    ],
    ["an unknown fault", ["-f", handler, "-n", "1", "--fault", "earthquake"], "the faults are"],
    ["a fault that is written wrong", ["-f", handler, "-n", "1", "--fault", "reset:everything"], "reset:"],
    ["an unknown flag", ["-f", handler, "--invocation", "1"], "--invocations"]
  ])("%s", async (_, args, text) => {
    const { code, output } = await emulate(...args)
    assert.notStrictEqual(code, 0, output)
    assert.include(output, text)
    assert.notMatch(output, /^ +at /m)
  })

  // These come to light in an environment that runs.
  it.each<readonly [string, ReadonlyArray<string>, string]>([
    ["a function file without a handler", ["-f", fixture("no-handler.mjs"), "-n", "1"], "handler"],
    ["a journal on a full disk", ["-f", handler, "-n", "1", "--journal", "/dev/full"], "cannot be written"]
  ])("%s", async (_, args, text) => {
    const { code, output } = await emulate(...args)
    assert.notStrictEqual(code, 0, output)
    assert.include(output, text)
    assert.notMatch(output, /^ +at /m)
  })

  it("a port in use", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    const { port } = server.address() as AddressInfo
    const { code, output } = await emulate("-f", handler, "--listen", `127.0.0.1:${port}`)
    server.close()
    assert.notStrictEqual(code, 0)
    const said = `Cannot listen on 127.0.0.1:${port}: the port is in use. Choose another port with --listen, or 0`
    assert.include(output, said)
    assert.notMatch(output, /^ +at /m)
  })
})
