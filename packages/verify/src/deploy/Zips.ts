/** The zips of a run: layers of this repository as `effect-lambda build` makes them, the recorder, and the functions. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { zipSync } from "fflate"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import NodeProcess from "node:process"
import type { Scenario } from "../Scenario.ts"
import type { Settings } from "../Settings.ts"

/** A layer that was not built; the message ends with what the build printed. */
export class BuildError extends Schema.TaggedError<BuildError>()("BuildError", { message: Schema.String }) {}

type Zips = Settings["Service"]["zips"]

const packages = Path.join(import.meta.dirname, "../../..")
const here = (path: string) => Path.join(packages, "verify", path)

/** The files with their modes. Every layer of Lambda is unpacked by root, so that modes are all that counts. */
const zipOf = (folder: string, paths: ReadonlyArray<string>): Uint8Array =>
  zipSync(
    Object.fromEntries(
      paths.map((path) => {
        const file = Path.join(folder, path)
        const mode = (Fs.statSync(file).mode & 0o111) === 0 ? 0o100644 : 0o100755
        return [path, [Fs.readFileSync(file), { os: 3, attrs: mode << 16, mtime: "1980-01-01" }]]
      })
    )
  )

export const recorder = () =>
  zipOf(here("layer"), ["extensions/verify-recorder", "verify-recorder/probes.cjs", "verify-recorder/recorder.cjs"])

export const functions = () => ({
  "nodejs24.x": zipOf(here("function"), ["index.mjs"]),
  "python3.13": zipOf(here("function"), ["lambda_function.py"])
})

const projects = {
  hello: ["examples/hello", "managed", "hello"],
  "hello-node": ["examples/hello", "node", "hello"],
  "telemetry-ship": ["examples/telemetry-ship", "managed", "telemetry-ship"],
  otel: ["otel", "managed", "otel"]
} as const

/** Runs `effect-lambda build` for a project, and reads its zip. */
const build = (name: keyof typeof projects, arch: "arm64" | "x64") =>
  Effect.scoped(
    Effect.gen(function* () {
      const [project, runtime, extension] = projects[name]
      yield* Console.log(`building ${name}`)
      const out = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "verify-"))),
        (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
      )
      const bin = Path.join(packages, "cli/bin/effect-lambda.mjs")
      const args = [bin, "build", "--no-check", "--runtime", runtime, "--arch", arch, "--out", out]
      yield* Effect.callback<void, BuildError>((resume) => {
        const options = { cwd: Path.join(packages, project), timeout: 600_000, maxBuffer: 2 ** 24 }
        const child = execFile(NodeProcess.execPath, args, options, (error, stdout, stderr) =>
          resume(
            error === null
              ? Effect.void
              : Effect.fail(new BuildError({ message: `the layer ${name} was not built: ${stdout}${stderr}` }))
          )
        )
        return Effect.sync(() => child.kill("SIGKILL"))
      })
      return new Uint8Array(Fs.readFileSync(Path.join(out, `${extension}-${arch}.zip`)))
    })
  )

const none = new Uint8Array()

/** The zips that these scenarios need. The rest is empty. */
export const make = Effect.fnUntraced(function* (scenarios: ReadonlyArray<Scenario>, arch: "arm64" | "x64") {
  const needed = new Set(scenarios.flatMap(({ layers }) => layers))
  const zip = (name: keyof typeof projects) => (needed.has(name) ? build(name, arch) : Effect.succeed(none))
  const zips: Zips = {
    hello: yield* zip("hello"),
    "hello-node": yield* zip("hello-node"),
    "telemetry-ship": yield* zip("telemetry-ship"),
    otel: yield* zip("otel"),
    recorder: recorder(),
    ...functions()
  }
  return zips
})

/** For a dry run: nothing is built, and the sizes of built layers are not known. */
export const unbuilt = (): Zips => ({
  hello: none,
  "hello-node": none,
  "telemetry-ship": none,
  otel: none,
  recorder: recorder(),
  ...functions()
})
