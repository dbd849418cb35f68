/** The packed tarballs of the published packages, and projects of a user who has them. */
import { assert } from "@effect/vitest"
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

export const packages = join(import.meta.dirname, "..")
export const published = ["extension", "extension-node", "emulator", "otel", "cli"] as const

type Published = (typeof published)[number]

export type Packed = Awaited<ReturnType<typeof pack>>

/** Runs to the end, at most for two minutes. */
export const run = async (command: string, args: ReadonlyArray<string>, cwd: string, env = process.env) => {
  const options = { cwd, env, maxBuffer: 16 * 1024 * 1024, timeout: 120_000 }
  const result = await promisify(execFile)(command, args, options).catch(
    (error: { stdout: string; stderr: string; message: string }) => {
      throw new Error(`${command} ${args.join(" ")}: ${error.message}\n${error.stdout}\n${error.stderr}`)
    }
  )
  return result.stdout
}

/** Packs all packages into a new folder, and installs them there as npm would. The caller removes the folder. */
export const pack = async () => {
  const tarballs = new Map<string, string>()
  const folder = await mkdtemp(join(tmpdir(), "packages-"))
  const filters = published.flatMap((name) => ["--filter", `@effect-lambda/${name}`])
  const packing = ["-r", ...filters, "pack", "--pack-destination", join(folder, "tarballs")]
  await run("npx", ["--yes", "pnpm@12.21.0", ...packing], packages)

  // Installed as npm would, with links into the workspace for what they depend on.
  const modules = join(folder, "project/node_modules")
  const dependencies = new Set<string>()
  for (const name of published) {
    const manifest = JSON.parse(await readFile(join(packages, name, "package.json"), "utf8"))
    const tarball = join(folder, "tarballs", `effect-lambda-${name}-${manifest.version}.tgz`)
    tarballs.set(name, tarball)
    const installed = join(modules, "@effect-lambda", name)
    await mkdir(installed, { recursive: true })
    await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed], folder)
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      if (!dependency.startsWith("@effect-lambda/")) dependencies.add(dependency)
    }
  }
  await mkdir(join(modules, "@effect"))
  for (const dependency of dependencies) {
    await symlink(join(packages, "cli/node_modules", dependency), join(modules, dependency))
  }
  await writeFile(join(folder, "project/package.json"), '{"type":"module"}')
  return { folder, tarballs, ...projectsIn(folder) }
}

/** What attw has to say against the types of a package, for every way of importing them. Anything wrong fails it. */
export const typesProblems = async ({ folder, tarballs }: Packed, name: Published) => {
  const output = await run("attw", [tarballs.get(name)!, "--profile", "esm-only", "--quiet"], folder)
  return output.trim()
}

/** The packed bin and npm, as on a machine that has Node and npm, but not this workspace. */
const projectsIn = (folder: string) => {
  const path = (process.env["PATH"] ?? "").split(":").filter((directory) => !directory.includes("node_modules"))
  const npm = (project: string, ...args: ReadonlyArray<string>) =>
    run("npm", args, join(folder, project), { PATH: path.join(":"), HOME: process.env["HOME"] })
  return {
    npm,
    cli: (...args: ReadonlyArray<string>) => {
      const bin = join(folder, "project/node_modules/@effect-lambda/cli/bin/effect-lambda.mjs")
      return run(process.execPath, [bin, ...args], folder)
    },
    testAndBuild: async (project: string) => {
      assert.match(await npm(project, "test"), /Tests .*1 passed/)
      await npm(project, "run", "build")
      return (await readdir(join(folder, project, "dist"))).toSorted()
    }
  }
}
