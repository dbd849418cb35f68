/** The CPU quota: its arithmetic, the place of the group, and a process that is held to it. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { nodeFunction } from "../src/cold-start/first-invocation.ts"
import * as Cgroup from "../src/quota/cgroup.ts"
import * as Wrapper from "../src/quota/wrapper.ts"

const folder = mkdtempSync(join(tmpdir(), "quota's folder "))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("the quota of a function", () => {
  it.each([
    { megabytes: 1769, periodMicros: 20_000, quotaMicros: 20_000 },
    { megabytes: 128, periodMicros: 20_000, quotaMicros: 1447 },
    { megabytes: 128, periodMicros: 100_000, quotaMicros: 7236 },
    { megabytes: 512, periodMicros: 20_000, quotaMicros: 5789 },
    { megabytes: 10_240, periodMicros: 20_000, quotaMicros: 115_772 }
  ])("is $quotaMicros µs in $periodMicros µs for $megabytes MB", ({ megabytes, ...quota }) => {
    assert.deepStrictEqual(Cgroup.quotaOf(megabytes, quota.periodMicros), quota)
  })

  it.each([13_000, 1_001_000])("is refused if Linux does not take it: a period of %d µs", (periodMicros) => {
    assert.throws(
      () => Cgroup.quotaOf(128, periodMicros),
      RangeError,
      `A period of ${periodMicros / 1000} ms is not possible for 128 MB: Linux takes 14 to 1000 ms. Give another --period.`
    )
  })

  it("takes the limits that the error names", () => {
    assert.strictEqual(Cgroup.quotaOf(128, 14_000).quotaMicros, 1013)
    assert.strictEqual(Cgroup.quotaOf(128, 1_000_000).quotaMicros, 72_357)
  })
})

describe("the place of a group", () => {
  const version1 = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct"
  const inDocker = "33 31 0:30 /docker/abc /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu"
  const set = "35 31 0:32 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset"
  const version2 = "30 23 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
  const hybrid = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw"

  it.each([
    {
      name: "version 1",
      mounts: [set, version1],
      own: "2:cpu,cpuacct:/\n1:cpuset:/",
      folder: "/sys/fs/cgroup/cpu,cpuacct"
    },
    {
      name: "version 1, below the group of this process",
      mounts: [version1],
      own: "4:cpuset:/\n2:cpu,cpuacct:/user.slice/a:b",
      folder: "/sys/fs/cgroup/cpu,cpuacct/user.slice/a:b"
    },
    { name: "version 1 in a container", mounts: [inDocker], own: "2:cpu:/docker/abc", folder: "/sys/fs/cgroup/cpu" },
    {
      name: "version 1 before an empty version 2",
      mounts: [hybrid, version1],
      own: "2:cpu,cpuacct:/\n0::/",
      folder: "/sys/fs/cgroup/cpu,cpuacct"
    }
  ])("$name", ({ folder, mounts, own }) => {
    assert.deepStrictEqual(Cgroup.placeOf(mounts.join("\n"), own), { version: 1, folder })
  })

  it("version 2: below the root", () => {
    assert.deepStrictEqual(Cgroup.placeOf(`${version2}\n`, "0::/user.slice\n"), {
      version: 2,
      folder: "/sys/fs/cgroup"
    })
  })

  it("none", () => {
    assert.isUndefined(Cgroup.placeOf(set, "2:cpuset:/"))
    assert.isUndefined(Cgroup.placeOf("", ""))
  })
})

it("limits a group of version 2 by cpu.max, when its parent gives the controller on", () => {
  const parent = mkdtempSync(join(folder, "version2-"))
  const write = (file: string, text: string) => writeFileSync(join(parent, file), text)
  const read = (file: string) => readFileSync(join(parent, file), "utf8")
  write("cgroup.controllers", "cpuset io\n")
  assert.throws(() => Cgroup.make({ version: 2, folder: parent }), `${parent} does not have the controller cpu`)
  write("cgroup.controllers", "cpuset cpu io\n")
  write("cgroup.subtree_control", "io\n")
  const group = Cgroup.make({ version: 2, folder: parent })
  assert.strictEqual(read("cgroup.subtree_control"), "+cpu")
  const limit = () => readFileSync(join(dirname(group.processesFile), "cpu.max"), "utf8")
  group.limit(Cgroup.quotaOf(128, 20_000))
  assert.strictEqual(limit(), "1447 20000")
  group.limit(undefined)
  assert.strictEqual(limit(), "max")
})

it("removes the group of a run that was killed, and not that of another run", async () => {
  const parent = mkdtempSync(join(folder, "leftovers-"))
  const killed = join(parent, "effect-lambda-benchmark-1")
  const busy = join(parent, "effect-lambda-benchmark-2")
  const foreign = join(parent, "system.slice")
  for (const group of [killed, busy, foreign]) mkdirSync(group)
  // A group of Linux with processes cannot be removed, as a folder with a file cannot.
  writeFileSync(join(busy, "file"), "")
  const group = Cgroup.make({ version: 1, folder: parent })
  assert.deepStrictEqual([killed, busy, foreign].map(existsSync), [false, true, true])
  await group.remove()
  assert.isFalse(existsSync(dirname(group.processesFile)))
})

const burn = `
  const { user, system } = process.cpuUsage()
  for (let used = 0; used < 60000; ) { const now = process.cpuUsage(); used = now.user + now.system - user - system }
`

it("holds a process to its quota, or says why this machine cannot", async () => {
  const group = Cgroup.open()
  if (typeof group === "string") return assert.match(group, /^There is no CPU quota, and so no table: .+\.$/)
  try {
    group.limit({ quotaMicros: 2000, periodMicros: 20_000 })
    const wrapper = await Wrapper.make(folder, group.processesFile)
    const { options } = wrapper.function({ label: "burn", options: { command: [process.execPath, "-e", burn] } })
    const command = "command" in options ? options.command : []
    const startedAt = performance.now()
    const { status, stderr } = spawnSync(command[0] ?? "", command.slice(1), { encoding: "utf8" })
    assert.strictEqual(status, 0, stderr)
    // At least 60 ms of CPU time with a tenth of a CPU. The scheduler counts in slices, so it forgives some of it.
    assert.isAbove(performance.now() - startedAt, 400)
  } finally {
    await group.remove()
  }
  assert.isFalse(existsSync(dirname(group.processesFile)))
})

describe("a wrapper", () => {
  it("has the name of its extension, and becomes it with its arguments", async () => {
    const procs = join(folder, "it's procs")
    const wrapper = await Wrapper.make(folder, procs)
    const echo = await wrapper.extension({
      label: "echo",
      command: ["/bin/echo"],
      env: {},
      work: "logs"
    })
    assert.strictEqual(basename(echo.command[0]), "echo")
    assert.strictEqual(basename(dirname(echo.command[0])), "extensions")
    execFileSync(echo.command[0])
    assert.isTrue(existsSync(procs))
  })

  it("starts a program that speaks the Runtime API, and the Node of a handler", async () => {
    const wrapper = await Wrapper.make(folder, join(folder, "procs"))
    const native = wrapper.function({ label: "echo", options: { command: ["/bin/echo", "$HOME", "a b"] } })
    assert.isTrue("command" in native.options)
    if (!("command" in native.options)) return
    const [file, ...args] = native.options.command
    assert.strictEqual(execFileSync(file, args, { encoding: "utf8" }), "$HOME a b\n")
    const { options } = wrapper.function(nodeFunction)
    assert.strictEqual(options.environment?.["AWS_LAMBDA_EXEC_WRAPPER"], file)
  })

  it("does not start the program if the group is gone", async () => {
    const wrapper = await Wrapper.make(folder, join(folder, "no such group/cgroup.procs"))
    const { options } = wrapper.function({ label: "echo", options: { command: ["/bin/echo", "ran"] } })
    const command = "command" in options ? options.command : []
    const { status, stdout } = spawnSync(command[0] ?? "", command.slice(1), { encoding: "utf8" })
    assert.strictEqual(stdout, "")
    assert.notStrictEqual(status, 0)
  })
})
