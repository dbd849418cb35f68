/** `npm run verify:aws` against a fake of AWS, with lines that the recorder wrote in the emulator. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { readFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import * as Aws from "../src/aws/Aws.ts"
import { compare, markdown } from "../src/Comparison.ts"
import { exitCode, Finding, runCommand } from "../src/Command.ts"
import { cleanup } from "../src/deploy/Cleanup.ts"
import { Leftovers } from "../src/deploy/Resources.ts"
import * as Zips from "../src/deploy/Zips.ts"
import { facts } from "../src/Facts.ts"
import { run } from "../src/Run.ts"
import { scenarios } from "../src/Scenario.ts"
import { Settings } from "../src/Settings.ts"
import { fakeAws, type FakeOptions, type World } from "./support/fakeAws.ts"

const settings: Settings["Service"] = {
  suffix: "0123abcd",
  arch: "arm64",
  scenarios,
  network: undefined,
  keep: false,
  pause: "1 millis",
  limits: { short: "300 millis", long: "300 millis", spindown: "5 millis" },
  zips: Zips.unbuilt()
}

/** A console that keeps what is printed. */
const keeping = (lines: Array<string>): Console.Console =>
  Object.assign(Object.create(console), {
    log: (...words: ReadonlyArray<unknown>) => void lines.push(words.join(" ")),
    error: (...words: ReadonlyArray<unknown>) => void lines.push(words.join(" "))
  })

const inWorld = Effect.fnUntraced(function* (options: FakeOptions = {}, changes: Partial<Settings["Service"]> = {}) {
  const { endpoint, world } = yield* fakeAws(options)
  const aws = yield* Layer.build(
    Aws.layer({
      region: "us-east-1",
      endpoint,
      credentials: { accessKeyId: "AKIAVERIFY", secretAccessKey: "verify-secret" }
    })
  )
  const leftovers = yield* Ref.make<ReadonlyArray<string>>([])
  const printed: Array<string> = []
  const context = aws.pipe(
    Context.add(Settings, { ...settings, ...changes }),
    Context.add(Leftovers, leftovers),
    Context.add(Console.Console, keeping(printed))
  )
  return { world, leftovers, printed, context }
})

const leftOf = ({ functions, groups, layers, roles }: World) =>
  [functions, groups, layers, roles].flatMap((map) => Array.from(map.keys()))

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" ? (address?.port ?? 0) : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** What the recorder and the function print in an environment of the emulator, as lines of a log group. */
const recordedLines = Effect.scoped(
  Effect.gen(function* () {
    const [local, telemetry] = [yield* freePort, yield* freePort]
    const package_ = join(import.meta.dirname, "..")
    const emulator = Context.get(
      yield* Layer.build(
        Emulator.layer({
          extensions: { opt: join(package_, "layer") },
          function: { handler: join(package_, "function/index.mjs") },
          environment: {
            EFFECT_LAMBDA_NODE: process.execPath,
            VERIFY_PROBES: "1",
            VERIFY_LOCAL_PORT: String(local),
            VERIFY_TELEMETRY_PORT: String(telemetry)
          }
        })
      ),
      Emulator.Emulator
    )
    yield* emulator.invoke('{"do":"probe"}')
    yield* emulator.shutdown()
    const entries = yield* emulator.journal.entries
    return entries.filter(Journal.is("Output")).map(({ line }) => `${line}\n`)
  })
)

describe("npm run verify:aws", () => {
  it.live("makes, records and compares everything, and leaves nothing", () =>
    Effect.gen(function* () {
      const lines = yield* recordedLines
      const { context, leftovers, printed, world } = yield* inWorld({ lines })
      const recording = yield* Effect.provide(run, context)

      assert.deepStrictEqual(leftOf(world), [])
      assert.deepStrictEqual(yield* Ref.get(leftovers), [])
      // The fake has no VPC for managed instances.
      assert.deepStrictEqual(
        recording.scenarios.filter(({ problem }) => problem !== undefined).map(({ name }) => name),
        ["managed"]
      )
      for (const { invocations, name } of recording.scenarios) {
        const { steps = [] } = scenarios.find((scenario) => scenario.name === name) ?? {}
        assert.deepStrictEqual(
          invocations.map(({ step }) => step),
          name === "managed" ? [] : [...steps]
        )
      }
      assert.notInclude(JSON.stringify(recording), "999988887777")
      assert.notInclude(`${printed.join("\n")}${JSON.stringify(recording)}`, "verify-secret")

      // The emulator does what the document says, except for the addresses and the service for metadata.
      const probes = recording.scenarios.filter(({ name }) => name === "probes")
      const findings = compare({ scenarios: probes })
      assert.deepStrictEqual(
        findings.filter(({ verdict }) => verdict === "differs").map(({ fact }) => fact.id),
        ["api-address", "delivery-host", "variables-given"]
      )
      assert.isAbove(findings.filter(({ verdict }) => verdict === "agrees").length, 55)
      const report = markdown({ ...recording, scenarios: probes }, findings)
      assert.match(report, /^## Differences$/m)
      assert.match(report, /\| next-twice \[rie\] \| \[next\]\(docs\/protocol\.md#next\) /)
      assert.match(report, /\| probes \| REPORT RequestId: /)
    })
  )

  it.live("a difference is found, and shown as text", () =>
    Effect.sync(() => {
      const body = String.raw`{\"errorMessage\":\"<b>Empty|name</b>\",\"errorType\":\"Extension.InvalidExtensionName\"}\n`
      const text = `"headers":[],"body":"${body}","bytes":9,"isWhole":true,"sha256":""`
      const message = `{"verify":"answer","at":1,"call":"register-no-name","status":403,${text}}`
      const sink = '{"verify":"sink","at":2,"requests":2,"bytes":9,"paths":{"/ship":2}}'
      const lines = [message, sink].map((message) => ({ stream: "s", at: 1, message }))
      const scenario = { name: "probes", layers: ["otel"], invocations: [], lines }
      const findings = compare({ scenarios: [scenario] })
      const [found, ...others] = findings.filter(({ verdict }) => verdict === "differs")
      assert.strictEqual(found?.fact.id, "register-no-name")
      assert.deepStrictEqual(others, [])
      const report = markdown(
        { version: 1, startedAt: "now", region: "us-east-1", suffix: "x", scenarios: [scenario] },
        findings
      )
      assert.include(report, String.raw`\<b\>Empty\|name\</b\>`)
      assert.match(report, /^\| probes \| otel \| \/ship: 2 \|$/m)
    })
  )

  it.live("a failure in the middle is a line, and nothing stays", () =>
    Effect.gen(function* () {
      let count = 0
      const refuse = (call: string) => {
        if (!call.endsWith("/invocations") || ++count !== 2) return undefined
        return { status: 403, error: "AccessDeniedException" }
      }
      const { context, world } = yield* inWorld({ refuse }, { scenarios: scenarios.slice(0, 1) })
      const { scenarios: recorded } = yield* Effect.provide(run, context)
      assert.match(recorded[0]?.problem ?? "", /^lambda Invoke failed: AccessDeniedException: /)
      assert.lengthOf(recorded[0]?.invocations ?? [], 1)
      assert.isNotEmpty(recorded[0]?.lines)
      assert.deepStrictEqual(leftOf(world), [])
    })
  )

  it.live("a layer that is refused ends the run, and nothing stays", () =>
    Effect.gen(function* () {
      const refuse = (call: string) =>
        call.startsWith("POST ") && call.includes("-otel/")
          ? { status: 400, error: "CodeStorageExceededException" }
          : undefined
      const { context, world } = yield* inWorld({ refuse })
      const error = yield* Effect.flip(Effect.provide(run, context))
      assert.strictEqual(error.name, "CodeStorageExceededException")
      // A layer that was refused is not looked for.
      assert.isFalse(world.calls.some((call) => call.startsWith("GET ") && call.includes("-otel/")))
      assert.deepStrictEqual(leftOf(world), [])
    })
  )

  it.live("Ctrl-C removes what is there", () =>
    Effect.gen(function* () {
      const { context, world } = yield* inWorld(
        { refuse: (call) => (call === "FilterLogEvents" ? { body: { events: [] } } : undefined) },
        { limits: { short: "1 minute", long: "1 minute", spindown: "1 minute" } }
      )
      const fiber = yield* Effect.forkChild(Effect.provide(run, context))
      // Three scenarios wait for lines that never come.
      while (world.calls.filter((call) => call === "FilterLogEvents").length < 5) yield* Effect.sleep("2 millis")
      assert.isNotEmpty(leftOf(world))
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(leftOf(world), [])
    })
  )

  it.live("what cannot be removed is said, and --cleanup finds it by its tag", () =>
    Effect.gen(function* () {
      let isRefusing = true
      const refuse = (call: string) =>
        isRefusing && (call.startsWith("DELETE ") || call.startsWith("Delete"))
          ? { status: 403, error: "AccessDeniedException" }
          : undefined
      const { context, leftovers, world } = yield* inWorld({ refuse }, { scenarios: scenarios.slice(2, 3) })
      yield* Effect.provide(run, context)
      const left = leftOf(world)
      assert.lengthOf(left, 4)
      assert.lengthOf(yield* Ref.get(leftovers), 4)

      isRefusing = false
      world.functions.set("orders", { input: {}, tags: {} })
      world.layers.set("orders", 1)
      world.groups.set("/aws/lambda/effect-lambda-verify-is-not-ours", {})
      assert.strictEqual(yield* Effect.provide(cleanup, context), 4)
      assert.deepStrictEqual(leftOf(world), ["orders", "/aws/lambda/effect-lambda-verify-is-not-ours", "orders"])
    })
  )
})

it.effect("a dry run shows every call without bytes, and the policy of the docs permits each of them", () =>
  Effect.gen(function* () {
    const printed: Array<string> = []
    const leftovers = yield* Ref.make<ReadonlyArray<string>>([])
    const network = { subnets: ["subnet-1"], securityGroups: ["sg-1"] }
    yield* Effect.andThen(run, cleanup).pipe(
      Effect.provide(Aws.layerDry("eu-west-1")),
      Effect.provideService(Settings, { ...settings, network }),
      Effect.provideService(Leftovers, leftovers),
      Effect.provideService(Console.Console, keeping(printed))
    )
    const calls = printed.filter((line) => /^(lambda|iam|logs) /.test(line))
    const [first = ""] = calls
    assert.match(first, /^iam CreateRole \{"RoleName":"effect-lambda-verify-0123abcd-function"/)
    assert.isTrue(calls.some((line) => line.includes('"Code":{"ZipFile":"<zip of ')))
    const made = (operation: string) => calls.filter((line) => line.includes(` ${operation} `)).length
    for (const kind of ["Function", "LogGroup", "Role", "CapacityProvider"]) {
      assert.isAbove(made(`Create${kind}`), 0)
      assert.strictEqual(made(`Create${kind}`), made(`Delete${kind}`), kind)
    }

    const text = readFileSync(join(import.meta.dirname, "../../../docs/verify-aws.md"), "utf8")
    const { Statement }: { readonly Statement: ReadonlyArray<{ readonly Action: ReadonlyArray<string> }> } = JSON.parse(
      /```json\n(.*?)```/s.exec(text)?.[1] ?? ""
    )
    const permitted = new Set(Statement.flatMap(({ Action }) => Action))
    // Permissions have the names of the operations, except for these.
    const renamed: Readonly<Record<string, string>> = { Invoke: "InvokeFunction" }
    const needed = new Set(
      calls.map((line) => {
        const [service = "", operation = ""] = line.split(" ")
        return `${service}:${renamed[operation] ?? operation}`
      })
    )
    assert.deepStrictEqual(
      [...needed].filter((action) => !permitted.has(action)),
      []
    )
    // The tags of a list are asked for only when something was found, and roles are passed without a call.
    const extra = ["lambda:ListTags", "lambda:TagResource", "logs:ListTagsForResource", "logs:TagResource"]
    const others = [
      ...extra,
      "iam:ListRoleTags",
      "iam:TagRole",
      "iam:PassRole",
      "lambda:GetLayerVersion",
      "lambda:PassCapacityProvider"
    ]
    assert.deepStrictEqual([...permitted].filter((action) => !needed.has(action)).toSorted(), others.toSorted())
  })
)

describe("a mistake in the flags is one sentence, before anything is built or sent", () => {
  const cases = [
    [["--dry-run", "--only", "nope"], "there is no scenario nope; there are tracing-off, "],
    [["--subnets", "subnet-1"], "--subnets and --security-groups go together"],
    [["--out", import.meta.filename], `${import.meta.filename} cannot be written: EEXIST`]
  ] as const
  it.effect.each(cases)("%j", ([flags, sentence]) =>
    Effect.gen(function* () {
      const printed: Array<string> = []
      const error = yield* runCommand(flags).pipe(
        Effect.provide(NodeServices.layer),
        Effect.provideService(Console.Console, keeping(printed)),
        Effect.flip
      )
      assert.include(`${printed.join("\n")}${String(error.cause)}`, sentence)
      assert.notInclude(printed.join("\n"), "building")
      assert.strictEqual(exitCode(Exit.fail(error)), 2)
    })
  )
})

it("the exit code tells a difference from a run that never came so far", () => {
  const exits = [Exit.void, Exit.fail(new Finding({ cause: "a fact differs" })), Exit.die("a defect"), Exit.interrupt()]
  assert.deepStrictEqual(exits.map(exitCode), [0, 1, 2, 130])
})

it("facts have different names", () => {
  const ids = facts.map(({ id }) => id)
  assert.deepStrictEqual([...new Set(ids)], ids)
})
