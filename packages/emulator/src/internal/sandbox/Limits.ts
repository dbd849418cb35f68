/** The limits of Lambda's sandbox that an environment can have, each if this machine permits it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as MemoryGroup from "./MemoryGroup.ts"
import type { Form, Mount } from "./MountNamespace.ts"
import * as MountNamespace from "./MountNamespace.ts"
import * as Resolver from "./Resolver.ts"
import * as SharedTmp from "./SharedTmp.ts"

/**
 * Limits that the processes of an environment share, as those of a sandbox do. Each of them needs something of the
 * machine; `Limits.permitted` tells whether it is there. A limit that is not permitted is not in force, and a sentence in
 * `emulator.notes` says so.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /**
   * Memory of all processes together, in MB. When it is used up, the system kills a process (SIGKILL). A control group
   * (cgroup), Linux only; mostly needs root.
   */
  readonly memory?: number
  /** The number of descriptors that each process can have open. Lambda: 1,024. */
  readonly descriptors?: number
  /**
   * The size of `/tmp` in MB. The processes have an empty `/tmp` that they share, in a private mount namespace. Entries of the
   * machine's `/tmp` that the extensions, the function or a variable name stay visible in it. Needs what `root` needs.
   */
  readonly tmp?: number
  /**
   * The DNS that the processes ask.
   *
   * - `absent`: no server listens, so that a look-up fails at once
   * - `silent`: a server takes each question and never answers
   * - `slow`: each answer comes after 3 seconds; every name has the address 127.0.0.1
   *
   * Names of the hosts file are found as always. Needs what `root` needs, and port 53 of a loopback address.
   */
  readonly resolver?: "absent" | "silent" | "slow"
}

/**
 * A limit that this machine does not permit; `said` is the reason, mostly in the words of the system.
 *
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  readonly limit: keyof Limits
  readonly said: string
}

/** The limits in force, as parts of the command that starts a process. */
export interface InForce {
  readonly memory: MemoryGroup.Group | undefined
  readonly descriptors: number | undefined
  /** `undefined` if the processes share no `/tmp`. */
  readonly tmpMegabytes: number | undefined
  readonly mounts: ReadonlyArray<Mount>
  readonly form: Form | undefined
  readonly refusals: ReadonlyArray<Refusal>
}

const descriptorsRefusal = (wanted: number): string | undefined => {
  // The limit of a process is at most that of its parent.
  let text: string
  try {
    text = Fs.readFileSync("/proc/self/limits", "utf8")
  } catch {
    return undefined
  }
  const hard = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(text)?.[1] ?? Infinity)
  return wanted > hard ? `this process itself may open ${hard} descriptors` : undefined
}

/** Puts the limits in force for the scope. */
export const make = Effect.fnUntraced(function* (
  { descriptors, memory, resolver, tmp }: Limits,
  path: string
): Effect.fn.Return<InForce, never, Scope.Scope> {
  const refusals: Array<Refusal> = []
  const group = memory === undefined ? undefined : yield* MemoryGroup.make(memory, path)
  if (group !== undefined && "said" in group) refusals.push({ limit: "memory", said: group.said })
  const tooMany = descriptors === undefined ? undefined : descriptorsRefusal(descriptors)
  if (tooMany !== undefined) refusals.push({ limit: "descriptors", said: tooMany })
  const tmpForm = tmp === undefined ? undefined : yield* SharedTmp.permission(path)
  if (tmpForm !== undefined && "said" in tmpForm) refusals.push({ limit: "tmp", said: tmpForm.said })
  const dns = resolver === undefined ? undefined : yield* Resolver.make(resolver, path)
  if (dns !== undefined && "said" in dns) refusals.push({ limit: "resolver", said: dns.said })
  const formOfTmp = tmpForm !== undefined && "path" in tmpForm ? tmpForm : undefined
  const formOfDns = dns !== undefined && "form" in dns ? dns.form : undefined
  return {
    memory: group !== undefined && "processesFile" in group ? group : undefined,
    descriptors: tooMany === undefined ? descriptors : undefined,
    tmpMegabytes: formOfTmp === undefined ? undefined : tmp,
    mounts: dns !== undefined && "mounts" in dns ? dns.mounts : [],
    form: formOfTmp ?? formOfDns,
    refusals
  }
})

/** The limits that this machine does not permit. Nothing is left of the attempt. */
export const refusalsOf = (limits: Limits): Effect.Effect<ReadonlyArray<Refusal>> =>
  Effect.scoped(
    Effect.map(
      Effect.flatMap(MountNamespace.ownPath, (path) => make(limits, path)),
      ({ refusals }) => refusals
    )
  )
