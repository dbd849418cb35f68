/** LLRT, built by cargo from the sources that the repository names. */
import { execFileSync, spawn } from "node:child_process"
import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { createInterface } from "node:readline"
import { version } from "../../cli/src/layer/Llrt.ts"
import { BuildFailed, features, sources, updates } from "./crate.ts"

/** Declares to the compilers of C the functions of the oldest glibc that Lambda has. */
const header = join(import.meta.dirname, "old-glibc.h")

/** A function of C that takes the place of one in the C library, since LLRT ends the process otherwise. */
const peer = join(import.meta.dirname, "peer.c")

/** Optimized as one program, the binary is a fifth smaller, and starts sooner in less memory. The build takes longer. */
const profile = {
  CARGO_PROFILE_RELEASE_STRIP: "symbols",
  CARGO_PROFILE_RELEASE_LTO: "fat",
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "1"
}

/** What decides what the binary is, beside its version and the processor. */
export const recipe = (): string =>
  JSON.stringify([features, updates, profile, ...[header, peer].map((file) => readFileSync(file, "utf8"))])

/** The processors that binaries are built for, with the names that Rust and the compilers of GNU give them. */
export const targets = {
  x64: { rust: "x86_64-unknown-linux-gnu", gnu: "x86_64-linux-gnu" },
  arm64: { rust: "aarch64-unknown-linux-gnu", gnu: "aarch64-linux-gnu" }
} as const

export type Architecture = keyof typeof targets

/** The flags and variables with which cargo builds for another processor than that of this machine. */
const crossing = (arch: Architecture) => {
  if (arch === process.arch) return { flags: [], variables: {} }
  const { gnu, rust } = targets[arch]
  const linker = `CARGO_TARGET_${rust.toUpperCase().replaceAll("-", "_")}_LINKER`
  return { flags: ["--target", rust], variables: { [linker]: `${gnu}-gcc` } }
}

/** Compiles the function, and gives the flags with which rustc links it, beside those of the user. */
const linkPeer = (arch: Architecture, target: string): string => {
  const object = join(target, `peer-${arch}.o`)
  const compiler = arch === process.arch ? "cc" : `${targets[arch].gnu}-gcc`
  mkdirSync(target, { recursive: true })
  try {
    execFileSync(compiler, ["-O2", "-fPIC", "-c", peer, "-o", object], { encoding: "utf8", stdio: "pipe" })
  } catch (cause) {
    throw new BuildFailed(`${compiler} cannot compile a file in C: ${cause instanceof Error ? cause.message : cause}`)
  }
  const { CARGO_ENCODED_RUSTFLAGS: encoded, RUSTFLAGS: plain = "" } = process.env
  const own = encoded?.split(separator) ?? plain.split(" ")
  return [...own.filter((flag) => flag !== ""), "-C", `link-arg=${object}`].join(separator)
}

/** Stands between the flags in `CARGO_ENCODED_RUSTFLAGS`, whose paths may have spaces. */
const separator = "\x1f"

export interface BuildOptions {
  readonly arch: Architecture
  /** The folder that gets `bin/llrt`. It is removed if the build fails. */
  readonly root: string
  /** The folder of what is compiled so far. A build that was interrupted goes on from there. */
  readonly target: string
  /** Called when cargo begins another crate. */
  readonly onProgress: (crate: number, of: number) => void
}

const keptLines = 25

/** Builds `bin/llrt` below `root`, and ends cargo if this process is asked to end. */
export const build = ({ arch, onProgress, root, target }: BuildOptions): Promise<string> =>
  new Promise((resolve, reject) => {
    const { flags, variables } = crossing(arch)
    const flagsOfRustc = linkPeer(arch, target)
    const choice = ["--path", sources(), "--locked", "--no-default-features", "-F", features.join(), ...flags]
    const child = spawn("cargo", ["install", ...choice, "--root", root], {
      env: {
        ...process.env,
        ...profile,
        ...variables,
        CFLAGS: `-include ${header}`,
        CARGO_ENCODED_RUSTFLAGS: flagsOfRustc,
        CARGO_TARGET_DIR: target,
        CARGO_TERM_COLOR: "never",
        // The bar is the only place that tells how many crates there are. Cargo writes one to a pipe only if it is told to.
        CARGO_TERM_PROGRESS_WHEN: "always",
        CARGO_TERM_PROGRESS_WIDTH: "100"
      },
      stdio: ["ignore", "ignore", "pipe"],
      // A group of processes, so that the compilers end with cargo.
      detached: true
    })
    const said: Array<string> = []
    // A bar ends with a carriage return.
    createInterface({ input: child.stderr, crlfDelay: Infinity }).on("line", (line) => {
      const [, crate, of] = /Building \[[=> ]*\] (\d+)\/(\d+)/.exec(line) ?? []
      if (crate !== undefined) return onProgress(Number(crate), Number(of))
      if (/^ *(Building|Fetch) \[/.test(line)) return
      said.push(line)
      if (said.length > keptLines) said.shift()
    })
    let failure: string | undefined
    const end = (signal: NodeJS.Signals) => {
      failure = `${signal} ended the build of LLRT; the next one goes on from what is compiled`
      if (child.pid !== undefined) process.kill(-child.pid, signal)
    }
    process.on("SIGINT", end).on("SIGTERM", end)
    const settle = (message: string | undefined) => {
      process.off("SIGINT", end).off("SIGTERM", end)
      if (message === undefined) return resolve(join(root, "bin/llrt"))
      rmSync(root, { recursive: true, force: true })
      return reject(new BuildFailed(message))
    }
    child.once("error", (cause) => settle(`cargo cannot be started: ${cause.message}`))
    child.once("close", (code) => {
      if (code === 0) return settle(undefined)
      return settle(failure ?? `cargo could not build LLRT ${version}:\n${said.join("\n")}`)
    })
  })
