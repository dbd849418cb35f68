/** The bash entry as a real process: its requests, the variables that it hands over, the program that it starts. */
import { PreRegistration } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { join } from "node:path"
import * as Stub from "../src/build/entry/Stub.ts"
import { execute, hostileServer, layerOf } from "./support/layers.ts"
import { handOver, identifier, ok, options, plain, run } from "./support/stub.ts"

const removed = [
  "NODE_OPTIONS",
  "BUN_OPTIONS",
  "BUN_BE_BUN",
  "LD_PRELOAD",
  "LD_AUDIT",
  "NODE_CHANNEL_FD",
  "NODE_CHANNEL_SERIALIZATION_MODE"
]

/** Every name that the script gives a variable, as a variable of the function. */
const ownNames = Object.fromEntries(
  ["deadline", "left", "line", "length", "lines", "statusLine", "shortLength", "errorType", "name", "events", "body"]
    .concat(["bytes", "status", "identifier", "response", "problem", "host", "port", "address"])
    .map((name) => [name, `the function's ${name}`])
)

/** Constructs that bash has only since 4.0: the bash of macOS is 3.2. */
const newerThanBash3 = {
  "case of a variable": /\$\{\w+(?:\[.\])?(?:,|\^)/,
  "transformation of a variable": /\$\{\w+@/,
  "read of exactly so many characters": /\bread\b[^;]* -N/,
  "read with a fraction of a second": /\bread\b[^;]* -t ?\d*\.\d/,
  "descriptor in a variable": /\{\w+\}[<>]/,
  "both outputs appended or piped": /&>>|\|&/,
  "associative array, nameref, export of the array": /\b(?:declare|local|typeset) -[a-zA-Z]*[Agnlu]/,
  "mapfile, coproc": /\b(?:mapfile|readarray|coproc)\b/,
  "fall through in case": /;;?&/,
  "test of a variable": /\[\[ -[vR] /,
  "time by printf": /%\([^)]*\)T/,
  "epoch variables, shell options": /\bEPOCH|\b(?:globstar|lastpipe|inherit_errexit|autocd)\b/,
  "escape of Unicode": /\$'[^']*\\[uU]/,
  "range with zeros or a step": /\{\d+\.\.\d+\.\.|\{0\d+\.\./,
  "negative length": /\$\{\w+:[^}]*: ?-/
}

describe("the stub", () => {
  const answers = (socket: Socket) => void socket.write(ok(plain))

  it.live("asks what Lambda expects, by the name of its file", () =>
    Effect.gen(function* () {
      const { host, requests } = yield* hostileServer(answers)
      yield* run(host)
      assert.deepStrictEqual(requests, [
        [
          "POST /2020-01-01/extension/register HTTP/1.1",
          `Host: ${host}`,
          "Connection: close",
          "Content-Type: application/json",
          "Content-Length: 32",
          "Lambda-Extension-Name: hello",
          "Lambda-Extension-Accept-Feature: accountId",
          "",
          '{"events":["INVOKE","SHUTDOWN"]}'
        ].join("\r\n")
      ])
    })
  )

  it.live("registers under the name of a file that was renamed, and says so", () =>
    Effect.gen(function* () {
      const { host, requests } = yield* hostileServer(answers)
      const { code, stderr, variables } = yield* run(host, { file: "other name.sh" })
      assert.strictEqual(code, 0)
      assert.include(requests[0]!, "\r\nLambda-Extension-Name: other name.sh\r\n")
      assert.strictEqual(variables.get(PreRegistration.nameVariable), "other name.sh")
      assert.strictEqual(
        stderr,
        "effect-lambda: this file is called other name.sh but was built as hello, it registers as other name.sh\n"
      )
    })
  )

  it.live.each<[ReadonlyArray<Stub.EventType>, string, string]>([
    [["INVOKE", "SHUTDOWN"], '{"events":["SHUTDOWN"]}', "SHUTDOWN"],
    [["INVOKE"], '{"events":[]}', ""]
  ])("on managed instances there is no INVOKE: %s", ([events, body, handedOver]) =>
    Effect.gen(function* () {
      const { host, requests } = yield* hostileServer(answers)
      const env = { AWS_LAMBDA_INITIALIZATION_TYPE: "lambda-managed-instances" }
      const { variables } = yield* run(host, { env, events })
      assert.isTrue(requests[0]!.endsWith(`\r\n\r\n${body}`), requests[0])
      assert.strictEqual(handOver(variables).events, handedOver)
    })
  )

  it.live("keeps variables of the function that could harm from the program, and from itself", () =>
    Effect.gen(function* () {
      const { host } = yield* hostileServer(answers)
      const { pid, status, stderr, variables } = yield* run(host, {
        env: {
          LC_ALL: "C.UTF-8",
          NODE_OPTIONS: "--require ./missing.js",
          NODE_EXTRA_CA_CERTS: "/etc/company.pem",
          BUN_OPTIONS: "--preload ./missing.js",
          BUN_BE_BUN: "1",
          LD_PRELOAD: "",
          LD_AUDIT: "",
          NODE_CHANNEL_FD: "3",
          NODE_CHANNEL_SERIALIZATION_MODE: "json",
          ...ownNames,
          BASH_ENV: "/dev/stdin",
          SHELLOPTS: "xtrace:nounset:errexit:noexec",
          POSIXLY_CORRECT: "1",
          TMOUT: "1",
          "BASH_FUNC_printf%%": "() { exit 7; }",
          [PreRegistration.identifierVariable]: "of somebody else"
        }
      })
      // Bash 3.2 says so before it reads the script.
      assert.strictEqual(stderr.replace(/^.*: SHELLOPTS: readonly variable\n/, ""), "")
      assert.strictEqual(handOver(variables).identifier, identifier)
      assert.strictEqual(variables.get("LC_ALL"), "C.UTF-8")
      assert.strictEqual(variables.get("NODE_EXTRA_CA_CERTS"), "/etc/company.pem")
      for (const name of removed) assert.isFalse(variables.has(name), name)
      for (const [name, value] of Object.entries(ownNames)) assert.strictEqual(variables.get(name), value, name)
      // The stub became the program, without a process in between, and the program ends by SIGPIPE again (bit 12).
      assert.match(status, new RegExp(`^Pid:\\t${pid}$`, "m"))
      const ignored = Number.parseInt(/^SigIgn:\t[0-9a-f]*?([0-9a-f]{4})$/m.exec(status)?.[1] ?? "", 16)
      assert.strictEqual(ignored & 0x1000, 0)
    })
  )

  it.live("gives LLRT the settings that it needs, and none of the function's", () =>
    Effect.gen(function* () {
      const { host } = yield* hostileServer(answers)
      const readable = join(import.meta.dirname, "Stub.test.ts")
      const env = {
        LLRT_NET_ALLOW: "example.com",
        LLRT_REGISTER_HOOKS: "/tmp/hooks.mjs",
        LLRT_TLS_VERSION: "1.2",
        LLRT_GC_THRESHOLD_MB: "1000",
        TOKIO_WORKER_THREADS: "many",
        _HANDLER: "index.handler",
        NODE_EXTRA_CA_CERTS: readable
      }
      const { code, stderr, variables } = yield* run(host, { runtime: "llrt", env })
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 0)
      assert.strictEqual(handOver(variables).identifier, identifier)
      assert.isFalse(variables.has("_HANDLER"))
      assert.isFalse(variables.has("EFFECT_LAMBDA_API_DESCRIPTOR"))
      const settings = [...variables].filter(([name]) => /^(?:LLRT|TOKIO)_/.test(name ?? ""))
      assert.deepStrictEqual(Object.fromEntries(settings), {
        LLRT_EXTRA_CA_CERTS: readable,
        LLRT_TLS_VERSION: "1.3",
        LLRT_GC_THRESHOLD_MB: "4",
        TOKIO_WORKER_THREADS: "1"
      })
    })
  )

  it.live.each(["/none/company.pem", import.meta.dirname])(
    "keeps certificates from LLRT that it would not start with: %s",
    (path) =>
      Effect.gen(function* () {
        const { host } = yield* hostileServer(answers)
        const { code, stderr, variables } = yield* run(host, { runtime: "llrt", env: { NODE_EXTRA_CA_CERTS: path } })
        const said = `effect-lambda: hello: NODE_EXTRA_CA_CERTS does not count: ${path} is no file that can be read\n`
        assert.deepStrictEqual([code, stderr], [0, said])
        assert.isFalse(variables.has("LLRT_EXTRA_CA_CERTS"))
      })
  )

  it.live.each<[string | undefined, string]>([
    [undefined, ""],
    ["", ""],
    ["http://127.0.0.1:9001", ""],
    ["127.0.0.1/../../etc/passwd", ""],
    ["127.0.0.1:1", "no connection to Lambda"],
    ["[::1]:1", "no connection to Lambda"],
    ["127.0.0.1:99999", "no connection to Lambda"]
  ])("starts the program if there is no Lambda: AWS_LAMBDA_RUNTIME_API %s", ([host, log]) =>
    Effect.gen(function* () {
      const { code, stderr, variables } = yield* run(host)
      assert.strictEqual(code, 0)
      assert.strictEqual(variables.get(PreRegistration.nameVariable), "hello")
      assert.isUndefined(handOver(variables).identifier)
      assert.strictEqual(stderr, log && `effect-lambda: hello: ${log} (${host}); the program registers itself\n`)
    })
  )

  it("is ASCII with line feeds; it starts no process and writes no file", () => {
    for (const runtime of ["managed", "node", "auto", "bun", "llrt"] as const) {
      const text = Stub.render({ name: "it's", events: [], runtime })
      assert.match(text, /^#!\/bin\/bash -p\n[\n\x20-\x7e]*\n$/)
      // Substitutions of commands and processes, pipes, background jobs, here-documents.
      assert.notMatch(text.replace(/^\s*#.*$/gm, ""), /\$\([^(]|`|<\(|>\(|[^|]\|[^|]?\s|[^&>]&(?![&\d])|<</)
    }
  })
})

describe("the stub uses nothing that bash 3.2 lacks", () => {
  it.each(Object.entries(newerThanBash3))("%s", (_, pattern) => {
    for (const runtime of ["managed", "node", "auto", "bun", "llrt"] as const) {
      assert.notMatch(Stub.render({ ...options, runtime }).replace(/^\s*#.*$/gm, ""), pattern)
    }
  })
})

describe("the stub finds its runtime", () => {
  const start = Effect.fnUntraced(function* (
    runtime: Stub.Runtime,
    files: Readonly<Record<string, string>>,
    env: Readonly<Record<string, string>> = {}
  ) {
    const layer = yield* layerOf({ "extensions/hello": Stub.render({ ...options, runtime }), ...files })
    return { layer, ...(yield* execute(join(layer, "extensions/hello"), env)) }
  })
  // A Node that says what it was asked to run.
  const node = '#!/bin/sh\necho "$0 $*"\n'

  it.live.each(["node", "auto"] as const)("%s: the one of the layer, relative to itself", (runtime) =>
    Effect.gen(function* () {
      const { layer, stdout } = yield* start(runtime, { "hello/bin/node": node })
      const hello = `${layer}/extensions/../hello`
      assert.strictEqual(stdout.toString(), `${hello}/bin/node ${hello}/index.cjs\n`)
    })
  )

  it.live.each<[memory: string, flag: string]>([
    ["128", "--max-semi-space-size=4 "],
    ["256", "--max-semi-space-size=8 "],
    ["499", "--max-semi-space-size=15 "],
    ["512", ""],
    ["10240", ""],
    ["a lot", ""]
  ])("beside a function of %s MB with a bound for new objects", ([memory, flag]) =>
    Effect.gen(function* () {
      const env = { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memory }
      const { layer, stdout } = yield* start("node", { "hello/bin/node": node }, env)
      const hello = `${layer}/extensions/../hello`
      assert.strictEqual(stdout.toString(), `${hello}/bin/node ${flag}${hello}/index.cjs\n`)
    })
  )

  it.live("called without a directory it still finds its layer", () =>
    Effect.gen(function* () {
      const layer = yield* layerOf({
        "extensions/hello": Stub.render({ ...options, runtime: "node" }),
        "hello/bin/node": node
      })
      const { stdout } = yield* execute("/bin/bash", {}, ["hello"], join(layer, "extensions"))
      assert.strictEqual(stdout.toString(), `${layer}/extensions/../hello/bin/node ../hello/index.cjs\n`)
    })
  )

  it.live.each(["managed", "node", "auto"] as const)("%s: EFFECT_LAMBDA_NODE instead", (runtime) =>
    Effect.gen(function* () {
      const other = yield* layerOf({ "bin/my node": node })
      const path = join(other, "bin/my node")
      const { layer, stdout } = yield* start(runtime, {}, { EFFECT_LAMBDA_NODE: path })
      assert.strictEqual(stdout.toString(), `${path} ${layer}/extensions/../hello/index.cjs\n`)
    })
  )

  interface Missing {
    readonly what: string
    readonly runtime: Stub.Runtime
    readonly files?: Readonly<Record<string, string>>
    readonly env?: Readonly<Record<string, string>>
    readonly message: RegExp
  }
  const missing: ReadonlyArray<Missing> = [
    {
      what: "a function without Node",
      runtime: "managed",
      env: { EFFECT_LAMBDA_NODE: "/none/node" },
      message:
        /^\{"level":"FATAL","message":"effect-lambda: hello: no runtime can be started, tried \/none\/node: .* --runtime auto or node"\}\n$/
    },
    {
      what: "a Node whose name JSON has to quote",
      runtime: "managed",
      env: { EFFECT_LAMBDA_NODE: '/none/"\\\t\u00e4/node' },
      message: /tried \/none\/\\"\\\\ \u00e4\/node: /
    },
    {
      what: "nothing in the layer",
      runtime: "node",
      message: /"effect-lambda: hello: no runtime .*hello\/bin\/node: the layer is incomplete/
    },
    {
      what: "a Node of another architecture",
      runtime: "node",
      files: { "hello/bin/node": "\x7fELF\x02\x01\x01\0" },
      message: /Exec format error\n.*"effect-lambda: hello: no runtime .* built for another architecture"\}\n$/s
    },
    {
      what: "nothing in the layer",
      runtime: "bun",
      message: /effect-lambda: hello: .*hello\/bin\/hello cannot be started: the layer is incomplete/
    },
    {
      what: "nothing in the layer",
      runtime: "llrt",
      message: /effect-lambda: hello: .*hello\/bin\/llrt cannot be started: the layer is incomplete/
    },
    {
      what: "an LLRT of another architecture",
      runtime: "llrt",
      files: { "hello/bin/llrt": "\x7fELF\x02\x01\x01\0" },
      message: /Exec format error\n.*"effect-lambda: hello: .* built for another architecture"\}\n$/s
    }
  ]
  it.live.each(missing)("$runtime: says so of $what", ({ env, files = {}, message, runtime }) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* start(runtime, files, env)
      assert.strictEqual(code, 1)
      assert.match(stderr, message)
      assert.strictEqual(JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "").level, "FATAL")
    })
  )
})
