/** The parts of a native program that Lambda's dynamic linker looks at: machine, interpreter, libraries, versions. */

/**
 * The part of an ELF file that decides whether it starts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Elf {
  /** `x64`, `arm64`, or the number of another machine. */
  readonly machine: string
  /** The dynamic linker, such as `/lib64/ld-linux-x86-64.so.2`; none in a static program or a library. */
  readonly interpreter: string | undefined
  /** The libraries that it is linked with. */
  readonly needed: ReadonlyArray<string>
  /** The symbol versions that it needs, such as `GLIBC_2.28`. */
  readonly versions: ReadonlyArray<string>
  /** Whether the file ends before the parts that it says it has. Linux may start such a program, and then it crashes. */
  readonly isCutOff: boolean
}

/** What is wrong with a file that is cut off: the end of a sentence about it. */
export const cutOff = "is cut off: the file ends before the parts that it says it has"

const machines = new Map([
  [62, "x64"],
  [183, "arm64"]
])

const loadSegment = 1
const dynamicSegment = 2
const interpreterSegment = 3
const neededTag = 1
const stringTableTag = 5
const versionTag = 0x6f_ff_ff_fe

/** Far more than any program needs, so that a broken file costs little time. */
const maxLibraries = 1000
const maxVersions = 10_000

/** In bytes: the longest name of a file and the longest path that Linux has. */
const longestName = 256
const longestPath = 4096

export const isElf = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46

const segmentsOf = (view: DataView) => {
  const number = (at: number) => Number(view.getBigUint64(at, true))
  const header = number(32)
  const size = view.getUint16(54, true)
  return Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = header + index * size
    return { type: view.getUint32(at, true), offset: number(at + 8), address: number(at + 16), bytes: number(at + 32) }
  })
}

type Segments = ReturnType<typeof segmentsOf>

const linkage = (bytes: Uint8Array, view: DataView, segments: Segments) => {
  const text = (at: number, longest = longestName): string => {
    const end = bytes.subarray(at, at + longest).indexOf(0)
    if (end === -1) throw new RangeError("a string without an end")
    return Buffer.from(bytes.subarray(at, at + end)).toString("latin1")
  }
  const offset = (at: number) => Number(view.getBigUint64(at, true))

  const inFile = (address: number): number => {
    const segment = segments.find(
      (it) => it.type === loadSegment && address >= it.address && address < it.address + it.bytes
    )
    if (segment === undefined) throw new RangeError("an address outside of every segment")
    return address - segment.address + segment.offset
  }

  const interpreter = segments.find(({ type }) => type === interpreterSegment)
  const dynamic = segments.find(({ type }) => type === dynamicSegment)
  const needed: Array<number> = []
  const values = new Map<number, number>()
  if (dynamic !== undefined) {
    for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.bytes; at += 16) {
      const tag = offset(at)
      if (tag === 0) break
      if (tag === neededTag) needed.push(offset(at + 8))
      if (needed.length > maxLibraries) throw new RangeError("too many libraries")
      if (tag === stringTableTag || tag === versionTag) values.set(tag, offset(at + 8))
    }
  }
  const strings = values.get(stringTableTag)
  const table = strings === undefined ? 0 : inFile(strings)
  const versions: Array<string> = []
  // A chain of libraries, each with a chain of versions; an offset of 0 ends a chain.
  const chain = values.get(versionTag)
  for (let at = chain === undefined ? 0 : inFile(chain), next = at; next !== 0; at += next) {
    let name = at + view.getUint32(at + 8, true)
    for (let step = name; step !== 0; name += step) {
      versions.push(text(table + view.getUint32(name + 8, true)))
      if (versions.length > maxVersions) throw new RangeError("too many versions")
      step = view.getUint32(name + 12, true)
    }
    next = view.getUint32(at + 12, true)
  }
  return {
    interpreter: interpreter === undefined ? undefined : text(interpreter.offset, longestPath),
    needed: needed.map((at) => text(table + at)),
    versions
  }
}

/**
 * Reads an ELF file. If it is cut off or not of 64 bits, the result has only the machine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (bytes: Uint8Array): Elf | undefined => {
  if (!isElf(bytes) || bytes.length < 20) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isLittleEndian = bytes[5] === 1
  const number = view.getUint16(18, isLittleEndian)
  const machine = machines.get(number) ?? `ELF machine ${number}`
  const unknown: Elf = { machine, interpreter: undefined, needed: [], versions: [], isCutOff: false }
  if (bytes[4] !== 2 || !isLittleEndian) return unknown
  try {
    const segments = segmentsOf(view)
    const isCutOff = segments.some((it) => it.type === loadSegment && it.offset + it.bytes > bytes.length)
    return isCutOff ? { ...unknown, isCutOff } : { machine, isCutOff, ...linkage(bytes, view, segments) }
  } catch {
    return unknown
  }
}

/**
 * The highest version of a family among symbol versions: of `GLIBC_2.17` and `GLIBC_2.28` the numbers 2 and 28.
 *
 * @category accessors
 * @since 0.1.0
 */
export const highest = (versions: ReadonlyArray<string>, family: string): string | undefined =>
  versions
    .filter((version) => new RegExp(`^${family}_[0-9.]+$`).test(version))
    .map((version) => version.slice(family.length + 1))
    .toSorted(compare)
    .at(-1)

/**
 * Orders dotted version numbers.
 *
 * @category accessors
 * @since 0.1.0
 */
export const compare = (left: string, right: string): number => left.localeCompare(right, "en", { numeric: true })
