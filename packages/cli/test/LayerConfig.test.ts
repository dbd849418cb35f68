/** The settings of `effect-lambda build`, and the sentences for settings that it cannot build. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import * as LayerConfig from "../src/project/LayerConfig.ts"
import * as Project from "./support/projects.ts"

afterAll(Project.remove)

const refusal = (target: string, flags: Readonly<Record<string, unknown>> = {}) =>
  Effect.map(Effect.flip(LayerConfig.resolve(target, flags)), ({ cause }) => String(cause))

const main = { "src/main.ts": "export {}" }

let count = 0
const withConfig = (effectLambda: unknown) =>
  Project.make(`config-${++count}`, { "package.json": Project.manifest(effectLambda), ...main })

describe("LayerConfig", () => {
  it.effect(
    "a package says nothing: its name without the scope, src/main.ts, the function's Node, both architectures",
    () =>
      Effect.gen(function* () {
        const project = Project.make("silent", { "package.json": '{"name":"@acme/watcher"}', ...main })
        assert.deepStrictEqual(yield* LayerConfig.resolve(project, {}), {
          project,
          name: "watcher",
          entry: join(project, "src/main.ts"),
          events: undefined,
          runtime: "managed",
          architectures: ["x64", "arm64"],
          entryKind: "bash",
          start: "ready",
          startAnyway: false,
          codeCache: "auto",
          nodeVersions: [],
          env: {},
          files: [],
          variables: {},
          llrt: [],
          out: join(project, "dist")
        })
      })
  )

  it.effect("a package.json as Windows editors write it, with a byte order mark", () =>
    Effect.gen(function* () {
      const project = Project.make("marked", { "package.json": `\uFEFF${Project.manifest({ name: "bom" })}`, ...main })
      assert.strictEqual((yield* LayerConfig.resolve(project, {})).name, "bom")
    })
  )

  it.effect("package.json is found above the entry, and flags count more than it", () =>
    Effect.gen(function* () {
      const project = Project.make("flags", {
        "package.json": Project.manifest({
          name: "written",
          entry: "src/other.ts",
          runtime: "auto",
          arch: "arm64",
          events: ["INVOKE"],
          env: { A: "1", B: "1" },
          out: "layers"
        }),
        "src/deep/main.ts": ""
      })
      const entry = join(project, "src/deep/main.ts")
      const written = yield* LayerConfig.resolve(entry, {})
      assert.deepInclude(written, { name: "written", entry, runtime: "auto", architectures: ["arm64"] })
      assert.deepInclude(written, { events: ["INVOKE"], out: join(project, "layers") })
      const flagged = yield* LayerConfig.resolve(entry, {
        name: "given",
        runtime: "managed",
        arch: "x64",
        env: { B: "2" },
        node: ["24.20.0"],
        out: "there"
      })
      assert.deepInclude(flagged, {
        name: "given",
        runtime: "managed",
        architectures: ["x64"],
        env: { A: "1", B: "2" }
      })
      assert.deepInclude(flagged, { nodeVersions: ["24.20.0"], out: join(process.cwd(), "there") })
    })
  )

  it.effect("a layer with a runtime in it is built for this machine by default", () =>
    Effect.gen(function* () {
      const project = withConfig({ runtime: "node" })
      assert.deepStrictEqual((yield* LayerConfig.resolve(project, {})).architectures, [
        process.arch === "arm64" ? "arm64" : "x64"
      ])
      assert.deepStrictEqual((yield* LayerConfig.resolve(project, { arch: "both" })).architectures, ["x64", "arm64"])
    })
  )

  it.effect.each([
    [{ runtime: "deno" }, '.runtime is "deno"; it has to be "managed" or "node" or "auto" or "bun" or "llrt"'],
    [{ arch: "x86_64" }, '.arch is "x86_64"; it has to be "x64" or "arm64" or "both"'],
    [{ events: ["INVOKE", "RESUME"] }, '.events[1] is "RESUME"; it has to be "INVOKE" or "SHUTDOWN"'],
    [{ events: "INVOKE" }, '.events is "INVOKE"; it has to be array'],
    [{ name: "../x" }, '.name is "../x"; it has to be the name of a file'],
    [{ name: "lib" }, '.name is "lib"; it has to be another name: /opt/lib means something to Lambda'],
    [{ node: ["24"] }, '.node[0] is "24"; it has to be a full version of Node, such as 24.21.0'],
    [{ node: ["22.2.0"] }, '.node[0] is "22.2.0"; it has to be Node 22.19.0 or newer'],
    [{ env: { A: 1 } }, ".env.A is 1; it has to be string"],
    [{ files: { "../a": "a" } }, "it has to be a path below /opt, such as my-wrapper"],
    [{ files: { "/opt/a": "a" } }, "it has to be a path below /opt"],
    [{ files: { "a/": "a" } }, "it has to be a path below /opt"],
    [{ files: { "": "a" } }, "it has to be a path below /opt"],
    [{ files: { "extensions/b": "a" } }, "it has to be outside of extensions/: Lambda starts every file there"],
    [{ files: { a: "" } }, '.files.a is ""; it has to be'],
    [{ variables: { URL: 1 } }, ".variables.URL is 1; it has to be"],
    [{ variables: { URL: "" } }, '.variables.URL is ""; it has to be'],
    [{ variables: { KEY: { secret: "a}b" } } }, "it has to be the name of a secret: letters, digits and /_+=.@-"],
    [{ variables: { KEY: { secrets: "a" } } }, ".variables.KEY"],
    [{ variables: { "A-B": "a" } }, "it has to be the name of a variable of Lambda: letters, digits and _"],
    [{ variables: { AWS_REGION: "a" } }, 'the variable "AWS_REGION"'],
    [{ name: "mine", files: { "mine/a": "a" } }, 'effectLambda.files has "mine/a", and mine/ holds the program'],
    [{ codeCache: true }, '.codeCache is true; it has to be "auto" or "off"'],
    [{ entrypoint: "x" }, ".entrypoint is not known; the keys are name, entry, events"],
    [{ entry: "src/none.ts" }, "and there is no such file"],
    [[], " is []; it has to be object"],
    [{ entryKind: "node", runtime: "auto" }, "the entry of kind node starts one certain Node"],
    [{ start: "lazy" }, '.start is "lazy"; it has to be "eager" or "ready"'],
    [{ startAnyway: true }, "startAnyway says something about start eager only"],
    [{ start: "ready", startAnyway: true }, "startAnyway says something about start eager only"],
    [{ startAnyway: "yes" }, '.startAnyway is "yes"; it has to be boolean'],
    [{ start: "eager", entryKind: "node" }, "start eager needs the entry of kind bash"],
    [{ start: "eager", runtime: "bun" }, "start eager does not work with the runtime bun"],
    [{ entryKind: "node", runtime: "llrt" }, "the entry of kind node starts one certain Node"],
    [{ llrt: "", runtime: "llrt" }, '.llrt is ""; it has to be'],
    [{ llrt: "bin/llrt" }, "llrt names the binary of the runtime llrt, and the runtime is managed"]
  ] as const)("%j is a mistake in package.json", ([config, text]) =>
    Effect.gen(function* () {
      const project = withConfig(config)
      const said = yield* refusal(project)
      assert.include(said, text)
      if (text.startsWith(".")) assert.include(said, `${join(project, "package.json")}: effectLambda`)
    })
  )

  it.effect(
    "the binaries of LLRT: those of the flag, of the variable, or of package.json, each from its own folder",
    () =>
      Effect.gen(function* () {
        const project = withConfig({ runtime: "llrt", llrt: ["x/llrt", "/arm/llrt"] })
        const named = (flags: Readonly<Record<string, unknown>>, variable?: string) =>
          Effect.provideService(
            LayerConfig.resolve(project, flags),
            ConfigProvider.ConfigProvider,
            ConfigProvider.fromEnv({ env: variable === undefined ? {} : { EFFECT_LAMBDA_LLRT: variable } })
          ).pipe(Effect.map(({ llrt }) => llrt))
        assert.deepStrictEqual(yield* named({}), [join(project, "x/llrt"), "/arm/llrt"])
        assert.deepStrictEqual(yield* named({}, "/a/llrt:b/llrt"), ["/a/llrt", join(process.cwd(), "b/llrt")])
        assert.deepStrictEqual(yield* named({ llrt: ["c/llrt"] }, "/a/llrt"), [join(process.cwd(), "c/llrt")])
        // Another runtime for once leaves the setting in package.json alone.
        assert.deepInclude(yield* LayerConfig.resolve(project, { runtime: "managed" }), { runtime: "managed" })
        const said = yield* refusal(project, { runtime: "bun", llrt: ["c/llrt"] })
        assert.include(said, "llrt names the binary of the runtime llrt, and the runtime is bun")
      })
  )

  it.effect("a flag takes back an eager start, and one that has no effect is a mistake", () =>
    Effect.gen(function* () {
      const project = withConfig({ start: "eager", startAnyway: true })
      assert.deepInclude(yield* LayerConfig.resolve(project, {}), { start: "eager", startAnyway: true })
      assert.deepInclude(yield* LayerConfig.resolve(project, { start: "ready" }), { start: "ready" })
      assert.include(yield* refusal(project, { start: "ready", startAnyway: true }), "startAnyway says something")
      const eager = yield* LayerConfig.resolve(withConfig({}), { start: "eager" })
      assert.deepInclude(eager, { start: "eager", startAnyway: false })
    })
  )

  it.effect("every mistake is told, those of flags by their names", () =>
    Effect.gen(function* () {
      const said = yield* refusal(withConfig({ runtime: "deno", arch: 5 }), { events: ["X"], name: "" })
      assert.deepStrictEqual(
        said.split("\n").map((line) => line.replace(/^.*: effectLambda/, "").replace(/ is .*/, "")),
        [".runtime", ".arch", "--name", "--events[0]"]
      )
    })
  )

  it.effect("nothing to build: the sentence says what was looked for", () =>
    Effect.gen(function* () {
      const empty = Project.make("empty", { "package.json": Project.manifest() })
      const looked = `there is no entry in ${empty}: looked for src/main.ts, src/index.ts`
      assert.include(yield* refusal(empty), looked)
      const missing = join(empty, "src/none.ts")
      assert.strictEqual(yield* refusal(missing), `the entry ${missing} does not exist`)
      const nameless = Project.make("nameless", { "package.json": "{}", ...main })
      assert.include(yield* refusal(nameless), "package.json has no name: give --name NAME")
      const odd = Project.make("odd", { "package.json": Project.manifest({}, "@acme/lib"), ...main })
      assert.include(yield* refusal(odd), 'the name "lib" cannot be that of an extension')
      const broken = Project.make("broken", { "package.json": "{", ...main })
      assert.include(yield* refusal(broken), `${join(broken, "package.json")} cannot be read: `)
    })
  )
})
