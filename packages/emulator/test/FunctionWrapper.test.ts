/** `AWS_LAMBDA_EXEC_WRAPPER`: a program that starts the managed runtime, and may put another handler before the function's. */
import * as Journal from "@effect-lambda/emulator/Journal"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { errorOf, withFunction } from "./functions.ts"
import { echoFunction, hasPython, startEmulator, temporaryDirectory, writeExecutable } from "./support.ts"

const node = ["index.mjs", "export const handler = async () => process.env.WRAPPED ?? 'not wrapped'"] as const
const python = [
  "main.py",
  "import os\ndef handler(event, context):\n    return os.environ.get('WRAPPED', 'not wrapped')\n"
] as const
const functions = hasPython ? [node, python] : [node]

/** As AWS shows it in its guide: options of the interpreter before the last argument. */
const withOptions = (option: string) => `#!/bin/bash
args=("$@")
args=("\${args[@]:0:$#-1}" ${option} "\${args[@]: -1}")
export WRAPPED=wrapped
exec "\${args[@]}"
`

describe.each(functions)("the function %s", (name, text) => {
  const option = name === node[0] ? "--no-warnings" : "-B"
  const wrappers: ReadonlyArray<readonly [title: string, text: string]> = [
    ["that becomes the runtime", '#!/bin/bash\nexport WRAPPED=wrapped\nexec "$@"\n'],
    ["that stays its parent", '#!/bin/bash\nexport WRAPPED=wrapped\n"$@"\n'],
    ["with options before the last argument", withOptions(option)]
  ]
  it.live.each(wrappers)("is started by a wrapper %s", ([, wrapperText]) =>
    Effect.gen(function* () {
      const wrapper = writeExecutable(yield* temporaryDirectory, "wrapper", wrapperText)
      const { emulator } = yield* withFunction(name, text, { environment: { AWS_LAMBDA_EXEC_WRAPPER: wrapper } })
      const result = yield* emulator.invoke("{}")
      assert.deepStrictEqual([result.payload, result.functionError], ['"wrapped"', undefined])
    })
  )

  it.live("is started without one if the variable is empty", () =>
    Effect.gen(function* () {
      const { emulator } = yield* withFunction(name, text, { environment: { AWS_LAMBDA_EXEC_WRAPPER: "" } })
      assert.strictEqual((yield* emulator.invoke("{}")).payload, '"not wrapped"')
    })
  )

  const broken: ReadonlyArray<readonly [title: string, prepare: (path: string) => void, words: string, code: number]> =
    [
      ["does not exist", () => {}, "does not exist. Correct AWS_LAMBDA_EXEC_WRAPPER", 127],
      ["is not executable", (path) => Fs.writeFileSync(path, ""), "is not executable. AWS_LAMBDA_EXEC_WRAPPER", 126],
      ["is a folder", (path) => Fs.mkdirSync(path), "is not executable. AWS_LAMBDA_EXEC_WRAPPER", 126]
    ]
  it.live.each(broken)("fails init if the wrapper %s, in a sentence", ([, prepare, words, code]) =>
    Effect.gen(function* () {
      const wrapper = Path.join(yield* temporaryDirectory, "wrapper")
      prepare(wrapper)
      const { emulator } = yield* withFunction(name, text, { environment: { AWS_LAMBDA_EXEC_WRAPPER: wrapper } })
      const result = yield* emulator.invoke("{}")
      assert.strictEqual(result.functionError, "Runtime.ExitError")
      assert.match(errorOf(result).errorMessage, new RegExp(`Runtime exited with error: exit status ${code}$`))
      const { line } = yield* emulator.journal.waitFor(Journal.is("Output"))
      assert.isTrue(line.startsWith(`${wrapper}: ${words}`), line)
    })
  )
})

describe("a wrapper that puts its own handler before the function's", () => {
  const wrapperOf = (handler: string) =>
    `#!/bin/bash\nexport ORIGINAL_HANDLER="$_HANDLER" _HANDLER="${handler}"\nexec "$@"\n`

  const around = Effect.fnUntraced(function* (
    [name, text]: readonly [string, string],
    files: Readonly<Record<string, string>>,
    handler: string
  ) {
    const layer = yield* temporaryDirectory
    for (const [file, content] of Object.entries(files)) writeExecutable(layer, file, content, 0o644)
    const wrapper = writeExecutable(layer, "wrapper", wrapperOf(handler.replace("LAYER", layer)))
    return (yield* withFunction(name, text, {
      environment: { AWS_LAMBDA_EXEC_WRAPPER: wrapper, PYTHONPATH: layer, NODE_PATH: layer }
    })).emulator
  })

  const redirect = `const { join } = require("node:path")
const [file, name] = process.env.ORIGINAL_HANDLER.split(".")
exports.nested = {
  handler: async (event, context) => {
    const original = await import(join(process.env.LAMBDA_TASK_ROOT, file + ".mjs"))
    return "around " + (await original[name](event, context))
  }
}`

  it.live("is found in its folder, with the path of its export", () =>
    Effect.gen(function* () {
      const emulator = yield* around(node, { "redirect.cjs": redirect }, "LAYER/redirect.nested.handler")
      assert.strictEqual((yield* emulator.invoke("{}")).payload, '"around not wrapped"')
    })
  )

  it.live("in Python is imported by its name", () =>
    Effect.gen(function* () {
      if (!hasPython) return
      const text = `import importlib, os
module, name = os.environ["ORIGINAL_HANDLER"].rsplit(".", 1)
original = getattr(importlib.import_module(module), name)
def handler(event, context):
    return "around " + original(event, context)
`
      const emulator = yield* around(python, { "redirect.py": text }, "redirect.handler")
      assert.strictEqual((yield* emulator.invoke("{}")).payload, '"around not wrapped"')
    })
  )

  const unknown: ReadonlyArray<readonly [title: string, readonly [string, string], handler: string, error: RegExp]> = [
    [
      "no file in Node",
      node,
      "missing.handler",
      /^Runtime.ImportModuleError: Error: Cannot find module 'missing' of _HAN/
    ],
    [
      "no export in Node",
      node,
      "nothing",
      /^Runtime.MalformedHandlerName: _HANDLER is nothing, which is no name of a file /
    ],
    [
      "no module in Python",
      python,
      "missing.handler",
      /^Runtime.ImportModuleError: Unable to import module 'missing': /
    ],
    [
      "no function in Python",
      python,
      "nothing",
      /^Runtime.MalformedHandlerName: _HANDLER is nothing, which is no name /
    ],
    [
      "a module of Python itself",
      python,
      "sys.exit",
      /^Runtime.BuiltInModuleConflict: Cannot use built-in module sys as a /
    ]
  ]
  it.live.each(unknown.filter(([, [name]]) => hasPython || name !== python[0]))(
    "%s is a clear error",
    ([, code, handler, expected]) =>
      Effect.gen(function* () {
        const emulator = yield* around(code, {}, handler)
        const { errorMessage, errorType } = errorOf(yield* emulator.invoke("{}"))
        assert.match(`${errorType}: ${errorMessage}`, expected)
      })
  )
})

it.live("a program of the author's is started without the wrapper, as Lambda's OS-only runtimes are", () =>
  Effect.gen(function* () {
    const command = writeExecutable(yield* temporaryDirectory, "bootstrap", echoFunction)
    const environment = { AWS_LAMBDA_EXEC_WRAPPER: "/does/not/exist" }
    const emulator = yield* startEmulator({ function: { command: [command] }, environment })
    assert.strictEqual((yield* emulator.invoke('"echo"')).payload, '"echo"')
  })
)

it.live("the wrapper of the function's own variables counts", () =>
  Effect.gen(function* () {
    const wrapper = writeExecutable(yield* temporaryDirectory, "wrapper", '#!/bin/sh\nWRAPPED=own exec "$@"\n')
    const handler = writeExecutable(yield* temporaryDirectory, ...node)
    const environment = { AWS_LAMBDA_EXEC_WRAPPER: wrapper }
    const emulator = yield* startEmulator({ function: { handler, environment } })
    assert.strictEqual((yield* emulator.invoke("{}")).payload, '"own"')
  })
)

/** As instrumentation does: a module that is loaded by `require` and has a handler gets another handler around it. */
const hook = `const { prototype } = require("node:module")
const original = prototype.require
prototype.require = function (id) {
  const exports = original.call(this, id)
  const { handler } = id.includes("index") ? exports : {}
  return handler === undefined ? exports : { ...exports, handler: async (...all) => "seen " + (await handler(...all)) }
}
`

describe("a wrapper that hooks require", () => {
  const commonJs = "exports.handler = async () => 'CommonJS'"
  const esm = "export const handler = async () => 'a module'"
  const files = [
    ["index.js", commonJs, undefined, "seen CommonJS"],
    ["index.js", commonJs, "commonjs", "seen CommonJS"],
    ["index.cjs", commonJs, "module", "seen CommonJS"],
    ["index.js", esm, "module", "a module"],
    ["index.mjs", esm, undefined, "a module"],
    // The name does not tell the kind of module, and `require` takes no module that waits.
    ["index.js", `await null\n${esm}`, undefined, "a module"]
  ] as const
  it.live.each(files)("%s, %j, in a package of type %s: %s", ([name, text, type, said]) =>
    Effect.gen(function* () {
      const folder = yield* temporaryDirectory
      writeExecutable(folder, "hook.cjs", hook)
      const options = `export NODE_OPTIONS="--require ${folder}/hook.cjs"`
      const wrapper = writeExecutable(folder, "wrapper", `#!/bin/bash\n${options}\nexec "$@"\n`)
      const handler = writeExecutable(folder, name, text, 0o644)
      if (type !== undefined) Fs.writeFileSync(Path.join(folder, "package.json"), JSON.stringify({ type }))
      const environment = { AWS_LAMBDA_EXEC_WRAPPER: wrapper }
      const emulator = yield* startEmulator({ function: { handler }, environment, timeout: "10 seconds" })
      assert.strictEqual((yield* emulator.invoke("{}")).payload, JSON.stringify(said))
    })
  )
})
