/**
 * Looks whether a file can be executed, before anything is spawned. Node's spawn hands a file that the kernel refuses
 * to a shell, and a shell makes something of nearly everything.
 */
import * as Fs from "node:fs"
import * as NodePath from "node:path"
import NodeProcess from "node:process"

/**
 * Says why a file cannot be executed: `message` is Lambda's text, `advice` says how to mend it, in a sentence or two.
 */
export interface LaunchProblem {
  readonly errorType: "PermissionDenied" | "UnknownError"
  readonly message: string
  readonly advice: string
}

export type LaunchCheck =
  | { readonly _tag: "Executable"; readonly file: string }
  | ({ readonly _tag: "Problem" } & LaunchProblem)

/** The kernel reads this much of a file to find its `#!` line or its header. */
const headBytes = 256

/** ELF `e_machine` of the processors Lambda has. */
const machines: Readonly<Record<string, { readonly machine: number; readonly name: string }>> = {
  x64: { machine: 62, name: "x86_64" },
  arm64: { machine: 183, name: "arm64" }
}

const machOMagic = new Set(["cffaedfe", "cafebabe"])

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined)

const readHead = (file: string): Buffer => {
  const descriptor = Fs.openSync(file, "r")
  try {
    const head = Buffer.alloc(headBytes)
    return head.subarray(0, Fs.readSync(descriptor, head, 0, headBytes, 0))
  } finally {
    Fs.closeSync(descriptor)
  }
}

const isExecutableFile = (file: string): boolean => {
  try {
    Fs.accessSync(file, Fs.constants.X_OK)
    return Fs.statSync(file).isFile()
  } catch {
    return false
  }
}

const permission = (file: string, advice: string): LaunchProblem => ({
  errorType: "PermissionDenied",
  message: `fork/exec ${file}: permission denied`,
  advice
})

const missing = (file: string, advice: string): LaunchProblem => ({
  errorType: "UnknownError",
  message: `fork/exec ${file}: no such file or directory`,
  advice
})

const format = (file: string, advice: string): LaunchProblem => ({
  errorType: "UnknownError",
  message: `fork/exec ${file}: exec format error`,
  advice
})

/** `hostPath` tells the path on this machine of the file that the process will see at a path. */
const scriptProblem = (file: string, head: Buffer, hostPath: (path: string) => string): LaunchProblem | undefined => {
  const text = head.toString("latin1")
  const end = text.indexOf("\n")
  const line = end === -1 ? text : text.slice(0, end)
  if (line.endsWith("\r")) {
    return missing(
      file,
      `The #! line of ${file} ends with CRLF, so the system looks for an interpreter whose name ends with a carriage return. Save the file with LF line endings.`
    )
  }
  const interpreter = line.slice(2).trim().split(/[ \t]/, 1)[0] ?? ""
  if (interpreter === "")
    return format(file, `The #! line of ${file} names no interpreter. Add one, such as #!/bin/sh.`)
  const found = hostPath(interpreter)
  if (isExecutableFile(found)) return undefined
  return Fs.existsSync(found)
    ? permission(
        file,
        `The interpreter ${interpreter} of ${file} is not executable. Name another interpreter in the #! line.`
      )
    : missing(file, `The interpreter ${interpreter} of ${file} does not exist. Install it, or correct the #! line.`)
}

const elfProblem = (file: string, head: Buffer): LaunchProblem | undefined => {
  const own = machines[NodeProcess.arch]
  if (own === undefined || head.length < 20) return undefined
  // Byte 5 tells the byte order; both processors of Lambda are little-endian.
  const machine = head[5] === 1 ? head.readUInt16LE(18) : head.readUInt16BE(18)
  if (machine === own.machine) return undefined
  return format(
    file,
    `${file} is built for another processor than the ${own.name} of this machine. Build it for this machine.`
  )
}

/** The loader that a program for 64 bits is linked with: its header of type 3, `PT_INTERP`. */
const readLoader = (file: string, head: Buffer): string | undefined => {
  if (head.length < 64 || head[4] !== 2 || head[5] !== 1) return undefined
  const descriptor = Fs.openSync(file, "r")
  const read = (position: number, bytes: number): Buffer => {
    const buffer = Buffer.alloc(bytes)
    return buffer.subarray(0, Fs.readSync(descriptor, buffer, 0, bytes, position))
  }
  try {
    const [begin, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)]
    if (size < 56) return undefined
    const headers = read(begin, size * count)
    for (let index = 0; (index + 1) * size <= headers.length; index++) {
      const at = index * size
      if (headers.readUInt32LE(at) !== 3) continue
      const length = Math.min(Number(headers.readBigUInt64LE(at + 32)), 4096)
      return read(Number(headers.readBigUInt64LE(at + 8)), length)
        .toString("latin1")
        .replace(/\0.*/s, "")
    }
    return undefined
  } finally {
    Fs.closeSync(descriptor)
  }
}

const loaderProblem = (
  file: string,
  found: string,
  head: Buffer,
  hostPath: (path: string) => string
): LaunchProblem | undefined => {
  const loader = readLoader(found, head)
  return loader === undefined || Fs.existsSync(hostPath(loader)) ? undefined : refusedBySystem(file, "ENOENT", "")
}

const fileProblem = (file: string, hostPath: (path: string) => string): LaunchProblem | undefined => {
  const found = hostPath(file)
  try {
    if (!Fs.statSync(found).isFile()) return permission(file, `${file} is not a file. Name the program itself.`)
    Fs.accessSync(found, Fs.constants.X_OK)
    const head = readHead(found)
    const magic = head.subarray(0, 4).toString("hex")
    if (magic.startsWith("2321")) return scriptProblem(file, head, hostPath)
    if (magic === "7f454c46") return elfProblem(file, head) ?? loaderProblem(file, found, head, hostPath)
    if (machOMagic.has(magic)) return undefined
    return format(
      file,
      `${file} begins neither with #! nor with the header of a program. Add a first line such as #!/usr/bin/env node, or build an executable.`
    )
  } catch (error) {
    if (codeOf(error) === "ENOENT") {
      return missing(
        file,
        found === file
          ? `No file at ${file}. Build it first, or correct the path.`
          : `${file} leads to ${found} on this machine, and no file is there. Correct the link, or build the file first.`
      )
    }
    const isOfLayer = file.startsWith("/opt/") && hostPath("/opt") !== "/opt"
    const remedy = isOfLayer ? " in the folder of which the layer is made" : `: chmod +x ${file}`
    return permission(file, `${file} is not executable. Set the x bit${remedy}`)
  }
}

/** The file that a name without a slash means, looked up as Lambda's exec would: in the PATH of the process to be. */
export const lookUp = (name: string, path: string, hostPath: (path: string) => string): string | undefined =>
  path
    .split(":")
    .filter((directory) => directory !== "")
    .map((directory) => NodePath.join(directory, name))
    .find((file) => isExecutableFile(hostPath(file)))

/**
 * Finds the file to execute and looks whether it can be.
 *
 * @param command a path, or a name without a slash, which is looked up in `path`
 * @param path the `PATH` of the process to be
 * @param hostPath tells the path on this machine of the file that the process will see at a path
 */
export const check = (command: string, path: string, hostPath: (path: string) => string): LaunchCheck => {
  const file = command.includes("/") ? command : lookUp(command, path, hostPath)
  if (file === undefined) {
    return {
      _tag: "Problem",
      errorType: "UnknownError",
      message: `exec: "${command}": executable file not found in $PATH`,
      advice: `There is no program ${command} in ${path}. Install it, or give its path.`
    }
  }
  const problem = fileProblem(file, hostPath)
  return problem === undefined ? { _tag: "Executable", file } : { _tag: "Problem", ...problem }
}

/** A failure that only the system could tell, such as a program whose loader is missing. */
export const refusedBySystem = (file: string, code: string, text: string): LaunchProblem => {
  switch (code) {
    case "ENOENT":
      return missing(file, `${file} exists, but the loader it is linked with does not. Build it for this system.`)
    case "EACCES":
      return permission(file, `The system does not permit ${file} to run. Look at the mount options of its directory.`)
    default:
      return { errorType: "UnknownError", message: `fork/exec ${file}: ${text}`, advice: `${file} did not start.` }
  }
}
