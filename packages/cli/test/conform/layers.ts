/** The layers of this repository that `conform` is run over, and the way to build them. */
import { spawn } from "node:child_process"
import { join } from "node:path"
import process from "node:process"
import * as LayerConfig from "../../src/project/LayerConfig.ts"

const packages = join(import.meta.dirname, "../../..")
export const arch = LayerConfig.architectures.find((name) => name === process.arch) ?? "x64"
const bin = join(import.meta.dirname, "../../bin/effect-lambda.mjs")

export interface Layer {
  readonly name: string
  /** The folder with package.json. */
  readonly project: string
  /** The variable that names its backend; `undefined` if it has none. */
  readonly backend: string | undefined
}

export const layers: ReadonlyArray<Layer> = [
  { name: "hello", project: join(packages, "examples/hello"), backend: undefined },
  { name: "telemetry-ship", project: join(packages, "examples/telemetry-ship"), backend: "TELEMETRY_URL" },
  { name: "otel", project: join(packages, "otel"), backend: "EFFECT_LAMBDA_OTLP_ENDPOINT" }
]

/** Runs a command to its end, with the output of this terminal or without, and gives its exit code. */
export const execute = (args: ReadonlyArray<string>, isShown: boolean): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], {
      stdio: ["ignore", isShown ? "inherit" : "ignore", "inherit"]
    })
    child.on("error", reject)
    child.on("close", (code) => resolve(code ?? 1))
  })

/** Builds the layer into a folder, and gives its folder laid out as /opt. */
export const build = async (
  { backend, name, project }: Layer,
  folder: string,
  { runtime, start } = { runtime: "managed", start: "ready" }
): Promise<string> => {
  const variable = backend === undefined ? [] : ["--env", `${backend}=http://127.0.0.1:9`]
  // The layer for OpenTelemetry listens for the SDK of the function, which conform does not use.
  const anyway = start === "eager" ? ["--start-anyway"] : []
  const how = ["--runtime", runtime, "--start", start, ...anyway, "--arch", arch, "--no-check"]
  const code = await execute(["build", project, ...how, "--out", folder, ...variable], false)
  if (code !== 0) throw new Error(`${name} was not built: effect-lambda build exited with ${code}`)
  return join(folder, `${name}-${arch}`)
}

/** The flags of `conform` for this layer. */
export const flagsOf = ({ backend }: Layer): ReadonlyArray<string> =>
  backend === undefined ? [] : ["--sink-env", backend]
