/** Limits of the sandbox: each is in force for the processes, or a sentence says why it is not. */
import type * as Emulator from "@effect-lambda/emulator/Emulator"
import * as Journal from "@effect-lambda/emulator/Journal"
import * as Limits from "@effect-lambda/emulator/Limits"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Dgram from "node:dgram"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { setImmediate } from "node:timers/promises"
import * as MemoryGroup from "../src/internal/sandbox/MemoryGroup.ts"
import * as Resolver from "../src/internal/sandbox/Resolver.ts"
import * as SharedTmp from "../src/internal/sandbox/SharedTmp.ts"
import { politeExtension, script, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

/** Runs programs as extensions under the limit; nothing if the machine does not permit it, which a note has to say. */
const under = Effect.fnUntraced(function* (
  limits: Limits.Limits,
  bodies: Readonly<Record<string, string>>,
  options: Emulator.Options = {}
) {
  const directory = yield* temporaryDirectory
  const extensions = Object.entries(bodies).map(([name, body]) => writeExecutable(directory, name, script(body)))
  const permitted = yield* Limits.permitted(limits)
  const emulator = yield* startEmulator({ extensions, limits, ...options })
  const refused: ReadonlyArray<string> = permitted.refusals.map(({ limit }) => limit)
  for (const name of Object.keys(limits)) {
    assert.strictEqual(Object.hasOwn(permitted.limits, name), !refused.includes(name))
    const isNoted = emulator.notes.some((note) => note.includes(`limits.${name} is not in force`))
    assert.strictEqual(isNoted, refused.includes(name))
  }
  return refused.length === 0 ? emulator : undefined
})

const lineOf = Effect.fnUntraced(function* ({ journal }: Pick<Emulator.Emulator["Service"], "journal">, name: string) {
  const { line } = yield* journal.waitFor(Journal.is("Output", ({ source }) => source === `extension:${name}`))
  return line
})

describe("memory", () => {
  it.live("the processes have it together: one that wants more is killed", () =>
    Effect.gen(function* () {
      const child = `require("node:child_process").spawn(process.execPath, ["-e", "const kept = []; for (;;) kept.push(Buffer.alloc(4e6, 1))"])
        .on("exit", (code, signal) => console.log("child", code, signal))
        await new Promise(() => setInterval(() => {}, 1000))`
      const made = yield* under({ memory: 150 }, { a: child })
      if (made === undefined) return
      assert.strictEqual(yield* lineOf(made, "a"), "child null SIGKILL")
    })
  )

  const v1 = "35 31 0:32 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
  const v2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"

  it.each([
    [
      "version 1: the group of this process, then those above it",
      v1,
      "4:memory:/docker/x/y\n1:cpu:/z",
      [
        { version: 1, folder: "/sys/fs/cgroup/memory/y" },
        { version: 1, folder: "/sys/fs/cgroup/memory" }
      ]
    ],
    [
      "version 2: only groups above, which have no processes",
      v2,
      "0::/user.slice/a.scope",
      [
        { version: 2, folder: "/sys/fs/cgroup/user.slice" },
        { version: 2, folder: "/sys/fs/cgroup" }
      ]
    ],
    ["version 2, in a container", v2, "0::/", [{ version: 2, folder: "/sys/fs/cgroup" }]],
    ["another controller", v1.replace("rw,memory", "rw,cpu"), "1:cpu:/", []],
    ["no control groups", "22 1 8:1 / / rw - ext4 /dev/sda1 rw", "", []]
  ] as const)("a group is tried in %s", (_, mountinfo, cgroup, places) => {
    assert.deepStrictEqual(MemoryGroup.placesOf(`${v2.replace("cgroup2 cg", "ext4 cg")}\n${mountinfo}\n`, cgroup), [
      ...places
    ])
  })

  it.live("nothing is left of the group", () =>
    Effect.gen(function* () {
      const file = yield* Effect.scoped(MemoryGroup.make(64, process.env.PATH ?? ""))
      if ("processesFile" in file) assert.isFalse(Fs.existsSync(file.processesFile))
    })
  )
})

describe("descriptors", () => {
  it.live("each process can open so many, and cannot ask for more", () =>
    Effect.gen(function* () {
      const made = yield* under(
        { descriptors: 64 },
        {
          a: `const fs = require("node:fs")
          const said = fs.readFileSync("/proc/self/limits", "utf8").match(/Max open files\\s+(\\d+)\\s+(\\d+)/)
          let opened = 0
          try { for (;; opened++) fs.openSync("/dev/null") } catch (error) { console.log(said[1], said[2], error.code, opened < 64) }`
        },
        { environment: { SHLVL: "7" } }
      )
      assert.isDefined(made)
      if (made !== undefined) assert.strictEqual(yield* lineOf(made, "a"), "64 64 EMFILE true")
    })
  )

  it.live("more than this process may open is refused", () =>
    Effect.gen(function* () {
      const { limits, refusals } = yield* Limits.permitted({ descriptors: 2 ** 40 })
      assert.deepStrictEqual(limits, {})
      assert.match(refusals[0]?.said ?? "", /^this process itself may open \d+ descriptors$/)
      const directory = yield* temporaryDirectory
      const extensions = [writeExecutable(directory, "a", politeExtension)]
      const { journal, notes } = yield* startEmulator({ extensions, limits: { descriptors: 2 ** 40 } })
      assert.match(notes.join(), /limits\.descriptors is not in force: .*\. Raise the limit of the shell/)
      // The run goes on without it.
      yield* journal.waitFor(Journal.is("Registered"))
    })
  )
})

describe("tmp", () => {
  it.live("is empty, small, and shared by the processes; the machine's stays as it is", () =>
    Effect.gen(function* () {
      const [certificate, other] = [yield* temporaryDirectory, yield* temporaryDirectory]
      Fs.writeFileSync(Path.join(certificate, "ca.pem"), "certificate")
      const write = `
        const fs = require("node:fs")
        fs.writeFileSync("/tmp/of-a", Buffer.alloc(1e6))
        let problem
        try { fs.writeFileSync("/tmp/large", Buffer.alloc(3e6)) } catch (error) { problem = error.code }
        console.log(problem, fs.readFileSync(process.env.CERTIFICATE, "utf8"), process.env.SHLVL, process.cwd())
        await register([])
        await next()`
      const look = `
        const fs = require("node:fs")
        while (!fs.existsSync("/tmp/large")) await new Promise((resolve) => setTimeout(resolve, 5))
        console.log(fs.statSync("/tmp/of-a").size, fs.existsSync("/tmp/" + process.env.OTHER))
        // An exit would end the other one too.
        await register([])
        await next()`
      const made = yield* under(
        { tmp: 2 },
        { a: write, b: look },
        {
          environment: { CERTIFICATE: Path.join(certificate, "ca.pem"), OTHER: Path.basename(other) }
        }
      )
      if (made === undefined) return
      assert.strictEqual(yield* lineOf(made, "a"), `ENOSPC certificate undefined ${process.cwd()}`)
      assert.strictEqual(yield* lineOf(made, "b"), "1000000 false")
      assert.isFalse(Fs.existsSync("/tmp/of-a"))
    })
  )

  it("entries that are needed stay visible, once, and those that links lead to", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const [one, two] = [yield* temporaryDirectory, yield* temporaryDirectory]
        Fs.symlinkSync(two, Path.join(one, "link"))
        const entries = SharedTmp.entriesOf([
          Path.join(one, "a/b"),
          Path.join(one, "link"),
          "/usr/bin/node",
          "/tmp/nothing"
        ])
        const inTmp = [one, two].filter((path) => path.startsWith("/tmp/")).map((path) => path.split("/")[2] ?? "")
        assert.sameMembers([...entries], inTmp)
      })
    ).pipe(Effect.runPromise))
})

/** Node asks the C library here, as most programs do. */
const lookUp = `
  require("node:dns").lookup("backend.example", { family: 4 }, (error, address) => console.log(error?.code ?? address))
  await new Promise(() => setInterval(() => {}, 1000))`

/** An address record of a.b, as a client asks for it. */
const question = (type: number) => Buffer.from([7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 1, 98, 0, 0, type, 0, 1])

describe("resolver", () => {
  it.live("absent: a look-up fails, and the hosts file is read as always", () =>
    Effect.gen(function* () {
      const made = yield* under(
        { resolver: "absent" },
        {
          a: lookUp,
          b: lookUp.replace("backend.example", "sandbox.localdomain")
        }
      )
      if (made === undefined) return
      assert.match(yield* lineOf(made, "a"), /^E(AI_AGAIN|NOTFOUND)$/)
      assert.strictEqual(yield* lineOf(made, "b"), "127.0.0.1")
    })
  )

  it.effect.each(["slow", "silent"] as const)("%s: the server of the environment", (kind) =>
    Effect.gen(function* () {
      const made = yield* Resolver.make(kind, process.env.PATH ?? "")
      if ("said" in made) return assert.notStrictEqual(made.said, "")
      const file = made.mounts.find(({ target }) => target === "/etc/resolv.conf")?.source ?? ""
      const [, address = ""] = Fs.readFileSync(file, "utf8").trim().split(" ")
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => Dgram.createSocket("udp4")),
        (socket) => Effect.sync(() => socket.close())
      )
      const answers: Array<Buffer> = []
      socket.on("message", (answer) => answers.push(answer))
      yield* Effect.callback<void>((resume) => {
        socket.send(question(1), 53, address, () => resume(Effect.void))
      })
      const looks = kind === "slow" ? 100_000 : 20
      for (let look = 0; look < looks && answers.length === 0; look++) {
        yield* TestClock.adjust(Resolver.slowMs)
        yield* Effect.promise(() => setImmediate())
      }
      assert.strictEqual(answers.length, kind === "slow" ? 1 : 0)
    })
  )

  it("every name is 127.0.0.1, and has nothing else", () => {
    const address = Resolver.answerTo(question(1)) ?? Buffer.alloc(0)
    assert.deepStrictEqual(Array.from(address.subarray(0, 12)), [7, 9, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
    assert.deepStrictEqual(Array.from(address.subarray(-6)), [0, 4, 127, 0, 0, 1])
    const other = Resolver.answerTo(question(28)) ?? Buffer.alloc(0)
    assert.deepStrictEqual([other[7], other.length], [0, question(28).length])
    for (const broken of [Buffer.alloc(0), Buffer.alloc(12), question(1).subarray(0, 18), Buffer.alloc(600, 63)]) {
      assert.isUndefined(Resolver.answerTo(broken))
    }
  })
})

it.live("all limits go together", () =>
  Effect.gen(function* () {
    const made = yield* under(
      { memory: 256, descriptors: 200, tmp: 2, resolver: "absent" },
      {
        a: `const fs = require("node:fs")
        console.log(fs.readFileSync("/proc/self/limits", "utf8").includes("200 "), fs.readFileSync("/etc/resolv.conf", "utf8").trim())`
      }
    )
    if (made !== undefined) assert.strictEqual(yield* lineOf(made, "a"), "true nameserver 127.77.53.254")
  })
)

it.live.each([{ memory: 0 }, { descriptors: -1 }, { tmp: 0.5 }, { tmp: Number.NaN }])("%j is refused", (limits) =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(startEmulator({ limits }))
    assert.include(error.message, "Give a whole number from 1 on")
  })
)
