/** Whatever a target does, its scenario ends at its limit, nothing of it is left, and the next scenario begins. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { readdirSync, readFileSync } from "node:fs"
import { request } from "node:https"
import { createServer, type Server } from "node:net"
import { join } from "node:path"
import * as Judgement from "../../src/conform/play/Judgement.ts"
import * as Play from "../../src/conform/play/Play.ts"
import { chatty } from "../../src/conform/play/Programs.ts"
import type { Scenario, Traits } from "../../src/conform/play/Scenario.ts"
import * as Sink from "../../src/conform/play/Sink.ts"
import * as Target from "../../src/conform/play/Target.ts"
import * as SinkCertificate from "../../src/conform/SinkCertificate.ts"

const file = join(import.meta.dirname, "programs/target.mjs")
const traits: Traits = {
  sources: [],
  events: [],
  subscriptions: [],
  ports: [],
  reachesSink: false,
  sendsLines: false,
  copies: 0
}

const stageOf = (target: Target.Target, environment: Readonly<Record<string, string>>): Play.Stage => ({
  target,
  handler: chatty,
  environment,
  sinkVariables: [],
  tls: undefined,
  seed: 1,
  settings: { longFreezeSeconds: 1 }
})

/** Invokes, and waits for something that never happens. */
const endless: Scenario = {
  name: "test/endless",
  title: "An invocation that lasts longer than the limit of the scenario.",
  basis: "documented",
  aws: "",
  protocol: "",
  advice: "",
  limit: "3 seconds",
  // A target that prints so much keeps every machine busy.
  isTimeless: true,
  setup: () => ({ options: { limits: { tmp: 8 }, timeout: "1 minute" } }),
  play: Effect.fnUntraced(function* (run) {
    yield* run.invoke({ sleepMs: 10_000 })
    return Judgement.info("the invocation is over")
  })
}

/** The processes of Linux that have the variable. */
const processesWith = (mark: string) =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(mark)
    } catch {
      return false
    }
  })

const play = Effect.fnUntraced(function* (trait: string, line: RegExp) {
  const mark = `MARK=${trait}-${process.pid}-${Date.now()}`
  const [, value = ""] = mark.split("=")
  const target = yield* Target.open(yield* Target.find(file))
  const verdict = yield* Play.play(endless, stageOf(target, { TARGET: trait, MARK: value }), traits)
  return { trait, line, verdict, left: processesWith(mark) }
}, Effect.scoped)

const harms = [
  ["hangs", /^it holds the invocation$/],
  ["forks", /^it holds the invocation$/],
  ["prints", /^x{1000}/],
  ["fills", /^the disk: /]
] as const

it.live(
  "the scenario of a target that hangs, leaves its group, prints 100 MB or fills the disk ends at its limit",
  () =>
    Effect.gen(function* () {
      const played = yield* Effect.forEach(harms, ([trait, line]) => play(trait, line), { concurrency: "unbounded" })
      for (const [index, { left, line, trait, verdict }] of played.entries()) {
        assert.strictEqual(trait, harms[index]?.[0])
        assert.strictEqual(verdict.judgement.status, "fail", trait)
        assert.match(verdict.judgement.sentence, /^the scenario did not come to its end: /)
        assert.isTrue(verdict.journal.some(Journal.is("Registered")), trait)
        assert.isTrue(verdict.journal.some(Journal.is("Output", (entry) => line.test(entry.line))), trait)
        assert.deepStrictEqual(left, [], trait)
        const characters = verdict.journal.reduce((sum, entry) => sum + JSON.stringify(entry).length, 0)
        assert.isBelow(characters, 6_000_000, trait)
      }
      // A full disk is that of the scenario, if this machine permits it one.
      const { verdict } = played[3] ?? assert.fail()
      const isPermitted = !verdict.notes.some((note) => note.startsWith("limits.tmp is not in force"))
      const said = verdict.journal.find(Journal.is("Output", ({ line }) => line.startsWith("the disk: ")))
      assert.strictEqual(said?.line, `the disk: ${isPermitted ? "ENOSPC" : "took everything"}`)
    })
)

it.live("an environment that cannot be started here makes the scenario not testable", () =>
  Effect.gen(function* () {
    const target = yield* Target.open(yield* Target.find(file))
    const stage = { ...stageOf(target, {}), handler: "/nothing/handler.mjs" }
    const { judgement } = yield* Play.play(endless, stage, traits)
    assert.strictEqual(judgement.status, "not testable")
    assert.match(judgement.sentence, /^the environment could not be started: .*handler\.mjs/)
  }).pipe(Effect.scoped)
)

it.live("a client that does not know the authority of the sink refuses its certificate", () =>
  Effect.gen(function* () {
    const tls = yield* SinkCertificate.make
    const { counts, url } = yield* Sink.make({ tls })
    const ask = (ca: string | undefined) =>
      new Promise<string>((resolve) => {
        request(url, { method: "POST", ...(ca !== undefined && { ca }) }, ({ statusCode }) =>
          resolve(String(statusCode))
        )
          .on("error", ({ message }) => resolve(message))
          .end("something")
      })
    assert.match(yield* Effect.promise(() => ask(undefined)), /unable to verify|self.signed|local issuer/)
    assert.strictEqual(yield* Effect.promise(() => ask(readFileSync(tls.file, "utf8"))), "200")
    assert.strictEqual((yield* counts).taken, 1)
  }).pipe(Effect.scoped)
)

it.effect("a port of the target that another program has makes the scenario not testable", () =>
  Effect.gen(function* () {
    const server = yield* Effect.acquireRelease(
      Effect.callback<Server>((resume) => {
        const listening = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
      }),
      (listening) => Effect.sync(() => listening.close())
    )
    const address = server.address()
    const port = address !== null && typeof address === "object" ? address.port : 0
    const target = yield* Target.open(yield* Target.find(file))
    const fiber = yield* Effect.forkChild(Play.play(endless, { ...stageOf(target, {}), port }, traits))
    yield* TestClock.adjust("20 seconds")
    const { judgement } = yield* Fiber.join(fiber)
    assert.strictEqual(judgement.status, "not testable")
    assert.include(judgement.sentence, `another program of this machine listens on port ${port}`)
  }).pipe(Effect.scoped)
)
