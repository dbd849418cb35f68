/**
 * Advice about a process that ended with 126 or 127. Shells, `env` and loaders end so if a program cannot be executed
 * or is missing. The program that was started has itself been found and executed.
 */
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import type { ExitStatus } from "../journal/JournalEvent.ts"
import * as LogLine from "../../LogLine.ts"
import * as LaunchCheck from "./LaunchCheck.ts"

export interface Ended {
  readonly status: ExitStatus
  readonly file: string
  /** The `PATH` of the process. */
  readonly path: string
  /** `true` if a folder of this machine lies over `/opt` of the process. */
  readonly isOptMounted: boolean
  readonly hostPath: (path: string) => string
  /** The last line on stderr, in which a shell names the program that it did not find; `""` means none. */
  readonly lastError: string
}

/** The part of a script that is searched. */
const maxScriptBytes = 65_536

const maxQuote = 300

const scriptOf = (file: string): string => {
  let descriptor: number
  try {
    descriptor = Fs.openSync(file, "r")
  } catch {
    return ""
  }
  try {
    const bytes = Buffer.alloc(maxScriptBytes)
    const text = bytes.toString("utf8", 0, Fs.readSync(descriptor, bytes, 0, maxScriptBytes, 0))
    return text.startsWith("#!") ? text : ""
  } catch {
    return ""
  } finally {
    Fs.closeSync(descriptor)
  }
}

/** `node` of `#!/usr/bin/env node`, `undefined` if the first line asks for no program by its name. */
const nameForEnv = (script: string): string | undefined => {
  const [interpreter = "", ...words] = script.slice(2, script.indexOf("\n")).trim().split(/\s+/)
  if (NodePath.basename(interpreter) !== "env") return undefined
  return words.find((word) => !word.startsWith("-") && !word.includes("="))
}

const remedy = (ended: Ended): string => {
  const { file, hostPath, isOptMounted, lastError, path, status } = ended
  if (status._tag === "Code" && status.code === 126) {
    return "Set the x bit of the program that it starts, and build that for this machine."
  }
  const script = scriptOf(hostPath(file))
  const name = nameForEnv(script)
  if (name !== undefined && LaunchCheck.lookUp(name, path, hostPath) === undefined) {
    return `There is no program ${name} in ${path}. Install it, or name another interpreter in the #! line.`
  }
  const inOpt = `${lastError}\n${script}`.match(/\/opt\/[\w@%+./-]*[\w@%+-]/g) ?? []
  const missing = inOpt.find((named) => !Fs.existsSync(hostPath(named)))
  if (missing === undefined) return "Install the program or the library that it did not find, or correct the path."
  return isOptMounted
    ? `The layer does not hold ${missing}. Add that file to it, or correct the path.`
    : `No layer is mounted at /opt here, so ${missing} does not exist. Mount it with --opt (extensions: { opt, root: true }), or use paths beside ${file}.`
}

/** `undefined` if the process ended in another way. */
export const adviceFor = (ended: Ended): string | undefined => {
  const { file, lastError, status } = ended
  if (status._tag !== "Code" || (status.code !== 126 && status.code !== 127)) return undefined
  const meaning = status.code === 126 ? "could not be executed" : "was not found"
  const said = lastError === "" ? "" : ` Its last words: ${LogLine.shortened(LogLine.printable(lastError), maxQuote)}`
  return `${file} ended with code ${status.code}, which says that a program ${meaning}. ${remedy(ended)}${said}`
}
