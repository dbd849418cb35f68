/**
 * A process that sees some files and directories of this machine at other paths: it runs in a mount namespace of its
 * own, in which they are bound over those paths. The machine stays as it is, and the mounts go with the process.
 *
 * The namespace is made by `unshare` of util-linux, the mounts by `mount`, each step becoming the next one: the process
 * keeps its id, its group, its directory and its signals.
 */
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

const ownPath = (): string => NodeProcess.env.PATH ?? "/usr/bin:/bin"

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
    environment: { ...Object.fromEntries(others), PATH: ownPath() }
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
const forms = (): ReadonlyArray<Form> => {
  const [user, group] = [NodeProcess.getuid?.() ?? 0, NodeProcess.getgid?.() ?? 0]
  const rooted = ["--user", "--map-root-user", "--mount"]
  if (user === 0) {
    return [
      { flags: ["--mount"], asUser: [] },
      { flags: rooted, asUser: [] }
    ]
  }
  return [
    { flags: rooted, asUser: ["unshare", "--user", `--map-user=${user}`, `--map-group=${group}`, "--"] },
    // An older util-linux, and that of BusyBox: the process takes itself for root.
    { flags: rooted, asUser: [] }
  ]
}

/** Binds the target over itself, for a program that does nothing. Succeeds with what the system said against it. */
const attempt = (form: Form, target: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const { command, environment } = wrap({ form, mounts: [{ source: target, target }] }, ["true"], {})
    const [file, ...args] = command
    const options = { env: { ...environment, LC_ALL: "C" }, timeout: 5000, killSignal: "SIGKILL" } as const
    ChildProcess.execFile(file, args, options, (error, _, stderr) => {
      if (error === null) return resolve(undefined)
      resolve(stderr.trim().split("\n", 1)[0] || error.message.trim().split("\n", 1)[0] || "no answer")
    })
  })

const ask = async (target: string): Promise<Permission> => {
  if (NodeProcess.platform !== "linux") return { _tag: "Refused", said: "this is not Linux" }
  const said: Array<string> = []
  for (const form of forms()) {
    const answer = await attempt(form, target)
    if (answer === undefined) return { _tag: "Permitted", form }
    said.push(answer)
  }
  return { _tag: "Refused", said: said[0] ?? "no answer" }
}

const answers = new Map<string, Promise<Permission>>()

/** Does this machine permit mounts over `target`? Tried once in the life of this Node process, ten seconds at most. */
export const permission = (target: string): Promise<Permission> => {
  const known = answers.get(target) ?? ask(target)
  answers.set(target, known)
  return known
}
