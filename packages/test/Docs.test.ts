/** Every TypeScript example of the documents and of the API docs compiles; the ones that are programs are run. */
import { Emulator, Journal } from "@effect-lambda/emulator"
import type { TelemetrySink } from "@effect-lambda/extension"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import { execFile } from "node:child_process"
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { rolldown } from "rolldown"
import { compileCache } from "../tools/programs.ts"
import { writeProject } from "./support/UserProject.ts"

const root = join(import.meta.dirname, "../..")

interface Example {
  readonly place: string
  readonly file: string
  readonly code: string
}

const documents = globSync(["README.md", "docs/**/*.md", "packages/*/README.md", "packages/examples/*/README.md"], {
  cwd: root
})
const sources = globSync("packages/{extension,extension-node,emulator,otel}/src/**/*.ts", { cwd: root })

const blocks = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code ?? "")

/** The doc comments of a source, without their asterisks. */
const comments = (text: string): string =>
  Array.from(text.matchAll(/\/\*\*.*?\*\//gs), ([comment]) => comment.replaceAll(/^ \* ?/gm, "")).join("\n")

const examples: ReadonlyArray<Example> = [...documents, ...sources].flatMap((path) => {
  const text = readFileSync(join(root, path), "utf8")
  const slug = path.replaceAll(/[^A-Za-z]+/g, "-")
  return blocks(path.endsWith(".md") ? text : comments(text)).map((code, index) => {
    // Files of one project name themselves, and may import each other.
    const [, named] = /^\/\/ ([\w/.-]+\.ts)\n/.exec(code) ?? []
    const numbered = `${slug}-${index + 1}${code.includes("@effect/vitest") ? ".test" : ""}.ts`
    return {
      place: `${path}, example ${index + 1}`,
      file: named === undefined ? numbered : join(slug, named),
      code
    }
  })
})

const programs = examples.filter(({ code, place }) => place.includes(".md") && code.includes("NodeExtension.runMain"))

const folder = mkdtempSync(join(tmpdir(), "docs-"))
const pathOf = (example: Example) => join(folder, "examples", example.file)
const programOf = (example: Example) => join(folder, "programs", example.file.replace(/\.ts$/, ".mjs"))

const run = (command: string, args: ReadonlyArray<string>) =>
  promisify(execFile)(command, args, { cwd: folder }).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`${command} ${args.join(" ")}\n${error.stdout}\n${error.stderr}`)
  })

beforeAll(() => {
  writeProject(folder, "examples")
  for (const example of examples) {
    mkdirSync(dirname(pathOf(example)), { recursive: true })
    writeFileSync(pathOf(example), `#!/usr/bin/env node\n${example.code}`)
    chmodSync(pathOf(example), 0o755)
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

it("there are examples, and every link between the documents leads somewhere", () => {
  assert.isAbove(examples.length, 8)
  for (const path of documents) {
    const links = readFileSync(join(root, path), "utf8").matchAll(/\]\((?!https?:)([^)#]+)/g)
    for (const [, link] of links) {
      const target = join(dirname(path), link ?? "")
      assert.isNotEmpty(globSync(target, { cwd: root }), `${path} links to ${link}`)
    }
  }
})

it("every example compiles", async () => {
  const { stdout } = await run("tsc", ["-p", folder])
  assert.strictEqual(stdout, "")
})

/** A port of loopback that no process has right now. */
const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const tests = examples.filter(({ file }) => file.endsWith(".test.ts"))

it.effect("the own sink of the how-to page does not take a redirect for an answer", () =>
  Effect.gen(function* () {
    const example = examples.find(({ code }) => code.includes("export const alerts"))
    assert.isDefined(example)
    const { alerts }: { readonly alerts: Effect.Effect<TelemetrySink.TelemetrySink, never, HttpClient.HttpClient> } =
      yield* Effect.promise(() => import(pathOf(example)))
    const redirects: Array<string | undefined> = []
    // As a real one: what it follows ends in a 200.
    const fetch: typeof globalThis.fetch = (_, init) => {
      redirects.push(init?.redirect)
      return Promise.resolve(new Response(null, { status: init?.redirect === "manual" ? 302 : 200 }))
    }
    const sink = yield* Effect.provide(alerts, FetchHttpClient.layer)
    const event = { time: "T", type: "function" as const, record: { level: "ERROR", message: "no" } }
    const exit = yield* Effect.exit(sink.export({ id: "1", events: [event] })).pipe(
      Effect.provideService(FetchHttpClient.Fetch, fetch)
    )
    assert.deepStrictEqual(redirects, ["manual"])
    assert.isTrue(Exit.isFailure(exit))
  })
)

/** The part of Vitest's report on one file. */
interface Tested {
  readonly name: string
  readonly status: string
  readonly assertionResults: ReadonlyArray<{ readonly status: string }>
}

/** Bundles all programs at once. They share the library, which each of them would load from hundreds of files. */
const bundlePrograms = async () => {
  const input = Object.fromEntries(programs.map((example) => [example.file.replace(/\.ts$/, ""), pathOf(example)]))
  const bundle = await rolldown({ input, platform: "node" })
  await bundle.write({ dir: join(folder, "programs"), entryFileNames: "[name].mjs", comments: false })
  await bundle.close()
  for (const example of programs) chmodSync(programOf(example), 0o755)
}

describe("runs", () => {
  beforeAll(bundlePrograms)

  let tested: ReadonlyMap<string, Tested> = new Map()

  // All tests in one run and one process: the start of each takes longer than they do.
  beforeAll(async () => {
    const file = join(folder, "report.json")
    const alike = ["--no-isolate", "--maxWorkers", "1"]
    const args = ["run", "--root", folder, "--reporter", "json", "--outputFile", file, ...alike, ...tests.map(pathOf)]
    // A failure belongs to the test of its example, so the exit code says nothing here.
    await run("vitest", args).catch(() => {})
    const report: { readonly testResults: ReadonlyArray<Tested> } = JSON.parse(readFileSync(file, "utf8"))
    tested = new Map(report.testResults.map((result) => [result.name, result]))
  })

  it("there are some", () => {
    assert.isAtLeast(programs.length, 3)
    assert.isAtLeast(tests.length, 1)
  })

  it.live.each(programs)("$place", (example) =>
    Effect.gen(function* () {
      const emulator = yield* Emulator.make({
        extensions: [programOf(example)],
        environment: { NODE_COMPILE_CACHE: compileCache },
        function: { command: [join(root, "packages/examples/hello/function/function.mjs")] }
      })
      const { functionError, requestId } = yield* emulator.invoke('{"name":"docs"}')
      assert.isUndefined(functionError)
      yield* emulator.journal.waitFor(
        Journal.is("InvocationDone", (done) => done.requestId === requestId),
        "1 minute"
      )
      yield* emulator.shutdown()
      const exited = yield* emulator.journal.waitFor(
        Journal.is("ProcessExited", (entry) => entry.source.startsWith("extension:")),
        "1 minute"
      )
      assert.deepInclude(exited, { status: { _tag: "Code", code: 0 }, state: "Exited" })
    })
  )

  it.live("the loopback server answers the function of its page", () =>
    Effect.gen(function* () {
      const page = readFileSync(join(root, "docs/how-to/loopback-server.md"), "utf8")
      const [, handler = ""] = /^```js\n(.*?)^```$/ms.exec(page) ?? []
      const file = join(folder, "lookUp.mjs")
      writeFileSync(file, handler)
      const server = examples.find(({ place }) => place === "docs/how-to/loopback-server.md, example 1")
      assert.isDefined(server)
      const emulator = yield* Emulator.make({
        extensions: [programOf(server)],
        environment: { NODE_COMPILE_CACHE: compileCache, LOOKUP_PORT: String(yield* freePort) },
        function: { handler: file }
      })
      const { payload } = yield* emulator.invoke("{}")
      assert.deepStrictEqual(JSON.parse(payload), { status: 200, text: "the value of /greeting" })
      yield* emulator.shutdown()
      const exited = yield* emulator.journal.waitFor(
        Journal.is("ProcessExited", (entry) => entry.source.startsWith("extension:")),
        "1 minute"
      )
      assert.deepInclude(exited, { status: { _tag: "Code", code: 0 }, state: "Exited" })
    })
  )

  it.each(tests)("$place", (example) => {
    const result = tested.get(realpathSync(pathOf(example)))
    assert.isNotEmpty(result?.assertionResults)
    assert.deepInclude(result, { status: "passed" })
    for (const test of result?.assertionResults ?? []) assert.deepInclude(test, { status: "passed" })
  })
})
