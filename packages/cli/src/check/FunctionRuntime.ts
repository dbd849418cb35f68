/**
 * The programs and libraries that the runtime of a function offers to an extension beside it.
 *
 * Sources: AWS's list of runtimes gives the Amazon Linux version of each. Its announcement of `provided.al2023` gives
 * glibc 2.34 and the minimal image. The base images that AWS publishes are, as AWS states, what functions run in.
 * None of it was looked up on a running function, so a program that is not known to be there counts as unknown, not as
 * missing.
 */
import * as Elf from "./Elf.ts"

type Image = "al2" | "al2023"

/**
 * A runtime identifier of Lambda, such as `nodejs24.x`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FunctionRuntime {
  readonly id: string
  readonly image: Image
  readonly language: string
  /** The number that tells versions apart: 24 of `nodejs24.x`, 13 of `python3.13`. */
  readonly version: number
}

interface Family {
  readonly pattern: RegExp
  /** The oldest version, and the first version that is based on Amazon Linux 2023. */
  readonly first: number
  readonly firstOnAl2023: number
  /** Programs in `/var/lang/bin`, which is on the PATH. */
  readonly commands: (version: number) => ReadonlyArray<string>
}

const families: Record<string, Family> = {
  node: { pattern: /^nodejs(\d+)\.x$/, first: 12, firstOnAl2023: 20, commands: () => ["node"] },
  python: {
    pattern: /^python3\.(\d+)$/,
    first: 8,
    firstOnAl2023: 12,
    commands: (version) => ["python3", `python3.${version}`]
  },
  java: { pattern: /^java(\d+)(?:\.al2)?$/, first: 8, firstOnAl2023: 21, commands: () => ["java"] },
  dotnet: { pattern: /^dotnet(\d+)$/, first: 6, firstOnAl2023: 8, commands: () => ["dotnet"] },
  ruby: { pattern: /^ruby3\.(\d+)$/, first: 2, firstOnAl2023: 3, commands: () => ["ruby"] }
}

const osOnly = new Map<string, Image>([
  ["provided.al2023", "al2023"],
  ["provided.al2", "al2"]
])

/**
 * Some of the identifiers that `parse` knows, for messages.
 *
 * @category constants
 * @since 0.1.0
 */
export const examples = "nodejs24.x, python3.13, java21, dotnet8, ruby3.4, provided.al2023, provided.al2"

/**
 * Reads an identifier of Lambda, also that of a new version of a known language.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (id: string): FunctionRuntime | undefined => {
  const image = osOnly.get(id)
  if (image !== undefined) return { id, image, language: "provided", version: 0 }
  for (const [language, family] of Object.entries(families)) {
    const version = Number(family.pattern.exec(id)?.[1])
    if (version >= family.first) {
      return { id, language, version, image: version >= family.firstOnAl2023 ? "al2023" : "al2" }
    }
  }
  return undefined
}

/**
 * The highest symbol versions of glibc and libstdc++ in an image.
 *
 * @category constants
 * @since 0.1.0
 */
export const libraries: Record<Image, { readonly name: string; readonly glibc: string; readonly libstdcxx: string }> = {
  al2: { name: "Amazon Linux 2", glibc: "2.26", libstdcxx: "3.4.24" },
  al2023: { name: "Amazon Linux 2023", glibc: "2.34", libstdcxx: "3.4.29" }
}

/** The libraries in both images: glibc with its parts, and those of the C++ compiler, which their package managers need. */
const sharedLibraries =
  /^(?:ld-linux-(?:x86-64|aarch64)|lib(?:c|m|dl|rt|pthread|util|resolv|gcc_s|stdc\+\+|z))\.so\.\d+$/

/**
 * Says whether a shared library is in every image of Lambda.
 *
 * @category accessors
 * @since 0.1.0
 */
export const hasLibrary = (name: string): boolean => sharedLibraries.test(name)

/** The programs in the minimal image of Amazon Linux 2023, and so in every larger image. */
const everywhere = new Set(["sh", "bash", "env", "cat", "echo", "sleep", "true"])

/** Matches the programs that are never in the image of another language. */
const languageCommands = /^(?:node|nodejs|python3?(?:\.\d+)?|java|ruby|dotnet)$/

/**
 * Says whether a program, named by its path or its name, is in the image of a runtime.
 *
 * @category accessors
 * @since 0.1.0
 */
export const hasProgram = (runtime: FunctionRuntime, program: string): "yes" | "no" | "unknown" => {
  const [, folder, name = ""] = /^(\/.*\/)?([^/]+)$/.exec(program) ?? []
  const isSystem = folder === undefined || folder === "/bin/" || folder === "/usr/bin/"
  if (isSystem && everywhere.has(name)) return "yes"
  const commands = families[runtime.language]?.commands(runtime.version) ?? []
  const isLanguage = folder === undefined || folder === "/var/lang/bin/"
  if (isLanguage && commands.includes(name)) return "yes"
  // The system itself may have a Python.
  const isSystemPython = name.startsWith("python") && (folder === "/usr/bin/" || runtime.image === "al2")
  return languageCommands.test(name) && !isSystemPython ? "no" : "unknown"
}

/**
 * Says whether the env of the image splits the words of `#!/usr/bin/env -S`. That needs coreutils 8.30; Amazon Linux 2 has
 * 8.22.
 *
 * @category accessors
 * @since 0.1.0
 */
export const splitsEnvArguments = (runtime: FunctionRuntime): boolean => runtime.image === "al2023"

/**
 * The version of a symbol family that a program needs and an image does not have.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lacks = (image: Image, elf: Elf.Elf): string | undefined => {
  const { glibc, libstdcxx } = libraries[image]
  for (const [family, has] of [
    ["GLIBC", glibc],
    ["GLIBCXX", libstdcxx]
  ] as const) {
    const needs = Elf.highest(elf.versions, family)
    if (needs !== undefined && Elf.compare(needs, has) > 0) return `${family}_${needs}`
  }
  return undefined
}
