/** Finds what is wrong with the LLRT of a layer, which is not started for that. */
import * as Llrt from "../layer/Llrt.ts"
import type { Finding, Layer } from "./Finding.ts"

const bytecodeOf = (name: string) => [`${name}/prelude.lrt`, `${name}/bundle.lrt`]

/** The files of a layer for LLRT, beside its entry. */
export const filesOf = (name: string): ReadonlyArray<string> => [
  Llrt.binaryOf(name),
  `${name}/index.mjs`,
  ...bytecodeOf(name),
  Llrt.pathOf(name)
]

/** Says whether the path is that of the LLRT that an entry starts. */
export const isBinary = (path: string, { entries }: Layer): boolean => {
  const name = /^([^/]+)\/bin\/llrt$/.exec(path)?.[1]
  return name !== undefined && entries.has(`extensions/${name}`)
}

/** Finds bytecode that this LLRT does not load, and an LLRT that is too old. All files are in the layer. */
export const find = (name: string, layer: Layer): ReadonlyArray<Finding> => {
  const read = (path: string) => layer.entries.get(path)?.read() ?? new Uint8Array()
  const binary = Llrt.binaryOf(name)
  const bytecode = bytecodeOf(name)
  const record = Llrt.fromText(Buffer.from(read(Llrt.pathOf(name))).toString())
  const version = Llrt.versionOf(read(binary))
  const advice = "take everything that effect-lambda build has written, or build again"
  const error = (path: string, message: string): Finding => ({ code: "llrt", severity: "error", path, message, advice })
  if (version === undefined) return [error(binary, "the file is no LLRT, and the entry starts it as one")]
  const noBytecode = bytecode.find((path) => !Llrt.isBytecode(read(path)))
  if (noBytecode !== undefined) return [error(noBytecode, "the file is no bytecode of LLRT")]
  if (record === undefined)
    return [error(Llrt.pathOf(name), "the file does not name the LLRT that the layer was built with")]
  if (record.version !== version) {
    return [
      error(
        `${name}/bundle.lrt`,
        `the bytecode was made by LLRT ${record.version}, and ${binary} is LLRT ${version}, which does not load it`
      )
    ]
  }
  const foreign = bytecode.find((path) => !Llrt.hasDictionary(read(path), read(binary)))
  if (foreign !== undefined) {
    return [
      error(
        foreign,
        `the bytecode was packed by another build of LLRT ${version} than ${binary}, which does not load it`
      )
    ]
  }
  const age = layer.target.now === undefined ? undefined : Llrt.ageOf(record, layer.target.now)
  if (age === undefined) return []
  return [
    {
      code: "llrt-age",
      severity: age.isKnown ? "warning" : "note",
      path: binary,
      message: age.message,
      advice: Llrt.ageAdvice
    }
  ]
}
