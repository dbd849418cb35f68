/** Finds what keeps Lambda from starting a file of `extensions/`. */
import * as NodePath from "node:path"
import * as Elf from "./Elf.ts"
import type { Finding, Layer } from "./Finding.ts"
import * as FunctionRuntime from "./FunctionRuntime.ts"
import * as LlrtFindings from "./LlrtFindings.ts"

const byteOrderMark = "\u00ef\u00bb\u00bf"

/** The first bytes of programs for other systems. */
const foreign = new Map([
  ["cffaedfe", "macOS"],
  ["feedfacf", "macOS"],
  ["cafebabe", "macOS"]
])

const systemOf = (bytes: Uint8Array): string | undefined =>
  bytes[0] === 0x4d && bytes[1] === 0x5a ? "Windows" : foreign.get(Buffer.from(bytes.subarray(0, 4)).toString("hex"))

interface Shebang {
  /** The programs that must be there: absolute paths, or names on the PATH. */
  readonly programs: ReadonlyArray<string>
  readonly usesSplit: boolean
  readonly problem: string | undefined
}

const shebangOf = (line: string): Shebang => {
  const text = line.startsWith("#!") ? line.slice(2).trim() : ""
  const [interpreter = ""] = text.split(/\s/, 1)
  const rest = text.slice(interpreter.length).trim()
  const shebang = { programs: [interpreter], usesSplit: false }
  if (!interpreter.startsWith("/")) {
    return {
      ...shebang,
      problem: `${JSON.stringify(interpreter)} is not an absolute path, and Linux looks nowhere else`
    }
  }
  if (NodePath.posix.basename(interpreter) !== "env") return { ...shebang, problem: undefined }
  const words = rest.split(/\s+/)
  const usesSplit = words[0]?.startsWith("-S") === true || words[0] === "--split-string"
  const command = words.find((word) => word !== "" && !word.startsWith("-") && !word.includes("="))
  if (command === undefined) return { ...shebang, problem: "env is not told what to run" }
  return {
    programs: [interpreter, command],
    usesSplit,
    problem:
      words.length > 1 && !usesSplit
        ? `Linux hands everything after env over as one word, so env looks for a program named ${JSON.stringify(rest)}`
        : undefined
  }
}

const representatives = FunctionRuntime.examples.split(", ").flatMap((id) => FunctionRuntime.parse(id) ?? [])

const listOf = (runtimes: ReadonlyArray<FunctionRuntime.FunctionRuntime>) => runtimes.map(({ id }) => id).join(", ")

/** Says whether a program is there when Lambda starts the extension. */
const programFindings = (path: string, program: string, layer: Layer, advice: string): ReadonlyArray<Finding> => {
  if (program.startsWith("/opt/")) {
    if (layer.entries.has(program.slice("/opt/".length))) return []
    const message = `the script runs with ${program}, which is not in this layer`
    return [
      {
        code: "interpreter",
        severity: "warning",
        path,
        message,
        advice: "add the program, or use this layer together with the layer that has it"
      }
    ]
  }
  if (!program.includes("/") && layer.entries.has(`bin/${program}`)) return []
  const { runtimes } = layer.target
  const asked = runtimes.length === 0 ? representatives : runtimes
  const without = asked.filter((runtime) => FunctionRuntime.hasProgram(runtime, program) === "no")
  const unsure = asked.filter((runtime) => FunctionRuntime.hasProgram(runtime, program) === "unknown")
  if (runtimes.length === 0 && unsure.length < asked.length) {
    return without.length === 0
      ? []
      : [
          {
            code: "interpreter",
            severity: "note",
            path,
            message: `the script runs with ${program}, which not every function has: not ${listOf(without)}, for example`,
            advice: "name the functions with --function-runtime to have it checked"
          }
        ]
  }
  return [
    ...(without.length === 0
      ? []
      : [
          {
            code: "interpreter",
            severity: "error" as const,
            path,
            message: `the script runs with ${program}, which functions of ${listOf(without)} do not have`,
            advice
          }
        ]),
    ...(unsure.length === 0
      ? []
      : [
          {
            code: "interpreter",
            severity: "warning" as const,
            path,
            message: `the script runs with ${program}, which is not known to be in functions of ${listOf(unsure)}`,
            advice: "run the image of the function (public.ecr.aws/lambda) and look, or bring it along in bin/"
          }
        ])
  ]
}

const permissionFinding = (path: string, mode: number | undefined): Finding => ({
  code: "not-executable",
  severity: "error",
  path,
  message:
    mode === undefined
      ? "the zip has no Unix permissions, so Lambda cannot start the file (PermissionDenied)"
      : `the mode ${mode.toString(8)} does not let Lambda's user read and execute the file (PermissionDenied)`,
  advice:
    mode === undefined
      ? "zip on Linux or macOS, or with a tool that writes Unix permissions; Windows' own tools do not"
      : `chmod 755 ${path}, then zip again`
})

/** Matches a name that a script states in its source; a computed name cannot be seen. */
const literalName = /Lambda-Extension-Name(?:["']\s*[:,=]\s*["']|:\s*)([\w.-]+)["']/i

const stubMarker = "EFFECT_LAMBDA_EXTENSION_NAME"

/** Matches the name as `Stub.ts` writes it. */
const stubName = /was built as "'([^']+)'"/
const bundledNode = '"$2/bin/node"'
const bunProgram = 'exec "$2/bin/"'
const llrtProgram = 'exec "$2/bin/llrt"'

/** The files that the stub of a layer starts, and that they need. */
const programOf = (name: string, text: string): ReadonlyArray<string> => {
  if (text.includes(bunProgram)) return [`${name}/bin/${name}`]
  if (text.includes(llrtProgram)) return LlrtFindings.filesOf(name)
  const node = text.includes(bundledNode) ? [`${name}/bin/node`] : []
  return [`${name}/index.cjs`, `${name}/bundle.cjs`, ...node]
}

/** Checks the stub of a layer that `effect-lambda build` has made: its program, its name, and its runtime. */
const stubFindings = (path: string, text: string, layer: Layer): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const file = NodePath.posix.basename(path)
  const name = stubName.exec(text)?.[1] ?? file
  if (name !== file) {
    findings.push({
      code: "name",
      severity: "warning",
      path,
      message:
        `the extension was built as ${JSON.stringify(name)} and registers as ${JSON.stringify(file)}, ` +
        "the name of its file, and logs that at every start",
      advice: `rename the file to ${name}, or build it as ${file}`
    })
  }
  const program = programOf(name, text)
  const missing = program.filter((file) => !layer.entries.has(file))
  if (missing.length > 0) {
    findings.push({
      code: "incomplete",
      severity: "error",
      path,
      message: `the stub starts a program that is not in the layer: ${missing.join(", ")}`,
      advice: "take everything that effect-lambda build has written"
    })
  }
  for (const file of program) {
    const mode = layer.entries.get(file)?.mode
    const mustRun = file.startsWith(`${name}/bin/`) && !missing.includes(file)
    if (mustRun && (mode === undefined || (mode & 0o001) === 0)) findings.push(permissionFinding(file, mode))
  }
  if (text.includes(llrtProgram) && missing.length === 0) findings.push(...LlrtFindings.find(name, layer))
  const { runtimes } = layer.target
  if (program.length === 2 && runtimes.length > 0) {
    const advice = "build the layer with --runtime auto, which brings a Node along"
    findings.push(...programFindings(path, "/var/lang/bin/node", layer, advice))
    const old = runtimes.filter(({ language, version }) => language === "node" && version < 22)
    if (old.length > 0) {
      const message = `the extension needs Node 22.19 or newer, and functions of ${listOf(old)} have an older one`
      findings.push({ code: "interpreter", severity: "error", path, message, advice })
    }
  }
  return findings
}

const scriptFindings = (path: string, text: string, layer: Layer): ReadonlyArray<Finding> => {
  // Linux looks at the first 256 bytes.
  const [line = ""] = text.slice(0, 256).split("\n", 1)
  const shebang = shebangOf(line)
  const findings: Array<Finding> = []
  const crlf = line.endsWith("\r")
    ? `the first line ends in CR LF, so Linux looks for ${JSON.stringify(`${shebang.programs[0]}\r`)}`
    : /\/(?:ba|da)?sh$/.test(shebang.programs.at(-1) ?? "") && text.includes("\r\n")
      ? "the lines end in CR LF, and a shell takes the CR for a part of every command"
      : undefined
  if (crlf !== undefined) {
    findings.push({
      code: "crlf",
      severity: "error",
      path,
      message: crlf,
      advice: "save it with LF line ends (.gitattributes: eol=lf)"
    })
  }
  if (shebang.problem !== undefined) {
    const advice = "write #!/bin/bash, or #!/usr/bin/env with one word"
    return [
      ...findings,
      { code: "shebang", severity: "error", path, message: `the first line is wrong: ${shebang.problem}`, advice }
    ]
  }
  const withoutSplit = layer.target.runtimes.filter((runtime) => !FunctionRuntime.splitsEnvArguments(runtime))
  if (shebang.usesSplit && withoutSplit.length > 0) {
    const message = `the env of ${listOf(withoutSplit)} (Amazon Linux 2) does not know -S`
    findings.push({ code: "shebang", severity: "error", path, message, advice: "start it from a bash script instead" })
  }
  for (const program of shebang.programs) {
    findings.push(
      ...programFindings(
        path,
        program,
        layer,
        "bring the interpreter along in the layer's bin/, or use a native program"
      )
    )
  }
  if (text.includes(stubMarker)) findings.push(...stubFindings(path, text, layer))
  else {
    const name = literalName.exec(text)?.[1]
    const file = NodePath.posix.basename(path)
    if (name !== undefined && name !== file) {
      findings.push({
        code: "name",
        severity: "error",
        path,
        message:
          `the script registers as ${JSON.stringify(name)}, but Lambda knows it by the name of its file: ` +
          `init would wait for ${JSON.stringify(file)} until its time limit`,
        advice: `rename the file to ${name}, or register with the name of the file`
      })
    }
  }
  return findings
}

/**
 * Finds everything that is wrong with a file that Lambda will start.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (
  path: string,
  mode: number | undefined,
  bytes: Uint8Array,
  layer: Layer
): ReadonlyArray<Finding> => {
  const start = Buffer.from(bytes.subarray(0, 5)).toString("latin1")
  const hasMark = start.startsWith(byteOrderMark)
  const isScript = start.startsWith("#!") || (hasMark && start.endsWith("#!"))
  const isExecutable = mode !== undefined && (mode & 0o001) !== 0
  const system = systemOf(bytes)
  if (!isScript && !Elf.isElf(bytes)) {
    if (system !== undefined) {
      const message = `the file is a program for ${system}`
      return [
        { code: "architecture", severity: "error", path, message, advice: "build it for Linux (with Go: GOOS=linux)" }
      ]
    }
    return [
      {
        code: "extra-file",
        severity: "error",
        path,
        message: "Lambda starts every file in extensions/, and this is neither a program nor a script with a #! line",
        advice: isExecutable
          ? "begin it with #! and its interpreter, or move it out of extensions/"
          : "move it out of extensions/"
      }
    ]
  }
  const findings: Array<Finding> = []
  if (!isExecutable || (isScript && (mode & 0o005) !== 0o005)) findings.push(permissionFinding(path, mode))
  if (hasMark) {
    const message = "a byte order mark is before #!, so Linux does not see that the file is a script"
    findings.push({ code: "bom", severity: "error", path, message, advice: "save it as UTF-8 without BOM" })
  }
  if (isScript) {
    const text = Buffer.from(bytes)
      .toString("utf8")
      .replace(/^\uFEFF/, "")
    findings.push(...scriptFindings(path, text, layer))
  }
  return findings
}
