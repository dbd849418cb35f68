/**
 * A small `/tmp` that all processes of an environment share. A process that does nothing keeps a mount namespace, in which
 * a file system of this size lies over `/tmp`; the processes of the environment enter this namespace instead of making
 * one each. When the emulator ends, however it ends, the pipe to that process closes and the process ends too.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import type { Form, Mount } from "./MountNamespace.ts"
import * as MountNamespace from "./MountNamespace.ts"

interface Refused {
  readonly said: string
}

/**
 * The arguments are pairs of source and target, `--`, the size in MB, and the entries of `/tmp` that stay visible. A
 * constant: no text from outside becomes part of it. Descriptor 3 is the machine's `/tmp`, below the new one.
 */
const keep = `
while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 1; shift 2; done; shift
exec 3</tmp || exit 1
mount -t tmpfs -o "size=$1m,mode=1777" tmpfs /tmp || exit 1
shift
for entry do
  if [ -d "/proc/self/fd/3/$entry" ]; then mkdir "/tmp/$entry"; else : > "/tmp/$entry"; fi || exit 1
  mount --no-canonicalize --bind "/proc/self/fd/3/$entry" "/tmp/$entry" || exit 1
done
exec 3<&-
echo ready
while read -r line; do :; done
`

/** The entry of `/tmp` that a path lies in; `undefined` if it does not lie in `/tmp`, or does not exist. */
const entryOf = (path: string): string | undefined => {
  const [, tmp, entry] = NodePath.resolve(path).split("/")
  return tmp === "tmp" && entry !== undefined && Fs.existsSync(`/tmp/${entry}`) ? entry : undefined
}

/** The entries that these paths lie in. Links are followed, since the place that they lead to may lie in `/tmp`. */
export const entriesOf = (paths: ReadonlyArray<string>): ReadonlyArray<string> => {
  const places = paths.flatMap((path) => {
    try {
      return [path, Fs.realpathSync(path)]
    } catch {
      return [path]
    }
  })
  return [...new Set(places.map(entryOf).filter((entry) => entry !== undefined))]
}

export interface Keeper {
  readonly form: Form
  readonly mounts: ReadonlyArray<Mount>
  readonly megabytes: number
  readonly entries: ReadonlyArray<string>
}

/** Starts the process that keeps the namespace, for the scope. Succeeds with its id. */
export const make = ({
  entries,
  form,
  megabytes,
  mounts
}: Keeper): Effect.Effect<{ readonly pid: number } | Refused, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly child: ChildProcess.ChildProcess; readonly said: string | undefined }>((resume) => {
        const pairs = mounts.flatMap(({ source, target }) => [source, target])
        const script = ["sh", "-c", keep, "effect-lambda-tmp", ...pairs, "--", String(megabytes), ...entries]
        const child = ChildProcess.spawn("unshare", [...form.flags, "--", ...script], {
          env: { PATH: form.path, LC_ALL: "C" },
          cwd: "/",
          detached: true,
          stdio: ["pipe", "pipe", "pipe"]
        })
        let said = ""
        child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
          said += chunk
        })
        child.on("error", ({ message }) => resume(Effect.succeed({ child, said: message })))
        child.on("exit", () => resume(Effect.succeed({ child, said: said.trim().split("\n", 1)[0] || "no answer" })))
        child.stdout.once("data", () => resume(Effect.succeed({ child, said: undefined })))
        child.stdin.on("error", () => {
          // It has ended.
        })
        // The process does not keep Node running.
        child.unref()
      }),
      ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
    ),
    ({ child, said }) =>
      said === undefined && child.pid !== undefined ? { pid: child.pid } : { said: said ?? "no process" }
  )

/** The way in which this machine permits it. An attempt with another size than the wanted one tells. */
export const permission = Effect.fnUntraced(function* (path: string): Effect.fn.Return<Form | Refused> {
  const permission = yield* MountNamespace.permission("/tmp", path)
  if (permission._tag === "Refused") return { said: permission.said }
  const { form } = permission
  const kept = yield* Effect.scoped(
    Effect.flatMap(make({ form, mounts: [], megabytes: 1, entries: [] }), (keeper) =>
      "said" in keeper ? Effect.succeed(keeper.said) : MountNamespace.attempt({ form, mounts: [], keeper: keeper.pid })
    )
  )
  return kept === undefined ? form : { said: kept }
})
