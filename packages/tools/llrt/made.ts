/** A build of LLRT that a person watches. */
import process from "node:process"
import { version } from "../../cli/src/layer/Llrt.ts"
import { make } from "./cached.ts"
import type { Architecture } from "./cargo.ts"

export const say = (text: string): void => void process.stderr.write(text)

/** A terminal has one line that changes each second, and a log a line every so often. */
export const made = async (arch: Architecture): Promise<string> => {
  const { isTTY } = process.stderr
  const [start, end, everyMillis] = isTTY ? ["\r", "", 1000] : ["", "\n", 20_000]
  const startedAt = performance.now()
  const seconds = () => `${Math.round((performance.now() - startedAt) / 1000)} s`
  let crate = "downloading the crates"
  say(`LLRT ${version} is built once, which takes some minutes …\n`)
  const timer = setInterval(() => say(`${start}building LLRT: ${crate}, ${seconds()}   ${end}`), everyMillis)
  try {
    const path = await make(arch, (number, of) => {
      crate = `crate ${number} of ${of}`
    })
    say(`${start}built ${path} in ${seconds()}\n`)
    return path
  } finally {
    clearInterval(timer)
  }
}
