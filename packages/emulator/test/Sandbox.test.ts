/** The processes see these parts of the sandbox: its names, a directory as /opt, and nothing else that is different. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import NodeProcess from "node:process"
import * as MountNamespace from "../src/internal/sandbox/MountNamespace.ts"
import * as NamesOpt from "../src/internal/sandbox/NamesOpt.ts"
import * as SandboxHosts from "../src/internal/sandbox/SandboxHosts.ts"
import { startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const local = SandboxHosts.defaultAddress

describe("the hosts file", () => {
  it.each<readonly [string, string, boolean]>([
    ["both on one line", "127.0.0.1 sandbox.localdomain sandbox\n", true],
    ["on two lines, in capitals, with a comment", "127.0.0.1\tSandbox\n127.0.0.1 a SANDBOX.localdomain # ours\n", true],
    ["one of them", "127.0.0.1 localhost sandbox\n", false],
    ["in a comment", "# 127.0.0.1 sandbox.localdomain sandbox\n", false],
    ["as parts of other names", "127.0.0.1 sandbox.localdomain.example mysandbox\n", false],
    ["of another machine", "10.0.0.1 sandbox.localdomain sandbox\n", false],
    ["of another address of this one too", "127.0.0.1 sandbox.localdomain sandbox\n::1 sandbox\n", false],
    ["empty", "", false]
  ])("%s", (_, hosts, expected) => {
    assert.strictEqual(SandboxHosts.resolves(hosts, local), expected)
    const added = SandboxHosts.withNames(hosts, local)
    assert.isTrue(SandboxHosts.resolves(added, local))
    assert.strictEqual(SandboxHosts.withNames(added, local), added, "nothing is added twice")
  })

  it("keeps what the machine says about other names", () => {
    assert.strictEqual(
      SandboxHosts.withNames("# mine\n127.0.0.1 localhost\n10.0.0.1 sandbox db\n10.0.0.2 sandbox.localdomain\n", local),
      "127.0.0.1 sandbox.localdomain\n127.0.0.1 sandbox\n# mine\n127.0.0.1 localhost\n10.0.0.1 db\n"
    )
  })

  it.each<readonly [string, string | undefined]>([
    ["passwd: files\nhosts: files dns\n", undefined],
    ["passwd: files\n", undefined],
    [
      "hosts:\tresolve [!UNAVAIL=return] files dns\nnetworks: files\n",
      "hosts: files resolve [!UNAVAIL=return] files dns\nnetworks: files\n"
    ]
  ])("is asked first: %s", (before, after) => assert.strictEqual(SandboxHosts.hostsFileFirst(before), after))
})

describe("a file that names /opt", () => {
  it.live("is found among the entries and beside them", () =>
    Effect.gen(function* () {
      const opt = yield* temporaryDirectory
      const extensions = Path.join(opt, "extensions")
      assert.isUndefined(NamesOpt.find(opt))
      Fs.mkdirSync(extensions)
      Fs.mkdirSync(Path.join(opt, "tool"))
      writeExecutable(extensions, "tool.sh", '#!/bin/sh\nexec "$(dirname "$0")/../tool/run"\n')
      writeExecutable(Path.join(opt, "tool"), "run", "#!/bin/sh\nls /optional\n")
      assert.isUndefined(NamesOpt.find(opt))
      writeExecutable(Path.join(opt, "tool"), "run", "#!/opt/bin/sh\n")
      assert.strictEqual(NamesOpt.find(opt), "tool/run")
      Fs.symlinkSync("/opt/tool/run", Path.join(extensions, "linked"))
      assert.strictEqual(NamesOpt.find(opt), "extensions/linked")
    })
  )
})

const permitted = (target: string) => MountNamespace.permission(target, NodeProcess.env.PATH ?? "")

/** Tells what a process says, in the namespace if this machine permits it. */
const said = Effect.fnUntraced(function* (
  text: string,
  environment: Readonly<Record<string, string>>,
  name = "a",
  sandboxAddress = local
) {
  const directory = yield* temporaryDirectory
  const file = writeExecutable(directory, name, `#!/usr/bin/env node\n${text}\n`)
  // This profile takes variables of any name.
  const emulator = yield* startEmulator({ extensions: [file], environment, profile: "rie", sandboxAddress })
  yield* Effect.forkScoped(Effect.ignore(emulator.invoke("{}")))
  const { pid } = yield* emulator.journal.waitFor(Journal.is("ProcessStarted"))
  const { line } = yield* emulator.journal.waitFor(Journal.is("Output"))
  return { line, pid, notes: emulator.notes }
})

describe("a process in a namespace", () => {
  it.live.each([local, "127.0.0.6"])("binds to both names, %s, which the network is not asked for", (address) =>
    Effect.gen(function* () {
      const { line, notes } = yield* said(
        `const { lookup } = require("node:dns/promises")
         Promise.all(["sandbox.localdomain", "sandbox"].map((name) => lookup(name, { all: true })))
           .then((found) => console.log(JSON.stringify(found.flat())), (error) => console.log(error.message))`,
        {},
        "a",
        address
      )
      const { _tag } = yield* permitted("/etc/hosts")
      if (_tag === "Permitted") {
        assert.deepStrictEqual(
          JSON.parse(line),
          ["sandbox.localdomain", "sandbox"].map(() => ({ address, family: 4 }))
        )
      }
      const isKnown = SandboxHosts.resolves(Fs.readFileSync("/etc/hosts", "utf8"), address)
      assert.lengthOf(notes, _tag === "Permitted" || isKnown ? 0 : 1)
    })
  )

  it.live("has its own id and exactly its variables, also those that a step before it would read", () =>
    Effect.gen(function* () {
      const odd = {
        PWD: "/nowhere",
        OLDPWD: "/before",
        SHLVL: "7",
        LD_LIBRARY_PATH: "/nowhere",
        PATH: `${Path.dirname(NodeProcess.execPath)}:/usr/bin:/bin`,
        "not.a.shell.name": "1",
        EMPTY: "",
        LINES: "a\nb=c"
      }
      const { line, pid } = yield* said(
        "console.log(JSON.stringify({ pid: process.pid, environment: process.env }))",
        odd,
        "with=sign"
      )
      const seen: { readonly pid: number; readonly environment: Readonly<Record<string, string>> } = JSON.parse(line)
      assert.strictEqual(seen.pid, pid)
      assert.deepInclude(seen.environment, odd)
      assert.notProperty(seen.environment, "_")
    })
  )

  it.live("keeps the id of its user if it is not root", () =>
    Effect.gen(function* () {
      const permission = yield* permitted("/etc/hosts")
      if (permission._tag === "Refused") return assert.isNotEmpty(permission.said)
      const form = {
        path: NodeProcess.env.PATH ?? "",
        flags: ["--user", "--map-root-user", "--mount"],
        asUser: ["unshare", "--user", "--map-user=1234", "--map-group=1235", "--"]
      }
      const directory = yield* temporaryDirectory
      const source = Path.join(directory, "hosts")
      Fs.writeFileSync(source, "bound\n")
      const mounts = [{ source, target: "/etc/hosts" }]
      const script = 'id -u; id -g; cat /etc/hosts; echo "$PPID"'
      const { command, environment } = MountNamespace.wrap({ form, mounts }, ["/bin/sh", "-c", script], {
        PATH: "/usr/bin:/bin"
      })
      const [file, ...args] = command
      const answer = ChildProcess.spawnSync(file, args, { env: { ...environment }, encoding: "utf8", timeout: 60_000 })
      assert.strictEqual(answer.stdout, `1234\n1235\nbound\n${NodeProcess.pid}\n`, answer.stderr)
    })
  )
})

describe("links of a layer that name /opt", () => {
  const makeLayer = Effect.gen(function* () {
    const opt = Fs.realpathSync(yield* temporaryDirectory)
    Fs.mkdirSync(Path.join(opt, "programs"))
    Fs.mkdirSync(Path.join(opt, "shells"))
    Fs.symlinkSync("/opt/programs", Path.join(opt, "extensions"))
    Fs.symlinkSync("/opt/shells", Path.join(opt, "sh"))
    Fs.symlinkSync("/bin/sh", Path.join(opt, "shells/sh"))
    writeExecutable(Path.join(opt, "programs"), "a", '#!/opt/sh/sh\necho "$0 runs"\nexec sleep 1000\n')
    return opt
  })

  it.live("lead to files of the layer, also if a folder is linked", () =>
    Effect.gen(function* () {
      const opt = yield* makeLayer
      Fs.symlinkSync("loop", Path.join(opt, "loop"))
      const hostPath = MountNamespace.hostPath([{ source: opt, target: "/opt" }])
      assert.strictEqual(hostPath("/opt/extensions/a"), Path.join(opt, "programs/a"))
      assert.strictEqual(hostPath("/opt/extensions/../x"), Path.join(opt, "x"))
      assert.strictEqual(hostPath("/opt/none/../a"), Path.join(opt, "a"))
      assert.strictEqual(hostPath("/opt/loop/a"), Path.join(opt, "loop/a"))
      assert.strictEqual(MountNamespace.hostPath([])("/opt/a"), "/opt/a")
    })
  )

  it.live("are followed as processes follow them", () =>
    Effect.gen(function* () {
      const opt = yield* makeLayer
      assert.strictEqual(NamesOpt.find(opt), "extensions")
      const emulator = yield* startEmulator({ extensions: { opt, root: "if-permitted" } })
      const { _tag } = yield* permitted("/opt")
      if (_tag !== "Permitted") return
      const { line } = yield* emulator.journal.waitFor(Journal.is("Output"))
      assert.strictEqual(line, "/opt/extensions/a runs")
    })
  )

  it.live.each<readonly [string, boolean, (opt: string) => string]>([
    [
      "a link that leads nowhere",
      false,
      (opt) =>
        `${opt}/extensions/a leads to /opt/none on this machine, and no file is there. Correct the link, or build the file first.`
    ],
    [
      "a file of a layer without its x bit",
      true,
      () => "/opt/extensions/a is not executable. Set the x bit in the folder of which the layer is made"
    ]
  ])("%s is named in the advice", ([, root, advice]) =>
    Effect.gen(function* () {
      if (root && (yield* permitted("/opt"))._tag !== "Permitted") return
      const opt = Fs.realpathSync(yield* temporaryDirectory)
      Fs.mkdirSync(Path.join(opt, "extensions"))
      if (root) Fs.writeFileSync(Path.join(opt, "extensions/a"), "#!/bin/sh\n")
      else Fs.symlinkSync("/opt/none", Path.join(opt, "extensions/a"))
      const { journal } = yield* startEmulator({ extensions: { opt, root } })
      const failed = yield* journal.waitFor(Journal.is("LaunchFailed"))
      assert.strictEqual(failed.advice, advice(opt))
    })
  )
})

describe("a machine that permits no namespace", () => {
  it.live("says which line to add to which file, and which file names /opt; the run goes on", () =>
    Effect.gen(function* () {
      const opt = yield* temporaryDirectory
      Fs.mkdirSync(Path.join(opt, "extensions"))
      const file = writeExecutable(Path.join(opt, "extensions"), "a", "#!/bin/sh\necho /opt/asset\nexit 5\n")
      const { journal, notes } = yield* startEmulator({ extensions: { opt, root: "if-permitted" } }).pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({ PATH: opt }))
      )
      const hosts =
        'add "127.0.0.1 sandbox.localdomain sandbox" to /etc/hosts: listeners of extensions may bind to these names, and this machine does not let the processes have a private hosts file (spawn unshare ENOENT)'
      assert.deepStrictEqual(notes, [
        ...(SandboxHosts.resolves(Fs.readFileSync("/etc/hosts", "utf8"), local) ? [] : [hosts]),
        `extensions/a names /opt, and this machine does not let ${opt} be seen there (spawn unshare ENOENT): run as root, or copy its files to /opt`
      ])
      const started = yield* journal.waitFor(Journal.is("Output"))
      assert.strictEqual(started.line, "/opt/asset")
      const exited = yield* journal.waitFor(Journal.is("ProcessExited"))
      assert.deepStrictEqual(
        [exited.source, exited.status],
        [`extension:${Path.basename(file)}`, { _tag: "Code", code: 5 }]
      )
    })
  )

  it.live("is not asked if nothing is started", () =>
    Effect.gen(function* () {
      const { notes } = yield* startEmulator({ extensions: [{ manual: "a" }] }).pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({ PATH: "/nowhere" }))
      )
      assert.deepStrictEqual(notes, [])
    })
  )
})
