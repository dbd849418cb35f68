/** Bytecode of QuickJS, as LLRT's compiler writes it, without the parts that only cost time at the start. */

/** The version of the format, which QuickJS writes first. */
const version = 21

/** The kinds of values, as QuickJS numbers them. Constants of a module are of no other kind. */
const tags = {
  null: 1,
  undefined: 2,
  false: 3,
  true: 4,
  int32: 5,
  float64: 6,
  string: 7,
  object: 8,
  array: 9,
  bigint: 10,
  template: 11,
  function: 12,
  module: 13
} as const

/** The flag of a function that has the places of its calls, and its source. */
const hasDebug = 1 << 11

/** An export of a module that is a variable of its own, and not that of another module. */
const localExport = 0

/** Walks through bytecode once, and keeps what is not left out. */
class Walk {
  readonly #bytes: Uint8Array
  readonly #kept: Array<Uint8Array> = []
  #at: number
  /** The first byte that is not in {@link #kept} so far. */
  #from = 0

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes
    this.#at = start
  }

  /** @throws Error if the bytes are no module in this format */
  module(keepsVariables: boolean): Uint8Array {
    if (this.#byte() !== version) throw new Error("it is of another version of QuickJS")
    this.#times(() => {
      // A name that every program of this version has is a number.
      if (this.#byte() === 0) this.#skip(4)
      else this.#string()
    })
    this.#value(keepsVariables)
    if (this.#at !== this.#bytes.length) throw new Error(`it ends at ${this.#at} of ${this.#bytes.length} bytes`)
    this.#keep()
    return Buffer.concat(this.#kept)
  }

  #keep() {
    this.#kept.push(this.#bytes.subarray(this.#from, this.#at))
    this.#from = this.#at
  }

  /** Puts a zero in the place of what `skip` passes. */
  #replaceByZero(skip: () => void) {
    this.#keep()
    skip()
    this.#kept.push(Buffer.of(0))
    this.#from = this.#at
  }

  #skip(length: number) {
    this.#at += length
    if (this.#at > this.#bytes.length) throw new Error("it is incomplete")
  }

  #byte(): number {
    this.#skip(1)
    return this.#bytes[this.#at - 1] ?? 0
  }

  /** A number of 7 bits in each byte, the lowest first. */
  #number(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }

  #numbers(count: number) {
    for (let at = 0; at < count; at++) this.#number()
  }

  /** Something that comes as often as the number before it says. */
  #times(one: () => void) {
    for (let left = this.#number(); left > 0; left--) one()
  }

  #string() {
    const length = this.#number()
    // The lowest bit says whether a character has two bytes.
    this.#skip((length >>> 1) * (1 + (length & 1)))
  }

  #value(keepsVariables: boolean): void {
    const value = () => this.#value(keepsVariables)
    const tag = this.#byte()
    switch (tag) {
      case tags.null:
      case tags.undefined:
      case tags.false:
      case tags.true:
        return
      case tags.int32:
        return void this.#number()
      case tags.float64:
        return this.#skip(8)
      case tags.string:
        return this.#string()
      case tags.object:
        return this.#times(() => {
          this.#number()
          value()
        })
      case tags.array:
        return this.#times(value)
      case tags.bigint:
        return this.#skip(this.#number())
      case tags.template:
        this.#times(value)
        return value()
      case tags.function:
        return this.#function(keepsVariables)
      case tags.module:
        return this.#moduleEntries(keepsVariables)
      default:
        throw new Error(`it has a value of the unknown kind ${tag} at ${this.#at}`)
    }
  }

  #function(keepsVariables: boolean) {
    const flags = this.#byte() | (this.#byte() << 8)
    this.#skip(1)
    // The name, and the sizes of what it needs when it is called.
    this.#numbers(5)
    const captured = this.#number()
    const constants = this.#number()
    const code = this.#number()
    const variables = () =>
      this.#times(() => {
        this.#numbers(3)
        this.#skip(1)
      })
    if (keepsVariables) variables()
    else this.#replaceByZero(variables)
    for (let at = 0; at < captured; at++) {
      this.#numbers(2)
      this.#skip(1)
    }
    for (let at = 0; at < constants; at++) this.#value(keepsVariables)
    this.#skip(code)
    if ((flags & hasDebug) === 0) return
    // The file, the line, the column, and the places of the calls, which stacks need.
    this.#numbers(3)
    this.#skip(this.#number())
    this.#replaceByZero(() => this.#skip(this.#number()))
  }

  #moduleEntries(keepsVariables: boolean) {
    this.#number()
    this.#times(() => void this.#number())
    this.#times(() => this.#numbers(this.#byte() === localExport ? 2 : 3))
    this.#times(() => void this.#number())
    this.#times(() => this.#numbers(3))
    this.#skip(1)
    this.#value(keepsVariables)
  }
}

/** A call of `eval` in the function that has it, which reads variables by their names. */
const evaluates = /\beval\b/

/**
 * Leaves out the source of each function, which only `toString` of the function gives, and the names of variables, which only
 * `eval` needs. Both are half of the bytecode, and each start reads all of it. Stacks keep their places.
 *
 * @param bytecode a module with a header before it
 * @param header the length of the header, which stays
 * @param source the text that was compiled
 * @throws Error if the bytecode is not in the format of LLRT's QuickJS
 */
export const stripped = (bytecode: Uint8Array, header: number, source: string): Uint8Array =>
  new Walk(bytecode, header).module(evaluates.test(source))
