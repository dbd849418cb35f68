/** The programs without our library: plain Node, and what the compilers of this machine make. */
import { execFile } from "node:child_process"
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { packageFolder } from "../bundle.ts"
import { nodeEnv } from "../layer.ts"
import type { Program, Work } from "../platform.ts"
import type { FunctionOfRun } from "./first-invocation.ts"

const fixtures = join(packageFolder, "fixtures")
const native = join(fixtures, "native")
const run = promisify(execFile)

/** A file that is started by its first line, as Lambda does it. Its name ends in `.cjs`: the packages here are ES modules. */
const raw = async (folder: string, label: string): Promise<Program> => {
  const file = join(folder, "raw/extensions/raw.cjs")
  const text = await readFile(join(fixtures, "raw.cjs"), "utf8")
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text.replace(/^#!.*/, `#!${process.execPath}`))
  await chmod(file, 0o755)
  return { label, command: [file], env: nodeEnv, work: "logs" }
}

interface Source {
  readonly label: string
  /** The name of the program, and of its extension. */
  readonly name: string
  readonly compile: (file: string) => readonly [compiler: string, ...args: ReadonlyArray<string>]
  readonly env?: Readonly<Record<string, string>>
}

const c = (source: string) => (file: string) =>
  ["cc", "-O2", "-static", "-D_GNU_SOURCE", "-o", file, join(native, source)] as const

const sources = {
  go: {
    label: "Go",
    name: "go-client",
    compile: (file) => ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, join(native, "client.go")],
    // Without C, the program is static. The compiler is the one that is installed: none is downloaded.
    env: { CGO_ENABLED: "0", GOTOOLCHAIN: "local" }
  },
  rust: {
    label: "Rust",
    name: "rust-client",
    compile: (file) => {
      const options = ["opt-level=3", "strip=symbols", "target-feature=+crt-static"].flatMap((option) => ["-C", option])
      return ["rustc", "--edition", "2021", ...options, "-o", file, join(native, "client.rs")]
    }
  },
  c: { label: "C, static", name: "floor", compile: c("floor.c") },
  function: { label: "native function", name: "function", compile: c("function.c") }
} satisfies Record<string, Source>

/** The path of the program, or the sentence that says why there is none. */
const compiled = async (
  folder: string,
  source: Source,
  signal: AbortSignal
): Promise<{ readonly file: string } | string> => {
  const file = join(folder, source.name, "extensions", source.name)
  await mkdir(dirname(file), { recursive: true })
  const [compiler, ...args] = source.compile(file)
  console.error(`compiling ${source.label} …`)
  try {
    await run(compiler, args, { env: { ...process.env, ...source.env }, timeout: 300_000, signal })
    return { file }
  } catch (error) {
    signal.throwIfAborted()
    const said = String(Reflect.get(Object(error), "stderr") || Reflect.get(Object(error), "message"))
    return `There is no ${source.label} program: ${compiler} says "${said.trim().split("\n", 1)[0]}".`
  }
}

export interface Bare {
  /** The program that the others are compared with. */
  readonly raw: Program
  /** The same file under a second name: the distance of its ratios from 1 is the noise of the run. */
  readonly rawAgain: Program
  readonly go: Program | undefined
  readonly rust: Program | undefined
  readonly c: Program | undefined
  /** A custom runtime, in C or, where no compiler is found, in bash. */
  readonly nativeFunction: FunctionOfRun
  /** Sentences for programs that are left out, and why. */
  readonly notes: ReadonlyArray<string>
}

/**
 * Makes the programs without a library, and removes the files of an earlier run.
 *
 * @param folder the folder of the programs that this run makes
 * @param signal ends the compiler that is running
 */
export const bare = async (folder: string, signal: AbortSignal): Promise<Bare> => {
  await rm(folder, { recursive: true, force: true })
  const notes: Array<string> = []
  const extension = async (source: Source, work: Work): Promise<Program | undefined> => {
    const program = await compiled(folder, source, signal)
    if (typeof program !== "string") return { label: source.label, command: [program.file], env: nodeEnv, work }
    notes.push(program)
    return undefined
  }
  const own = await compiled(folder, sources.function, signal)
  return {
    raw: await raw(folder, "raw.cjs"),
    rawAgain: await raw(folder, "raw.cjs again"),
    go: await extension(sources.go, "logs"),
    rust: await extension(sources.rust, "logs"),
    c: await extension(sources.c, "nothing"),
    nativeFunction:
      typeof own === "string"
        ? { label: "bash function", options: { command: [join(native, "function.sh")] } }
        : { label: "native function", options: { command: [own.file] } },
    notes
  }
}
