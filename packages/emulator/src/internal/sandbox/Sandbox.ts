/**
 * The parts of Lambda's sandbox that the processes see on this machine: a directory as `/opt`, and the names of the
 * sandbox.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as NodePath from "node:path"
import NodeProcess from "node:process"
import { EmulatorError, RootUnavailable } from "../../EmulatorError.ts"
import * as EtcFiles from "./EtcFiles.ts"
import type { ExtensionsOptions } from "./ExtensionFiles.ts"
import type { FunctionProcess } from "./FunctionProcess.ts"
import * as Limits from "./Limits.ts"
import type { Form, Mount, Namespace } from "./MountNamespace.ts"
import * as MountNamespace from "./MountNamespace.ts"
import * as NamesOpt from "./NamesOpt.ts"
import * as SandboxHosts from "./SandboxHosts.ts"
import * as SharedTmp from "./SharedTmp.ts"

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

const permitted = (target: string, mounts: ReadonlyArray<Mount>) =>
  Effect.map(
    Effect.flatMap(MountNamespace.ownPath, (path) => MountNamespace.permission(target, path)),
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

const hostsFile = "/etc/hosts"
const nsswitchFile = "/etc/nsswitch.conf"

const hostsPart = Effect.fnUntraced(function* (address: string): Effect.fn.Return<Part, never, Scope.Scope> {
  const hosts = EtcFiles.read(hostsFile)
  if (hosts === undefined) return { said: `there is no ${hostsFile}` }
  if (SandboxHosts.resolves(hosts, address)) return { said: "" }
  const permission = yield* permitted(hostsFile, [])
  if ("said" in permission) return permission
  const nsswitch = SandboxHosts.hostsFileFirst(EtcFiles.read(nsswitchFile) ?? "")
  const mounts = yield* EtcFiles.mounts({
    [hostsFile]: SandboxHosts.withNames(hosts, address),
    ...(nsswitch === undefined ? undefined : { [nsswitchFile]: nsswitch })
  })
  return { mounts, form: permission.form }
})

const hostsNote = (said: string, address: string): string =>
  `add "${SandboxHosts.lineOf(address)}" to ${hostsFile}: listeners of extensions may bind to these names, and this machine does not let the processes have a private hosts file (${said})`

const optNote = (file: string, opt: string, said: string): string =>
  `${file} names /opt, and this machine does not let ${opt} be seen there (${said}): run as root, or copy its files to /opt`

const limitNote = ({ limit, said }: Limits.Refusal): string =>
  `limits.${limit} is not in force: this machine does not permit it (${said}). ${
    limit === "descriptors"
      ? "Raise the limit of the shell (ulimit -n)"
      : "Run as root, or in a container that may do it"
  }`

const nothing: Sandbox = { namespace: undefined, isOptMounted: false, notes: [] }

export interface SandboxOptions {
  /** The address of the sandbox, to which its names lead. */
  readonly address: string
  readonly extensions: ExtensionsOptions
  readonly functionProcess: FunctionProcess | undefined
  readonly limits: Limits.Limits
  /** `true` if the environment has more than manual processes. */
  readonly startsProcesses: boolean
  /** Paths that the processes need: they stay visible in a `/tmp` of another size. */
  readonly needed: ReadonlyArray<string>
}

/** Makes the files, names and limits that the processes will see. Fails if `root: true` is not permitted. */
export const make = Effect.fnUntraced(function* ({
  address,
  extensions,
  functionProcess,
  limits,
  needed,
  startsProcesses
}: SandboxOptions): Effect.fn.Return<Sandbox, EmulatorError, Scope.Scope> {
  const opt = yield* optPart(extensions, functionProcess)
  if (!startsProcesses) return nothing
  const hosts = yield* hostsPart(address)
  const path = yield* MountNamespace.ownPath
  const inForce = yield* Limits.make(limits, path)
  const refusals = [...inForce.refusals]
  const forms: Array<Form> = []
  const mounts: Array<Mount> = []
  for (const part of [hosts, opt, inForce]) {
    if (!("form" in part) || part.form === undefined) continue
    forms.push(part.form)
    mounts.push(...part.mounts)
  }
  const notes: Array<string> = []
  if ("said" in hosts && hosts.said !== "") notes.push(hostsNote(hosts.said, address))
  if ("said" in opt && opt.said !== "" && "opt" in extensions) {
    const names = NamesOpt.find(extensions.opt)
    if (names !== undefined) notes.push(optNote(names, extensions.opt, opt.said))
  }
  const [form] = forms
  const { descriptors, memory, tmpMegabytes: megabytes } = inForce
  let keeper: number | undefined
  if (form !== undefined && megabytes !== undefined) {
    const kept = yield* SharedTmp.make({ form, mounts, megabytes, entries: SharedTmp.entriesOf(needed) })
    if ("pid" in kept) keeper = kept.pid
    else refusals.push({ limit: "tmp", said: kept.said })
  }
  const isPlain = form === undefined && descriptors === undefined && memory === undefined
  return {
    namespace: isPlain
      ? undefined
      : { form: form ?? { path, flags: [], asUser: [] }, mounts, keeper, descriptors, memory: memory?.processesFile },
    isOptMounted: "form" in opt,
    notes: [...notes, ...refusals.map(limitNote)]
  }
})
