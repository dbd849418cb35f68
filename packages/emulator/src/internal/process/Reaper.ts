/**
 * Kills the processes that this Node process leaves behind, however it ends.
 *
 * A process that is killed with SIGKILL cannot clean up, so another process has to. That is a shell in a separate
 * session, no child of this process, that holds one end of a pipe. The shell is told every process group as it starts
 * and as it ends. The kernel closes the pipe whatever happens to this process, and then the shell kills the groups that
 * are left. SIGKILL also ends a stopped process.
 *
 * There is one reaper for all environments of this Node process. The reaper starts with the first group and ends a
 * second after the last: another environment that starts in that second has it already.
 */
// A timer of Effect would keep Node running.
// @effect-diagnostics globalTimers:off
import * as ChildProcess from "node:child_process"
import * as Net from "node:net"
import NodeProcess from "node:process"
import { clearTimeout, setTimeout } from "node:timers"

/** A constant: no text from outside becomes part of it. `kill -s` is the form that every shell has. */
const script = `
{
  groups=" "
  while read -r change group; do
    case $change in
      +) groups="$groups$group " ;;
      -) groups="\${groups%% "$group" *} \${groups#* "$group" }" ;;
    esac
  done
  for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
} <&3 &
`

const groups = new Set<number>()
/** The emulator's end of the pipe. */
let pipe: Net.Socket | undefined

/** How long the reaper waits for another group. */
const idleMs = 1000
let idle: NodeJS.Timeout | undefined

/** Signals a whole group; a group that is gone already is no error. */
export const signalGroup = (group: number, signal: NodeJS.Signals): void => {
  try {
    NodeProcess.kill(-group, signal)
  } catch {
    // The group is gone.
  }
}

/** Kills the groups when Node exits and no scope was closed: at once and without the help of a shell. */
const killGroups = (): void => {
  for (const group of groups) signalGroup(group, "SIGKILL")
}

const start = (): Net.Socket | undefined => {
  // The pipe is not stdin, which Node closes when its child ends. The child ends at once; its background process is the
  // reaper.
  const child = ChildProcess.spawn("/bin/sh", ["-c", script, "effect-lambda-reaper", String(NodeProcess.pid)], {
    cwd: "/",
    env: {},
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "pipe"]
  })
  const end = child.stdio[3]
  if (!(end instanceof Net.Socket)) return undefined
  const forget = () => {
    if (pipe === end) pipe = undefined
  }
  // The reaper was killed, or there is no shell: the next group starts another reaper. `killGroups` works without it.
  child.on("error", forget)
  end.on("error", forget)
  end.on("close", forget)
  end.resume()
  // The reaper does not keep Node running.
  child.unref()
  end.unref()
  for (const group of groups) end.write(`+ ${group}\n`)
  return end
}

/** From now on the group is killed when this Node process ends. */
export const add = (group: number): void => {
  if (groups.size === 0) NodeProcess.on("exit", killGroups)
  groups.add(group)
  clearTimeout(idle)
  if (pipe === undefined) pipe = start()
  else pipe.write(`+ ${group}\n`)
}

/** The group is gone, and its number may go to another process. */
export const remove = (group: number): void => {
  if (!groups.delete(group)) return
  pipe?.write(`- ${group}\n`)
  if (groups.size > 0) return
  NodeProcess.off("exit", killGroups)
  idle = setTimeout(() => {
    pipe?.end()
    pipe = undefined
  }, idleMs)
  idle.unref()
}
