/** Puts processes into a control group before they become the programs of a measurement. */
import { spawnSync } from "node:child_process"
import { chmod, mkdir, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import type { FunctionOfRun } from "../cold-start/first-invocation.ts"
import type { Program } from "../platform.ts"
import { type Summary, summarize } from "../summary.ts"

/** Quotes a text for a shell. */
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The shell is no part of the group yet, so its start is never throttled. */
const writeWrapper = async (file: string, processesFile: string, command: string): Promise<void> => {
  await writeFile(file, `#!/bin/sh\necho 0 >${quote(processesFile)} && exec ${command}\n`)
  await chmod(file, 0o755)
}

export interface Wrapper {
  readonly extension: (program: Program) => Promise<Program>
  readonly function: (beside: FunctionOfRun) => FunctionOfRun
  /** The time that the wrapper adds to a start, in milliseconds. */
  readonly cost: (rounds: number) => Summary
}

/** @param folder the folder of the wrappers */
export const make = async (folder: string, processesFile: string): Promise<Wrapper> => {
  await mkdir(folder, { recursive: true })
  const any = join(folder, "wrapper")
  await writeWrapper(any, processesFile, '"$@"')
  let wrapped = 0

  const spawnMillis = (command: string, ...args: ReadonlyArray<string>): number => {
    const startedAt = performance.now()
    spawnSync(command, args)
    return performance.now() - startedAt
  }

  return {
    extension: async (program) => {
      const [file] = program.command
      // The emulator takes the name of the extension from the name of its file.
      const own = join(folder, String(wrapped++), "extensions")
      await mkdir(own, { recursive: true })
      const wrapper = join(own, basename(file))
      await writeWrapper(wrapper, processesFile, quote(file))
      return { ...program, command: [wrapper] }
    },
    function: ({ label, options }) =>
      "command" in options
        ? { label, options: { ...options, command: [any, ...options.command] } }
        : { label, options: { ...options, environment: { AWS_LAMBDA_EXEC_WRAPPER: any } } },
    cost: (rounds) =>
      summarize(Array.from({ length: rounds }, () => spawnMillis(any, "/bin/true") - spawnMillis("/bin/true")))
  }
}
