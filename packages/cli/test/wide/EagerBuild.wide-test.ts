/** `--start eager` at build time: what the trial run says for and against it, and the subscription that the entry makes. */
import type { JournalEntry } from "@effect-lambda/emulator/Journal"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Build from "../../src/build/Build.ts"
import * as EagerStart from "../../src/build/trial/EagerStart.ts"
import type * as Listeners from "../../src/build/trial/Listeners.ts"
import * as LayerConfig from "../../src/project/LayerConfig.ts"
import type * as LogEvent from "../../src/shared/LogEvent.ts"
import { start } from "../support/cli.ts"
import * as Project from "../support/projects.ts"
import { withBundle } from "../support/trial.ts"

afterAll(Project.remove)

const http = (port: number) => ({ protocol: "HTTP", URI: `http://sandbox.localdomain:${port}/` })
const bodyFor = (destination: object) =>
  JSON.stringify({ schemaVersion: "2025-01-29", types: ["platform"], buffering: { timeoutMs: 25 }, destination })

const subscription = (body: string, api: "telemetry" | "logs" = "telemetry"): JournalEntry => ({
  _tag: "TelemetrySubscription",
  index: 0,
  at: 0,
  source: "extension:a",
  api,
  state: "Subscribed",
  types: ["platform"],
  schemaVersion: undefined,
  destination: undefined,
  body
})

const described = (
  facts: { readonly onInitFailure?: "idle" | "exit"; readonly telemetryPort?: "any" | "fixed" } = {}
): LogEvent.LogEvent => ({ "event.name": "lambda_extension.described", ...facts })

const seen: EagerStart.Seen = {
  name: "watcher",
  entries: [],
  events: [described()],
  listeners: [],
  hasFailedInit: false
}
const none = { subscription: undefined, notes: [], obstacles: [], doubts: [] }
const said = (changed: Partial<EagerStart.Seen>) => {
  const { doubts, notes, obstacles } = EagerStart.of({ ...seen, ...changed })
  return [...obstacles, ...doubts, ...notes].join("\n")
}

describe("an eager start", () => {
  it("of a program that does nothing in init has no doubts", () => assert.deepStrictEqual(EagerStart.of(seen), none))

  it.each<[string, Partial<EagerStart.Seen>, RegExp]>([
    ["of a program without the library", { events: [] }, /it has to run by NodeExtension\.runMain of this version/],
    ["over the Logs API", { entries: [subscription(bodyFor(http(1)), "logs")] }, /subscribes to the Logs API/],
    [
      "of two subscriptions",
      { entries: [subscription(bodyFor(http(1))), subscription(bodyFor(http(2)))] },
      /makes 2 subscriptions to telemetry, and the entry can make one/
    ]
  ])("%s cannot work", (_, changed, reason) => {
    const { obstacles } = EagerStart.of({ ...seen, ...changed })
    assert.lengthOf(obstacles, 1)
    assert.match(obstacles.join(), reason)
  })

  it.each<[string, Partial<EagerStart.Seen>, RegExp]>([
    ['with onInitFailure "exit"', { events: [described({ onInitFailure: "exit" })] }, /onInitFailure is "exit"/],
    ["with a listener", { listeners: [{ protocol: "TCP", port: 8080 }] }, /listens on TCP port 8080; a function that/],
    [
      "with several",
      {
        listeners: [
          { protocol: "UDP", port: 8125 },
          { protocol: "Unix", path: "/tmp/agent.sock" }
        ]
      },
      /listens on UDP port 8125, the Unix socket \/tmp\/agent\.sock; a function/
    ],
    [
      "with telemetry over TCP",
      {
        events: [described({ telemetryPort: "fixed" })],
        entries: [subscription(bodyFor({ protocol: "TCP", port: 4243 }))],
        listeners: [{ protocol: "TCP", port: 4243 }]
      },
      /over TCP, where records that come before it listens may be lost/
    ],
    [
      "with a listener for telemetry that the build does not know",
      { entries: [subscription(bodyFor(http(40_123)))] },
      /without NodeTelemetry\.layer, so the build cannot tell whether port 40123 is the same in each start/
    ],
    ["after an init that failed", { hasFailedInit: true, listeners: undefined }, /init failed in the trial run/]
  ])("%s has a doubt", (_, changed, doubt) => {
    const { doubts, obstacles } = EagerStart.of({ ...seen, ...changed })
    assert.isEmpty(obstacles)
    assert.lengthOf(doubts, 1)
    assert.match(doubts.join(), doubt)
  })

  it("on a system without /proc has a note", () => {
    assert.match(said({ listeners: undefined }), /^start eager: this system does not tell what the program listens on/)
  })

  it("subscribes as the program did, with a port that its name gives when any port will do", () => {
    const body = bodyFor(http(34_567))
    const listeners: ReadonlyArray<Listeners.Listener> = [{ protocol: "TCP", port: 34_567 }]
    const fixed = EagerStart.of({
      ...seen,
      entries: [subscription(body)],
      listeners,
      events: [described({ telemetryPort: "fixed" })]
    })
    assert.deepStrictEqual(fixed, { ...none, subscription: body })
    const any = EagerStart.of({
      ...seen,
      entries: [subscription(body)],
      listeners,
      events: [described(), described({ telemetryPort: "any" })]
    })
    const port = EagerStart.portOf("watcher")
    assert.strictEqual(any.subscription, body.replace("34567", String(port)))
    assert.match(any.notes.join(), new RegExp(`listens on port ${port}, which was made from its name`))
    assert.isEmpty(any.doubts)
  })

  it("is ASCII, and means the same", () => {
    const body = bodyFor({ ...http(1), URI: "http://sandbox:1/für/日本" })
    const { subscription: text = "" } = EagerStart.of({ ...seen, entries: [subscription(body)] })
    assert.match(text, /^[\x20-\x7e]+$/)
    assert.deepStrictEqual(JSON.parse(text), JSON.parse(body))
  })

  it("ports are spread, and outside of those that the system gives away", () => {
    const ports = Array.from({ length: 1000 }, (_, index) => EagerStart.portOf(`extension-${index}`))
    for (const port of ports) assert.isTrue(port >= 20_000 && port < 30_000)
    assert.isAbove(new Set(ports).size, 900)
    assert.strictEqual(EagerStart.portOf("watcher"), EagerStart.portOf("watcher"))
  })
})

let count = 0
/** Builds this program with `--start eager`, and gives the entry and the notes, or the refusal. */
const build = Effect.fnUntraced(function* (main: string, config: LayerConfig.Settings = {}) {
  const name = `eager-${process.pid}-${++count}`
  const project = Project.make(name, {
    "package.json": Project.manifest({ name, start: "eager", arch: "x64", codeCache: "off", ...config }),
    "src/main.ts": main
  })
  const layer = yield* LayerConfig.resolve(project, {})
  const built = yield* Effect.result(withBundle(Build.run(layer, { check: false, zip: false })))
  if (Result.isFailure(built)) return { name, refusal: String(built.failure.cause), entry: "", notes: [] }
  const { layers, notes } = built.success
  const entry = readFileSync(join(layers[0]?.directory ?? "", "extensions", name), "utf8")
  return { name, refusal: "", entry, notes }
})

const imports = `
import { Extension, Telemetry } from "@effect-lambda/extension"
import { NodeExtension, NodeTelemetry } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
`

const rely = "the function may rely on it:\n- "

describe("build --start eager", { concurrent: true }, () => {
  it.live("makes an entry that polls", () =>
    Effect.gen(function* () {
      const { entry, notes, refusal } = yield* build(Project.idle)
      assert.strictEqual(refusal, "")
      assert.include(entry, "GET /2020-01-01/extension/event/next")
      assert.notInclude(entry, "/2022-07-01/telemetry")
      assert.isEmpty(notes.filter((note) => note.includes("eager")))
    })
  )

  it.live("makes an entry that subscribes as the program does, and says on which port it listens", () =>
    Effect.gen(function* () {
      const { entry, name, notes, refusal } = yield* build(`${imports}
        Extension.run({ telemetry: Telemetry.stream(() => Effect.never, { types: ["function", "platform"] }) }).pipe(
          Effect.provide(NodeTelemetry.layer),
          NodeExtension.runMain
        )`)
      assert.strictEqual(refusal, "")
      const port = EagerStart.portOf(name)
      assert.include(entry, `"types":["function","platform"]`)
      assert.include(entry, `"URI":"http://sandbox.localdomain:${port}/"`)
      assert.match(notes.join("\n"), new RegExp(`listens on port ${port}, which was made from its name`))
    })
  )

  it.live.each<[string, string]>([
    ["run", 'Extension.run({ onInitFailure: "exit" }).pipe(NodeExtension.runMain)'],
    ["runMain", 'Extension.run({}).pipe(NodeExtension.runMain({ onInitFailure: "exit" }))']
  ])('refuses onInitFailure "exit" of %s, unless told otherwise', ([, main]) =>
    Effect.gen(function* () {
      const { refusal } = yield* build(imports + main)
      assert.include(refusal, `${rely}onInitFailure is "exit"`)
      assert.match(refusal, /Build with --start ready\. If .* add --start-anyway \(effectLambda\.startAnyway\)\.$/)
      const anyway = yield* build(imports + main, { startAnyway: true })
      assert.strictEqual(anyway.refusal, "")
      assert.include(anyway.entry, "GET /2020-01-01/extension/event/next")
    })
  )

  it.live("refuses a program that listens, itself or by a child, on whatever kind of socket", () =>
    Effect.gen(function* () {
      const { refusal } = yield* build(`${imports}
        import { spawn } from "node:child_process"
        import { createSocket } from "node:dgram"
        import { createServer } from "node:net"
        const listening = Effect.callback((resume) => {
          const path = process.env.TMPDIR ?? "/tmp"
          createServer().listen(path + "/eager-" + process.pid + ".sock", () => {
            createSocket("udp4").bind(19125, "127.0.0.1", () => {
              const code = "require('net').createServer().listen(0, '127.0.0.1', () => console.log('up'))"
              const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] })
              child.stdout.once("data", () => resume(Effect.void))
              process.once("exit", () => child.kill())
            })
          })
        })
        Extension.run({ layer: Layer.effectDiscard(listening) }).pipe(NodeExtension.runMain)`)
      assert.include(refusal, `${rely}the program listens on`)
      assert.match(refusal, /TCP port \d+/)
      assert.match(refusal, /UDP port 19125/)
      assert.match(refusal, /the Unix socket \S+\/eager-\d+\.sock/)
    })
  )

  it.live("refuses a program without the library in any case, since it would poll beside the entry", () =>
    Effect.gen(function* () {
      const main = `
        const api = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2020-01-01/extension/"
        const live = async () => {
          const registered = await fetch(api + "register", {
            method: "POST",
            headers: { "Lambda-Extension-Name": String(process.env.EFFECT_LAMBDA_EXTENSION_NAME) },
            body: '{"events":["INVOKE","SHUTDOWN"]}'
          })
          const headers = { "Lambda-Extension-Identifier": String(registered.headers.get("lambda-extension-identifier")) }
          while ((await (await fetch(api + "event/next", { headers })).json()).eventType !== "SHUTDOWN");
        }
        void live()`
      for (const startAnyway of [false, true]) {
        const { refusal } = yield* build(main, { startAnyway })
        assert.include(
          refusal,
          "start eager cannot work with this program, build with --start ready:\n- the program did not say"
        )
      }
    })
  )

  it("is asked for by flags, and said in the output", async () => {
    const project = Project.make("eager-flags", {
      "package.json": Project.manifest({ arch: "x64", codeCache: "off" }),
      "src/main.ts": `${imports}Extension.run({ onInitFailure: "exit" }).pipe(NodeExtension.runMain)`
    })
    const args = ["build", project, "--no-check", "--no-zip"]
    const refused = await start([...args, "--start", "eager"]).ended
    assert.strictEqual(refused.code, 1)
    assert.include(refused.output, "add --start-anyway")
    const eager = await start([...args, "--start", "eager", "--start-anyway"]).ended
    assert.strictEqual(eager.code, 0, eager.output)
    assert.include(eager.output, "watcher: runtime managed, start eager, registers for INVOKE, SHUTDOWN")
    const ready = await start([...args, "--json"]).ended
    assert.strictEqual(JSON.parse(ready.output).start, "ready")
  })

  it.live("refuses a program whose init fails in the trial run, and says how to let it succeed", () =>
    Effect.gen(function* () {
      const { refusal } = yield* build(`${imports}
        Extension.run({ layer: Layer.effectDiscard(Effect.fail(new Error("no URL"))) }).pipe(NodeExtension.runMain)`)
      assert.include(refusal, `${rely}init failed in the trial run`)
      assert.include(refusal, "give the variables that init needs by --env KEY=VALUE")
    })
  )
})
