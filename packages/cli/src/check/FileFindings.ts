/** Finds what is wrong with the content of a file anywhere in the layer. */
import * as NodePath from "node:path"
import * as Secrets from "../layer/Secrets.ts"
import * as Elf from "./Elf.ts"
import { type Finding, isExtensionPath, type Layer } from "./Finding.ts"
import * as FunctionRuntime from "./FunctionRuntime.ts"
import * as LlrtFindings from "./LlrtFindings.ts"

const isInNodeModules = (path: string) => /(?:^|\/)node_modules\//.test(path)

/** Matches the path of a build for one machine, in packages that hold builds for several. */
const namesMachine = /(?:x64|x86[_-]64|amd64|arm64|aarch64)/i

const shown = 10

const few = (names: ReadonlyArray<string>): string =>
  names.length <= shown
    ? names.join(", ")
    : `${names.slice(0, shown).join(", ")} and ${names.length - shown} more libraries`

const elfFindings = (path: string, elf: Elf.Elf, layer: Layer): ReadonlyArray<Finding> => {
  const { arch, runtimes } = layer.target
  // A program elsewhere may never be started.
  const isStarted = isExtensionPath(path) || LlrtFindings.isBinary(path, layer)
  if (elf.machine !== arch && arch !== undefined && (isStarted || !namesMachine.test(path))) {
    const message = `the program is built for ${elf.machine}, and the layer is for ${arch}`
    return [
      { code: "architecture", severity: "error", path, message, advice: `put the ${arch} build there, or say --arch` }
    ]
  }
  if (elf.interpreter?.includes("musl") === true) {
    const message = `the program is linked with musl: ${elf.interpreter} is in no function`
    return [
      { code: "libc", severity: "error", path, message, advice: "link it statically, or build it on Amazon Linux" }
    ]
  }
  if (elf.isCutOff) {
    const message = `the program ${Elf.cutOff}`
    return [
      {
        code: "damaged",
        severity: isStarted ? "error" : "warning",
        path,
        message,
        advice: "put the whole program there"
      }
    ]
  }
  const findings: Array<Finding> = []
  const images = runtimes.length === 0 ? (["al2023"] as const) : new Set(runtimes.map(({ image }) => image))
  for (const image of images) {
    const symbol = FunctionRuntime.lacks(image, elf)
    if (symbol === undefined) continue
    const { glibc, libstdcxx, name } = FunctionRuntime.libraries[image]
    const users = runtimes.filter((runtime) => runtime.image === image).map(({ id }) => id)
    findings.push({
      code: "libc",
      severity: LlrtFindings.isBinary(path, layer) || (isStarted && users.length > 0) ? "error" : "warning",
      path,
      message:
        `the program needs ${symbol}, and ${name}${users.length === 0 ? "" : ` (${users.join(", ")})`} ` +
        `has glibc ${glibc} and GLIBCXX ${libstdcxx}`,
      advice: "build it on that system or an older one, or link it statically"
    })
  }
  const missing = elf.needed.filter((library) => !FunctionRuntime.hasLibrary(library) && !layer.names.has(library))
  if (missing.length > 0) {
    findings.push({
      code: "library",
      severity: "warning",
      path,
      message: `the program needs ${few(missing)}, which is not in the layer and not known to be in every function`,
      advice: "put it into lib/, or link it statically"
    })
  }
  return findings
}

/** Matches static imports only: a module that is loaded on demand costs nothing at the start. */
const importsHttp =
  /(?:^|[;}\n])\s{0,20}(?:import|export)\s*(?:[\w$*{][^"';()]{0,500}?\bfrom\s*|[*{][^"';()]{0,500}?\bfrom\s*)?["'](node:https?|https?|undici)["']/

const importFindings = (path: string, bytes: Uint8Array): ReadonlyArray<Finding> => {
  const isScript = /\.(?:m?js|m?ts)$/.test(path) || (isExtensionPath(path) && !path.includes("."))
  if (!isScript || isInNodeModules(path)) return []
  const name = importsHttp.exec(Buffer.from(bytes).toString("latin1"))?.[1]
  if (name === undefined) return []
  return [
    {
      code: "esm-http",
      severity: "warning",
      path,
      message: `the ES module imports ${name}, which on Node 22 and newer takes 30 to 40 ms of every cold start`,
      advice: 'bundle to CommonJS, or take it from process.getBuiltinModule("node:http")'
    }
  ]
}

const placeOf = (bytes: Uint8Array, offset: number): string => {
  const isBinary = bytes.subarray(0, 8192).includes(0)
  if (isBinary) return `at byte ${offset}`
  let line = 1
  let begin = 0
  for (let at = bytes.indexOf(10); at !== -1 && at < offset; at = bytes.indexOf(10, at + 1)) {
    line++
    begin = at + 1
  }
  return `at ${line}:${offset - begin + 1}`
}

const secretFindings = (path: string, bytes: Uint8Array): ReadonlyArray<Finding> => {
  const name = NodePath.posix.basename(path)
  if (/^\.env(?:\.|$)/.test(name) && !/example|sample|template/.test(name) && bytes.includes(0x3d)) {
    return [
      {
        code: "secret",
        severity: "error",
        path,
        message: "the file holds the settings of somebody's machine; everybody who may use the layer can read it",
        advice: "remove it; give values by the function's environment or Secrets Manager"
      }
    ]
  }
  const kinds = new Map<string, { readonly first: Secrets.Secret; readonly count: number }>()
  for (const secret of Secrets.find(bytes)) {
    if (!secret.isCertain && isInNodeModules(path)) continue
    const known = kinds.get(secret.kind)
    kinds.set(secret.kind, { first: known?.first ?? secret, count: (known?.count ?? 0) + 1 })
  }
  return Array.from(kinds, ([kind, { count, first }]) => ({
    code: "secret",
    severity: first.isCertain ? "error" : "warning",
    path,
    message:
      `${first.isCertain ? "the file holds" : "the file seems to hold"} ${kind} ${placeOf(bytes, first.offset)}` +
      `${count === 1 ? "" : ` and ${count - 1} more`}; everybody who may use the layer can read it`,
    advice: first.isCertain
      ? "revoke it, then remove it; give secrets by Secrets Manager or the function's environment"
      : "if it is one: revoke it, then remove it"
  }))
}

/**
 * Finds everything that is wrong with the content of a file.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = (path: string, bytes: Uint8Array, layer: Layer): ReadonlyArray<Finding> => {
  const elf = Elf.parse(bytes)
  return [
    ...(elf === undefined ? [] : elfFindings(path, elf, layer)),
    ...importFindings(path, bytes),
    ...secretFindings(path, bytes)
  ]
}
