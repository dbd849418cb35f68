/**
 * A trial run as a program beside the build: `node TrialProcess.ts FOLDER` reads `request.json` in the folder, runs the
 * layer in it, and writes `answer.json`. A separate process can have an empty network; the build needs the real one.
 */
import module from "node:module"
import process from "node:process"

// As the command does: the emulator starts in half the time when Node finds what it compiled before.
module.enableCompileCache()
const { run } = await import("./Trial.ts")
const [, , folder = "."] = process.argv
await run(folder)
