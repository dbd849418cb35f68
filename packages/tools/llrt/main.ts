/**
 * `npm run test:llrt`: the tests on LLRT, which is built once by cargo, and takes some minutes then. `EFFECT_LAMBDA_LLRT`
 * names a binary to test instead. Arguments go to Vitest. `--where` prints the path of the binary, if there is one.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import process from "node:process"
import { find, obstacle, own, variable } from "./cached.ts"
import { BuildFailed } from "./crate.ts"
import { made, say } from "./made.ts"

const test = async (binary: string, args: ReadonlyArray<string>): Promise<number> => {
  const config = join(import.meta.dirname, "../vitest.llrt.config.ts")
  const vitest = spawn("vitest", ["run", "--config", config, ...args], {
    env: { ...process.env, [variable]: binary },
    stdio: "inherit"
  })
  const [code] = await once(vitest, "close")
  return Number(code ?? 1)
}

const main = async (args: ReadonlyArray<string>): Promise<number> => {
  const found = find()
  if (args.includes("--where")) {
    if (found !== undefined) process.stdout.write(`${found}\n`)
    return found === undefined ? 1 : 0
  }
  if (found !== undefined) return test(found, args)
  const problem = obstacle()
  if (own === undefined || problem !== undefined) {
    say(`the tests on LLRT were not run: ${problem}, and ${variable} names none\n`)
    return 0
  }
  return test(await made(own), args)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (cause) {
  if (!(cause instanceof BuildFailed)) throw cause
  say(`${cause.message}\n`)
  process.exitCode = 1
}
