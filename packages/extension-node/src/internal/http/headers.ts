/** The headers of an HTTP/1.1 message (RFC 9112), and the length of its body by them. */
import { isFieldValue, isToken } from "@effect-lambda/extension/ExtensionsProtocol"

/** The message is no HTTP, or two readers could understand it in two ways. The text leaves out its content. */
export class HttpError extends Error {
  /** The status of the answer if the message is a request. */
  readonly status: number

  constructor(message: string, status = 400) {
    super(message)
    this.status = status
  }
}

/**
 * The keys are names in lower case; the values of a header that came twice are joined with a comma. Those of `set-cookie`,
 * which have commas inside, are joined with a line feed, which no value has.
 */
export type Headers = ReadonlyMap<string, string>

const isSpace = (character: number) => character === 0x20 || character === 0x09

/** A part of a text. `trim` would take off the byte 0xA0 too, which is part of a value for other readers. */
const withoutSpace = (text: string, from = 0, to = text.length): string => {
  while (from < to && isSpace(text.charCodeAt(from))) from++
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

/** A text of bytes as a text that is a part of no longer one. */
export const copyOf = (text: string): string => Buffer.from(text, "latin1").toString("latin1")

/** Names of headers that were read, in lower case: a client sends the same ones again and again. */
const knownNames = /*#__PURE__*/ new Map<string, string>()
const mostNames = 64

/** The name of a header in lower case; `undefined` if no header can have it. */
const nameOf = (text: string): string | undefined => {
  const known = knownNames.get(text)
  if (known !== undefined) return known
  if (!isToken(text)) return undefined
  const name = text.toLowerCase()
  // A copy: the name is a part of the text of all the headers, which V8 would keep with it.
  if (text.length < mostNames && knownNames.size < mostNames) knownNames.set(copyOf(text), copyOf(name))
  return name
}

const unknownEncoding = () => new HttpError("the message comes in a transfer encoding that is not known")

/**
 * Adds the header of the line between two places of a text.
 *
 * @throws HttpError if the line is no header
 */
export const addHeader = (headers: Map<string, string>, text: string, from: number, to: number): void => {
  const colon = text.indexOf(":", from)
  const name = colon === -1 || colon >= to ? undefined : nameOf(text.slice(from, colon))
  const value = withoutSpace(text, colon + 1, to)
  if (name === undefined || !isFieldValue(value)) throw new HttpError("a header of the message is not HTTP")
  // Some readers take the tab for a part of the word `chunked`.
  if (name === "transfer-encoding" && text.slice(colon, to).includes("\t")) throw unknownEncoding()
  const known = headers.get(name)
  headers.set(name, known === undefined ? value : known + (name === "set-cookie" ? "\n" : ", ") + value)
}

/** These have no place after the body: another reader could take them for those of the message. */
const framing = new Set(["connection", "content-length", "transfer-encoding"])

/** @throws HttpError if the line is no header, or one of the framing */
export const checkTrailer = (line: string): void => {
  const trailers = new Map<string, string>()
  addHeader(trailers, line, 0, line.length)
  for (const name of trailers.keys()) {
    if (framing.has(name)) throw new HttpError(`the message has the header ${name} after its body`)
  }
}

/** Whether a header, which is a list, has the word. */
export const hasWord = (headers: Headers, name: string, word: string): boolean => {
  const value = headers.get(name)
  if (value === undefined) return false
  if (!value.includes(",")) return value.length === word.length && value.toLowerCase() === word
  return value
    .toLowerCase()
    .split(",")
    .some((each) => withoutSpace(each) === word)
}

/**
 * The length in bytes, or `chunks`; `undefined`: the headers do not say it.
 *
 * @throws HttpError unless the headers give the length of the body in exactly one way
 */
export const bodyLength = (headers: Headers): number | "chunks" | undefined => {
  const encoding = headers.get("transfer-encoding")
  const length = headers.get("content-length")
  if (length !== undefined && !/^\d+$/.test(length)) throw new HttpError("the message has no length that is a number")
  if (encoding === undefined) return length === undefined ? undefined : Number(length)
  if (length !== undefined) throw new HttpError("the message has a length and comes in chunks as well")
  if (encoding.toLowerCase() !== "chunked") throw unknownEncoding()
  return "chunks"
}
