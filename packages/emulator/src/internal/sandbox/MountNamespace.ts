/**
 * Lets a process see some files and directories of this machine at other paths. The process runs in a private mount
 * namespace, in which they are bound over those paths. The machine stays as it is, and the mounts go with the process.
 *
 * The namespace is made by `unshare` of util-linux, the mounts by `mount`, each step becoming the next one: the process
 * keeps its id, its group, its directory and its signals.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import NodeProcess from "node:process"

/** The process sees `source` at the path `target`. */
export interface Mount {
  readonly source: string
  readonly target: string
}

/** The way in which this machine lets a process have private mounts. */
export interface Form {
  /** The `PATH` on which `unshare`, `sh`, `mount` and `env` are found. */
  readonly path: string
  /** The options of `unshare`. */
  readonly flags: ReadonlyArray<string>
  /** Gives the process its own user id back, which it needs another namespace for. */
  readonly asUser: ReadonlyArray<string>
}

/** The mounts that a process sees, and the way to make them; and the limits that it has. */
export interface Namespace {
  readonly form: Form
  readonly mounts: ReadonlyArray<Mount>
  /** The process whose namespace has the mounts already. Default: each process makes its own. */
  readonly keeper?: number | undefined
  /** The file of the control group to join. */
  readonly memory?: string | undefined
  /** The number of descriptors that may be open. */
  readonly descriptors?: number | undefined
}

type Command = readonly [string, ...ReadonlyArray<string>]

/**
 * The arguments are pairs of source and target, `--`, and a command. A constant: no text from outside becomes part of
 * it.
 */
const mountAndRun = 'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 1; shift 2; done; shift; exec "$@"'

/** The arguments are the file of a control group, a number of descriptors, either of them empty for none, and a command. */
const limitAndRun =
  '[ -z "$1" ] || echo 0 > "$1" || exit 1; [ -z "$2" ] || ulimit -n "$2" || exit 1; shift 2; exec "$@"'

/** A process that enters a namespace comes to its root. */
const moveAndRun = 'cd "$1" || exit 1; shift; exec "$@"'

/** Variables that shells add to the environment of the programs they run. */
const addedByShells = ["PWD", "OLDPWD", "SHLVL", "_"]

/** Variables that one of the steps would take for its own, or that a shell changes. */
const takenOnTheWay = /^(?:LD_.*|GLIBC_.*|LIBMOUNT_.*|BASH.*|ENV|SHELLOPTS|POSIXLY_CORRECT|PATH|PWD|OLDPWD|SHLVL|_)$/

/** A shell drops variables whose names it does not permit. */
const isShellName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)

/** The steps on the way into the namespace; none if there is nothing to mount. */
const entrance = ({ form, keeper, mounts }: Namespace, cwd: string): ReadonlyArray<string> => {
  if (keeper !== undefined) {
    const user = form.flags.includes("--user") ? ["--user", "--preserve-credentials"] : []
    const enter = ["nsenter", "--target", String(keeper), "--mount", ...user, "--"]
    return [...enter, "sh", "-c", moveAndRun, "sh", cwd, ...form.asUser]
  }
  if (mounts.length === 0) return []
  const pairs = mounts.flatMap(({ source, target }) => [source, target])
  return ["unshare", ...form.flags, "--", "sh", "-c", mountAndRun, "sh", ...pairs, "--", ...form.asUser]
}

/**
 * The command that runs `command` with exactly the variables of `environment` in the namespace, and the environment to
 * start it with.
 */
export const wrap = (
  namespace: Namespace,
  [file, ...args]: Command,
  environment: Readonly<Record<string, string>>,
  cwd: string = NodeProcess.cwd()
): { readonly command: Command; readonly environment: Readonly<Record<string, string>> } => {
  const isLast = (name: string) => takenOnTheWay.test(name) || !isShellName(name)
  const last = Object.entries(environment).filter(([name]) => isLast(name))
  const others = Object.entries(environment).filter(([name]) => !isLast(name))
  const { descriptors, form, memory = "" } = namespace
  const limits =
    memory === "" && descriptors === undefined ? [] : ["sh", "-c", limitAndRun, "sh", memory, String(descriptors ?? "")]
  const setEnvironment = [
    ...addedByShells.flatMap((name) => ["-u", name]),
    ...last.map(([name, value]) => `${name}=${value}`),
    // `env` would take such a path for a variable.
    ...(file.includes("=") ? ["nice", "-n", "0"] : [])
  ]
  const [first = "env", ...rest] = [...limits, ...entrance(namespace, cwd), "env", ...setEnvironment, file, ...args]
  return {
    command: [first, ...rest],
    environment: { ...Object.fromEntries(others), PATH: form.path }
  }
}

/** The number of links that the kernel follows. */
const maxLinks = 40

/** Splits a path into its steps from the root. */
const stepsOf = (path: string): ReadonlyArray<string> => path.split("/").filter((step) => step !== "")

const linkTarget = (path: string): string | undefined => {
  try {
    return Fs.readlinkSync(path)
  } catch {
    return undefined
  }
}

/**
 * The path on this machine of the file that a process in the namespace sees at an absolute path. Links, of folders on
 * the way too, are followed as the process would follow them: `/opt/...` means the directory that lies over `/opt`, not
 * this machine's own `/opt`.
 */
export const hostPath =
  (mounts: ReadonlyArray<Mount>) =>
  (path: string): string => {
    const placeOf = (seen: string): string => {
      const mount = mounts.find(({ target }) => seen === target || seen.startsWith(`${target}/`))
      return mount === undefined ? seen : NodePath.join(mount.source, NodePath.relative(mount.target, seen))
    }
    let seen = "/"
    let left = stepsOf(path)
    let links = maxLinks
    for (let step = left[0]; step !== undefined; step = left[0]) {
      const next = NodePath.join(seen, step)
      const target = links === 0 ? undefined : linkTarget(placeOf(next))
      left = left.slice(1)
      if (target === undefined) {
        seen = next
        continue
      }
      links--
      left = [...stepsOf(NodePath.resolve(seen, target)), ...left]
      seen = "/"
    }
    return placeOf(seen)
  }

/** The permission of this machine: the way to make mounts, or the refusal of the system. */
export type Permission =
  | { readonly _tag: "Permitted"; readonly form: Form }
  | { readonly _tag: "Refused"; readonly said: string }

/** The `PATH` of this process; the processes of the environment may have another one. */
export const ownPath = Config.String("PATH").pipe(Effect.orElseSucceed(() => "/usr/bin:/bin"))

/** If the process is not root, or root lacks the rights, a user namespace comes first, in which the process is root. */
const formsOf = (path: string): ReadonlyArray<Form> => {
  const [user, group] = [NodeProcess.getuid?.() ?? 0, NodeProcess.getgid?.() ?? 0]
  const rooted = { path, flags: ["--user", "--map-root-user", "--mount"], asUser: [] }
  if (user === 0) return [{ path, flags: ["--mount"], asUser: [] }, rooted]
  const asUser = ["unshare", "--user", `--map-user=${user}`, `--map-group=${group}`, "--"]
  // An older util-linux, and BusyBox, cannot give the user id back: the process takes itself for root.
  return [{ ...rooted, asUser }, rooted]
}

/** Runs a program that does nothing. Succeeds with what the system said against it. */
export const attempt = (namespace: Namespace): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const { command, environment } = wrap(namespace, ["true"], {}, "/")
    const [file, ...args] = command
    const options = { env: { ...environment, LC_ALL: "C" }, timeout: 5000, killSignal: "SIGKILL" } as const
    const child = ChildProcess.execFile(file, args, options, (error, _, stderr) => {
      if (error === null) return resume(Effect.undefined)
      const said = stderr.trim().split("\n", 1)[0] || error.message.trim().split("\n", 1)[0]
      resume(Effect.succeed(said || "no answer"))
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** The answer of a machine does not change, so it is asked once in the life of this Node process. */
const answers = new Map<string, Permission>()

/**
 * Finds out whether this machine permits mounts over `target`, in ten seconds at most.
 *
 * @param path the `PATH` on which the programs for it are looked up
 */
export const permission = Effect.fnUntraced(function* (target: string, path: string): Effect.fn.Return<Permission> {
  const key = JSON.stringify([target, path])
  const known = answers.get(key)
  if (known !== undefined) return known
  let answer: Permission = { _tag: "Refused", said: "this is not Linux" }
  for (const form of NodeProcess.platform === "linux" ? formsOf(path) : []) {
    // The target is bound over itself.
    const said = yield* attempt({ form, mounts: [{ source: target, target }] })
    answer = said === undefined ? { _tag: "Permitted", form } : { _tag: "Refused", said }
    if (answer._tag === "Permitted") break
  }
  answers.set(key, answer)
  return answer
})
