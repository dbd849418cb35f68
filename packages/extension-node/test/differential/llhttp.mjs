/** The parser of `node:http`, llhttp, without a server around it. */
import process from "node:process"

const { HTTPParser, methods } = process.getBuiltinModule("_http_common")

const statuses = { HPE_HEADER_OVERFLOW: 431, HPE_CHUNK_EXTENSIONS_OVERFLOW: 413 }

/** Reads the pieces as the server of `node:http` does, with its limits; after the last piece the client ends. */
export const readByLlhttp = (pieces) => {
  const requests = []
  const answers = []
  let request
  let isOpen = true
  let isUpgrade = false
  const parser = new HTTPParser()
  parser.initialize(HTTPParser.REQUEST, {}, 16_384, 0)
  // With many headers the target comes with the first of them.
  let early = { headers: [], target: "" }
  const forget = () => void (early = { headers: [], target: "" })
  parser[HTTPParser.kOnHeaders] = (headers, target) => {
    early = { headers: [...early.headers, ...headers], target: early.target + target }
  }
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, headers, method, target, status, reason, upgrade, keeps) => {
    const all = [...early.headers, ...(headers ?? [])]
    const words = all.filter((_, index) => /^connection$/i.test(all[index - 1])).join(",")
    // llhttp keeps a connection of HTTP/1.0 that asks for both. RFC 9112, 9.3 closes it, as we do.
    const isKept = keeps && !(minor === 0 && /(^|,)[ \t]*close[ \t]*(,|$)/i.test(words))
    // QUERY is the only method behind those of other protocols, which the list leaves out.
    request = { method: methods[method] ?? "QUERY", target: early.target + (target ?? ""), body: [], isKept }
    forget()
    isUpgrade ||= upgrade
    return request.method === "CONNECT" ? 2 : 0
  }
  parser[HTTPParser.kOnBody] = (bytes) => void request.body.push(Buffer.from(bytes))
  parser[HTTPParser.kOnMessageComplete] = () => {
    const { body, isKept, method, target } = request
    request = undefined
    forget()
    if (!isOpen) return
    requests.push([method, target, Buffer.concat(body).toString("latin1")])
    answers.push(200)
    if (!isKept || method === "CONNECT") isOpen = false
  }
  const refuse = (error) => {
    if (!isOpen || !(error instanceof Error)) return
    answers.push(statuses[error.code] ?? 400)
    isOpen = false
  }
  for (const piece of pieces) {
    if (isOpen) refuse(parser.execute(piece))
  }
  if (isOpen) refuse(parser.finish())
  parser.close()
  return { requests, answers, isUpgrade }
}

/**
 * Reads the pieces as the client of `node:http` does, for a request of this method. After the last piece the server ends,
 * unless the connection stays open.
 */
export const readAnswerByLlhttp = (pieces, method, isOpen) => {
  let head
  let answer
  let isUpgrade = false
  let hasFailed = false
  const body = []
  const parser = new HTTPParser()
  parser.initialize(HTTPParser.RESPONSE, {}, 16_384, 0)
  let early = []
  parser[HTTPParser.kOnHeaders] = (headers) => {
    early = [...early, ...headers]
  }
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, headers, _, __, status, ___, upgrade) => {
    const pairs = [...early, ...(headers ?? [])]
    early = []
    // Bytes behind the answer may look like another one.
    if (answer !== undefined) return 0
    isUpgrade ||= upgrade || status === 101
    if (status >= 200) head = { status, pairs }
    return status < 200 || method === "HEAD" ? 1 : 0
  }
  parser[HTTPParser.kOnBody] = (bytes) => {
    if (head !== undefined && answer === undefined) body.push(Buffer.from(bytes))
  }
  parser[HTTPParser.kOnMessageComplete] = () => {
    early = []
    if (head === undefined || answer !== undefined) return
    const headers = {}
    for (let index = 0; index < head.pairs.length; index += 2) {
      const name = head.pairs[index].toLowerCase()
      headers[name] = name in headers ? `${headers[name]}, ${head.pairs[index + 1]}` : head.pairs[index + 1]
    }
    answer = { status: head.status, headers, body: Buffer.concat(body).toString("latin1") }
  }
  for (const piece of pieces) {
    if (answer === undefined && !hasFailed) hasFailed = parser.execute(piece) instanceof Error
  }
  if (answer === undefined && !hasFailed && !isOpen) parser.finish()
  parser.close()
  return { answer, isUpgrade }
}
