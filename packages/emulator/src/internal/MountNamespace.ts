/**
 * A process that sees some files and directories of this machine at other paths: it runs in a mount namespace of its
 * own, in which they are bound over those paths. The machine stays as it is, and the mounts go with the process.
 *
 * The namespace is made by `unshare` of util-linux, the mounts by `mount`, each step becoming the next one: the process
 * keeps its id, its group, its directory and its signals.
 */
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import NodeProcess from "node:process"

/** What a process sees at `target` is `source`. */
export interface Mount {
  readonly source: string
  readonly target: string
}

/** How this machine lets a process have mounts of its own. */
export interface Form {
  /** Where `unshare`, `sh`, `mount` and `env` are. */
  readonly path: string
  /** Of `unshare`. */
  readonly flags: ReadonlyArray<string>
  /** Gives the process its own user id back, which it needs another namespace for. */
  readonly asUser: ReadonlyArray<string>
}

/** What a process sees, and how. */
export interface Namespace {
  readonly form: Form
  readonly mounts: ReadonlyArray<Mount>
}

type Command = readonly [string, ...ReadonlyArray<string>]

/** The arguments are pairs of source and target, `--`, and a command. A constant: nothing from outside becomes part of it. */
const mountAndRun = 'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 1; shift 2; done; shift; exec "$@"'

/** What shells add to the environment of what they run. */
const addedByShells = ["PWD", "OLDPWD", "SHLVL", "_"]

/** Variables that one of the steps would take for its own, or that a shell changes. */
const takenOnTheWay = /^(?:LD_.*|GLIBC_.*|LIBMOUNT_.*|BASH.*|ENV|SHELLOPTS|POSIXLY_CORRECT|PATH|PWD|OLDPWD|SHLVL|_)$/

/** A shell drops what it has no name for. */
const isShellName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)

/**
 * The command that runs `command` with exactly the variables of `environment` in the namespace, and the environment to
 * start it with.
 */
export const wrap = (
  { form, mounts }: Namespace,
  [file, ...args]: Command,
  environment: Readonly<Record<string, string>>
): { readonly command: Command; readonly environment: Readonly<Record<string, string>> } => {
  const isLast = (name: string) => takenOnTheWay.test(name) || !isShellName(name)
  const last = Object.entries(environment).filter(([name]) => isLast(name))
  const others = Object.entries(environment).filter(([name]) => !isLast(name))
  const pairs = mounts.flatMap(({ source, target }) => [source, target])
  const setEnvironment = [
    "env",
    ...addedByShells.flatMap((name) => ["-u", name]),
    ...last.map(([name, value]) => `${name}=${value}`),
    // `env` would take such a path for a variable.
    ...(file.includes("=") ? ["nice", "-n", "0"] : [])
  ]
  return {
    command: [
      "unshare",
      ...form.flags,
      "--",
      "sh",
      "-c",
      mountAndRun,
      "sh",
      ...pairs,
      "--",
      ...form.asUser,
      ...setEnvironment,
      file,
      ...args
    ],
    environment: { ...Object.fromEntries(others), PATH: form.path }
  }
}

/** As many links as the kernel follows. */
const maxLinks = 40

/**
 * Where this machine keeps what a process in the namespace sees at an absolute path. A link is followed as the process
 * would: `/opt/...` in it means the directory that lies over `/opt`, not this machine's own `/opt`.
 */
export const hostPath =
  (mounts: ReadonlyArray<Mount>, links = maxLinks) =>
  (path: string): string => {
    const mount = mounts.find(({ target }) => path === target || path.startsWith(`${target}/`))
    const found = mount === undefined ? path : NodePath.join(mount.source, NodePath.relative(mount.target, path))
    let target: string
    try {
      target = Fs.readlinkSync(found)
    } catch {
      return found
    }
    return links === 0 ? found : hostPath(mounts, links - 1)(NodePath.resolve(NodePath.dirname(path), target))
  }

/** What this machine permits: the way to do it, or what the system said. */
export type Permission =
  | { readonly _tag: "Permitted"; readonly form: Form }
  | { readonly _tag: "Refused"; readonly said: string }

/** Without root, or without its rights, a namespace of users comes first, in which the process is root of itself. */
const formsOf = (path: string): ReadonlyArray<Form> => {
  const [user, group] = [NodeProcess.getuid?.() ?? 0, NodeProcess.getgid?.() ?? 0]
  const rooted = { path, flags: ["--user", "--map-root-user", "--mount"], asUser: [] }
  if (user === 0) return [{ path, flags: ["--mount"], asUser: [] }, rooted]
  const asUser = ["unshare", "--user", `--map-user=${user}`, `--map-group=${group}`, "--"]
  // An older util-linux, and that of BusyBox, cannot give it back: the process takes itself for root.
  return [{ ...rooted, asUser }, rooted]
}

/** Binds the target over itself, for a program that does nothing. Succeeds with what the system said against it. */
const attempt = (form: Form, target: string): Effect.Effect<string | undefined> =>
  Effect.callback((resume) => {
    const { command, environment } = wrap({ form, mounts: [{ source: target, target }] }, ["true"], {})
    const [file, ...args] = command
    const options = { env: { ...environment, LC_ALL: "C" }, timeout: 5000, killSignal: "SIGKILL" } as const
    const child = ChildProcess.execFile(file, args, options, (error, _, stderr) => {
      if (error === null) return resume(Effect.undefined)
      const said = stderr.trim().split("\n", 1)[0] || error.message.trim().split("\n", 1)[0]
      resume(Effect.succeed(said || "no answer"))
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** A machine does not change its mind: tried once in the life of this Node process. */
const answers = new Map<string, Permission>()

/**
 * Does this machine permit mounts over `target`? Ten seconds at most.
 *
 * @param path where the programs for it are looked up
 */
export const permission = Effect.fnUntraced(function* (target: string, path: string): Effect.fn.Return<Permission> {
  const key = JSON.stringify([target, path])
  const known = answers.get(key)
  if (known !== undefined) return known
  let answer: Permission = { _tag: "Refused", said: "this is not Linux" }
  for (const form of NodeProcess.platform === "linux" ? formsOf(path) : []) {
    const said = yield* attempt(form, target)
    answer = said === undefined ? { _tag: "Permitted", form } : { _tag: "Refused", said }
    if (answer._tag === "Permitted") break
  }
  answers.set(key, answer)
  return answer
})
