/**
 * The parts of Lambda's sandbox that the processes see on this machine: a directory as `/opt`, and the names of the
 * sandbox.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as NodePath from "node:path"
import NodeProcess from "node:process"
import { EmulatorError, RootUnavailable } from "../../EmulatorError.ts"
import type { ExtensionsOptions } from "./ExtensionFiles.ts"
import type { FunctionProcess } from "./FunctionProcess.ts"
import type { Form, Mount, Namespace } from "./MountNamespace.ts"
import * as MountNamespace from "./MountNamespace.ts"
import * as NamesOpt from "./NamesOpt.ts"
import * as SandboxHosts from "./SandboxHosts.ts"

export interface Sandbox {
  /** `undefined` if the processes see the machine as it is. */
  readonly namespace: Namespace | undefined
  /** `true` if the directory of the extensions is seen as `/opt`. */
  readonly isOptMounted: boolean
  /** Sentences about what this machine does not permit, each with the remedy. */
  readonly notes: ReadonlyArray<string>
}

/** Mounts and the way to make them, or why there are none. */
type Part = { readonly mounts: ReadonlyArray<Mount>; readonly form: Form } | { readonly said: string }

/** The `PATH` of this process; the processes of the environment may have another one. */
const ownPath = Config.String("PATH").pipe(Effect.orElseSucceed(() => "/usr/bin:/bin"))

const permitted = (target: string, mounts: ReadonlyArray<Mount>) =>
  Effect.map(
    Effect.flatMap(ownPath, (path) => MountNamespace.permission(target, path)),
    (permission): Part =>
      permission._tag === "Permitted" ? { mounts, form: permission.form } : { said: permission.said }
  )

const isInOpt = (path: string): boolean => NodePath.resolve(path).startsWith("/opt/")

/** A file that the processes need and would not see any more below another `/opt`. */
const hiddenBy = (extensions: ExtensionsOptions, functionProcess: FunctionProcess | undefined): string | undefined => {
  const files = "opt" in extensions ? (extensions.files ?? []).filter((file) => typeof file === "string") : []
  const command = functionProcess?.command.filter((word) => NodePath.isAbsolute(word)) ?? []
  return [NodeProcess.execPath, ...command, ...files].find(isInOpt)
}

const optPart = Effect.fnUntraced(function* (
  extensions: ExtensionsOptions,
  functionProcess: FunctionProcess | undefined
): Effect.fn.Return<Part, EmulatorError> {
  if (!("opt" in extensions) || extensions.root === undefined || extensions.root === false) return { said: "" }
  const mounts = [{ source: NodePath.resolve(extensions.opt), target: "/opt" }]
  const hidden = hiddenBy(extensions, functionProcess)
  if (extensions.root === "if-permitted" && hidden !== undefined) return { said: `${hidden} would be hidden` }
  const part = yield* permitted("/opt", mounts)
  if ("form" in part || extensions.root === "if-permitted") return part
  return yield* new EmulatorError({ method: "Emulator.layer", reason: new RootUnavailable({ said: part.said }) })
})

const readText = (file: string): string | undefined => {
  try {
    return Fs.readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/** Writes the files that lie over files of /etc into a folder of the scope. */
const etcMounts = (files: Readonly<Record<string, string>>): Effect.Effect<ReadonlyArray<Mount>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(NodePath.join(Os.tmpdir(), "effect-lambda-etc-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
    ),
    (folder) => {
      // Processes of other users may read it too.
      Fs.chmodSync(folder, 0o755)
      return Object.entries(files).map(([target, text]) => {
        const source = NodePath.join(folder, NodePath.basename(target))
        Fs.writeFileSync(source, text)
        Fs.chmodSync(source, 0o644)
        return { source, target }
      })
    }
  )

const hostsFile = "/etc/hosts"
const nsswitchFile = "/etc/nsswitch.conf"

const hostsPart = Effect.fnUntraced(function* (): Effect.fn.Return<Part, never, Scope.Scope> {
  const hosts = readText(hostsFile)
  if (hosts === undefined) return { said: `there is no ${hostsFile}` }
  if (SandboxHosts.resolves(hosts)) return { said: "" }
  const permission = yield* permitted(hostsFile, [])
  if ("said" in permission) return permission
  const nsswitch = SandboxHosts.hostsFileFirst(readText(nsswitchFile) ?? "")
  const mounts = yield* etcMounts({
    [hostsFile]: SandboxHosts.withNames(hosts),
    ...(nsswitch === undefined ? undefined : { [nsswitchFile]: nsswitch })
  })
  return { mounts, form: permission.form }
})

const hostsNote = (said: string): string =>
  `add "${SandboxHosts.line}" to ${hostsFile}: listeners of extensions may bind to these names, and this machine does not let the processes have a private hosts file (${said})`

const optNote = (file: string, opt: string, said: string): string =>
  `${file} names /opt, and this machine does not let ${opt} be seen there (${said}): run as root, or copy its files to /opt`

const nothing: Sandbox = { namespace: undefined, isOptMounted: false, notes: [] }

/**
 * Makes the files and names that the processes will see. Fails if `root: true` is not permitted.
 *
 * @param startsProcesses `true` if the environment has more than manual processes
 */
export const make = Effect.fnUntraced(function* (
  extensions: ExtensionsOptions,
  functionProcess: FunctionProcess | undefined,
  startsProcesses: boolean
): Effect.fn.Return<Sandbox, EmulatorError, Scope.Scope> {
  const opt = yield* optPart(extensions, functionProcess)
  if (!startsProcesses) return nothing
  const hosts = yield* hostsPart()
  const notes: Array<string> = []
  const forms: Array<Form> = []
  const mounts: Array<Mount> = []
  for (const part of [hosts, opt]) {
    if (!("form" in part)) continue
    forms.push(part.form)
    mounts.push(...part.mounts)
  }
  if ("said" in hosts && hosts.said !== "") notes.push(hostsNote(hosts.said))
  if ("said" in opt && opt.said !== "" && "opt" in extensions) {
    const names = NamesOpt.find(extensions.opt)
    if (names !== undefined) notes.push(optNote(names, extensions.opt, opt.said))
  }
  const [form] = forms
  return {
    namespace: form === undefined ? undefined : { form, mounts },
    isOptMounted: "form" in opt,
    notes
  }
})
