/**
 * A program on LLRT as a layer has it, without the entry that registers: `node packages/tools/llrt/program.ts SOURCE FOLDER`
 * writes it, and prints the path of the file that starts it.
 */
import * as Effect from "effect/Effect"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import process from "node:process"
import * as Bundle from "../../cli/src/build/Bundle.ts"
import * as Stub from "../../cli/src/build/entry/Stub.ts"
import * as LlrtBinary from "../../cli/src/build/LlrtBinary.ts"
import { quote } from "../../cli/src/shared/Shell.ts"
import { find } from "./cached.ts"

const project = join(import.meta.dirname, "../../..")

/**
 * Writes the program into a folder, and gives the path of the file that starts it.
 *
 * @throws if LLRT is not there, or cannot run the program
 */
export const write = Effect.fnUntraced(function* (source: string, folder: string) {
  const llrt = find()
  if (llrt === undefined) throw new Error("there is no LLRT: npm run test:llrt builds it")
  const name = basename(source, ".ts")
  const config = { entry: resolve(source), name, project, runtime: "llrt" } as const
  const { bundle } = yield* Bundle.build(config)
  const binary = yield* LlrtBinary.forThisMachine({ llrt: [llrt], project })
  for (const { bytes, mode, path } of yield* LlrtBinary.programFiles(name, binary, bundle)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes, { mode })
  }
  const start = join(folder, name, `${name}.sh`)
  const command = `exec ${quote(llrt)} "\${0%/*}/index.mjs"`
  // The entry of a layer gives the name. Lambda knows an extension by the name of its file.
  const named = 'export EFFECT_LAMBDA_EXTENSION_NAME="${EFFECT_LAMBDA_EXTENSION_NAME:-${0##*/}}"'
  writeFileSync(start, `#!/bin/sh\n${named}\nset -- ${quote(name)}\n${Stub.llrtSettings}\n${command}\n`)
  chmodSync(start, 0o755)
  return start
})

if (process.argv[1] === import.meta.filename) {
  const [, , source, folder] = process.argv
  if (source === undefined || folder === undefined) {
    process.stderr.write("program.ts takes the source of a program and a folder\n")
    process.exit(2)
  }
  process.stdout.write(`${await Effect.runPromise(write(source, folder))}\n`)
}
