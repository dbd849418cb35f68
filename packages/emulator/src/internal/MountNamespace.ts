/**
 * A process that sees a directory as `/opt`: it runs in a mount namespace of its own, in which the directory is bound
 * over `/opt`. The machine's own `/opt` stays as it is, and the mount goes with the process.
 */
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import NodeProcess from "node:process"
import { EmulatorError, RootUnavailable } from "../EmulatorError.ts"

/**
 * Mounts and becomes the program; the arguments are the directory, the program, and its arguments. A constant: nothing
 * from outside becomes part of it. `env` takes away what some shells add to the environment of what they run.
 */
const mountAndRun = 'mount --bind "$1" /opt && shift && exec env -u PWD -u OLDPWD -u SHLVL -u _ "$@"'

/** Without root a namespace of users comes first, in which the process is root of itself. */
const unshare = (): ReadonlyArray<string> =>
  NodeProcess.getuid?.() === 0 ? ["unshare", "--mount"] : ["unshare", "--user", "--map-root-user", "--mount"]

/** The command that runs `command` with `opt` as its `/opt`. */
export const wrap = (
  opt: string,
  command: readonly [string, ...ReadonlyArray<string>]
): readonly [string, ...ReadonlyArray<string>] => {
  const [first = "unshare", ...flags] = unshare()
  return [first, ...flags, "--", "sh", "-c", mountAndRun, "sh", opt, ...command]
}

/** As many links as the kernel follows. */
const maxLinks = 40

/**
 * Where this machine keeps what a process in the namespace sees at an absolute path. A link is followed as the process
 * would: `/opt/...` in it means the directory, not this machine's own `/opt`.
 */
export const hostPath =
  (opt: string, links = maxLinks) =>
  (path: string): string => {
    const inside = NodePath.relative("/opt", path)
    const found = inside.startsWith("..") ? path : NodePath.join(opt, inside)
    let target: string
    try {
      target = Fs.readlinkSync(found)
    } catch {
      return found
    }
    return links === 0 ? found : hostPath(opt, links - 1)(NodePath.resolve(NodePath.dirname(path), target))
  }

/** Tries it once with a program that does nothing; fails with what the system said. */
export const probe = (opt: string): Effect.Effect<void, EmulatorError> =>
  Effect.callback((resume) => {
    const [file, ...args] = wrap(opt, ["true"])
    const child = ChildProcess.execFile(file, args, { timeout: 5000 }, (error, _, stderr) => {
      if (error === null) return resume(Effect.void)
      const said = stderr.trim().split("\n", 1)[0] || error.message.trim().split("\n", 1)[0] || "no answer"
      resume(Effect.fail(new EmulatorError({ method: "Emulator.layer", reason: new RootUnavailable({ said }) })))
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })
