/** The bash entry against servers that misbehave: it never hangs, and loses nothing that it was given. */
import { PreRegistration } from "@effect-lambda/extension-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import type { Socket } from "node:net"
import { hostileServer } from "./support/layers.ts"
import { bash, handOver, head, identifier, ok, plain, run } from "./support/stub.ts"

const empty = Buffer.from("")
const noNewline = plain.subarray(0, -1)
const escapes = Buffer.from('{"handler":"\\u003c\\"\\\\\\n$(exit 1)`exit 1`${HOME}\'%s%n*\\u0000"}\n')
const bytes = Buffer.concat([Buffer.from('{"handler":"händler.日本語 "}'), Buffer.from([0x01, 0x7f, 0x80, 0xff, 0x0a])])

const refusal = '{"errorMessage":"Extension limit (10) reached","errorType":"Extension.TooManyExtensions"}\n'

const inPieces = (text: Buffer, size: number) => (socket: Socket) => {
  socket.setNoDelay(true)
  const next = (at: number): void => {
    if (at >= text.length) return
    socket.write(text.subarray(at, at + size))
    setImmediate(next, at + size)
  }
  next(0)
}

const forever = (text: string) => (socket: Socket) => {
  const more = () => {
    while (!socket.destroyed && socket.write(text)) {
      // Until the buffer is full.
    }
  }
  socket.on("drain", more)
  more()
}

interface Case {
  readonly answer: (socket: Socket) => void
  /** The body that the program must get; `undefined`: nothing is handed over. */
  readonly response: Buffer | undefined
  /** The line in the log; `""` for no line. */
  readonly log?: string
  /** The values that bash 3.2 hands over: it forgets a line that it had read in part when its time ended. */
  readonly bash3?: Buffer
  /** The values that a bash before 5 hands over: it ends a body at a NUL byte, where a newer one leaves the byte out. */
  readonly beforeBash5?: Buffer
}

const bashVersion = Number(spawnSync(bash, ["-c", "echo $BASH_VERSINFO"], { encoding: "utf8" }).stdout)

const sends = (data: string | Buffer) => (socket: Socket) => void socket.write(data)
const sendsAndEnds = (data: string | Buffer) => (socket: Socket) => void socket.end(data)
const cases: Record<string, Case> = {
  "an answer as Lambda's": { answer: sendsAndEnds(ok(plain)), response: plain, log: "" },
  "no newline at the end of the body": { answer: sendsAndEnds(ok(noNewline)), response: noNewline, log: "" },
  "a connection that is kept open": { answer: sends(ok(plain)), response: plain, log: "" },
  "single bytes": { answer: inPieces(ok(plain), 1), response: plain, log: "" },
  "pieces that split characters": { answer: inPieces(ok(bytes), 7), response: bytes, log: "" },
  "escapes and shell syntax": { answer: sends(ok(escapes)), response: escapes, log: "" },
  "bytes that are no text": { answer: sends(ok(bytes)), response: bytes, log: "" },
  "header names in any case, values with spaces": {
    answer: sends(
      `HTTP/1.0 200\r\nlambda-EXTENSION-identifier:\t${identifier} \r\nCONTENT-LENGTH:${plain.length}\r\n\r\n${plain}`
    ),
    response: plain,
    log: ""
  },
  "line feeds alone": { answer: sends(`${head(plain.length).replaceAll("\r", "")}${plain}`), response: plain, log: "" },
  "bytes after the body": { answer: sends(Buffer.concat([ok(bytes), plain])), response: bytes, log: "" },
  "an empty body": { answer: sends(head(0)), response: empty, log: "" },
  "a length with leading zeros": { answer: sends(`${head(`000${plain.length}`)}${plain}`), response: plain, log: "" },
  "a length that is too short": {
    answer: sends(`${head(10)}${plain}`),
    response: plain.subarray(0, 10),
    log: ""
  },
  "a length that is too long, closed": { answer: sendsAndEnds(`${head(9999)}${plain}`), response: plain, log: "" },
  "a length that is too long, kept open": {
    answer: sends(`${head(9999)}${plain}`),
    response: plain,
    log: "",
    bash3: empty
  },
  "a length that is none": { answer: sends(`${head("-5")}${plain}`), response: empty, log: "" },
  "a length beyond every number": { answer: sends(`${head("9".repeat(40))}${plain}`), response: empty, log: "" },
  "no length": { answer: sends(`${head(undefined)}${plain}`), response: empty, log: "" },
  "a body that no environment can hold": {
    answer: sends(ok(Buffer.alloc(200_000, "a"))),
    response: empty,
    log: ""
  },
  "a chunked body": {
    answer: sends(`${head(undefined, ["Transfer-Encoding: chunked"])}5\r\n{"fun\r\n0\r\n\r\n`),
    response: empty,
    log: ""
  },
  "a NUL byte in the body": {
    answer: sendsAndEnds(ok(Buffer.from("a\0b"))),
    response: Buffer.from("ab"),
    beforeBash5: Buffer.from("a"),
    log: ""
  },
  "a status that refuses": {
    answer: sends(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${refusal.length}\r\n\r\n${refusal}`),
    response: undefined,
    log: "register was refused with 403 Extension.TooManyExtensions"
  },
  "a refusal that holds an identifier": {
    answer: sends(`${head(0).replace("200 OK", "500 Internal Server Error")}`),
    response: undefined,
    log: "register was refused with 500"
  },
  "no identifier": {
    answer: sends(`HTTP/1.1 200 OK\r\nContent-Length: ${plain.length}\r\n\r\n${plain}`),
    response: undefined,
    log: "the answer to register has no identifier"
  },
  "an identifier that is none": {
    answer: sends(head(0).replace(identifier, "$(exit 1)")),
    response: undefined,
    log: "the answer to register has no identifier"
  },
  "an end in the middle of the identifier": {
    answer: sendsAndEnds(head(0).split(identifier.slice(9))[0]!),
    response: undefined,
    log: "the answer to register has no identifier"
  },
  "an end after the request": {
    answer: (socket) => void socket.end(),
    response: undefined,
    log: "no answer to register"
  },
  "a reset after the request": {
    answer: (socket) => void socket.resetAndDestroy(),
    response: undefined,
    log: "no answer to register"
  },
  "something that is not HTTP": {
    answer: sends("SSH-2.0-OpenSSH_9.2\r\n"),
    response: undefined,
    log: "the answer to register is not HTTP"
  },
  "a status line that is too long": {
    answer: sends(`HTTP/1.1 200 ${"a".repeat(10_000)}\r\n${head(plain.length)}`),
    response: undefined,
    log: "the answer to register is not HTTP"
  },
  "an answer after four seconds": {
    answer: (socket) => void setTimeout(() => socket.write(ok(plain)), 4000),
    response: plain,
    log: ""
  },
  "headers that come three seconds after the status": {
    answer: (socket) => {
      socket.write("HTTP/1.1 200 OK\r\n")
      setTimeout(() => socket.write(ok(plain).subarray("HTTP/1.1 200 OK\r\n".length)), 3000)
    },
    response: plain,
    log: ""
  },
  "no answer": { answer: () => {}, response: undefined, log: "no answer to register" },
  "half a line": { answer: sends("HTTP/1.1 2"), response: undefined, log: "no answer to register" }
}

const checkCase = ({ answer, bash3, beforeBash5, log, response: expected }: Case) =>
  Effect.gen(function* () {
    const older = (bashVersion < 5 ? beforeBash5 : undefined) ?? (bashVersion < 4 ? bash3 : undefined)
    const response = older ?? expected
    const { host } = yield* hostileServer(answer)
    const { code, signal, stderr, variables } = yield* run(host, { env: { LC_ALL: "C.UTF-8" }, waitSeconds: 8 })
    // Without a signal: the process came to its end by itself.
    assert.deepStrictEqual({ code, signal }, { code: 0, signal: null })
    assert.strictEqual(variables.get(PreRegistration.nameVariable), "hello")
    assert.deepStrictEqual(
      handOver(variables),
      response === undefined
        ? { identifier: undefined, events: undefined, response: undefined }
        : { identifier, events: "INVOKE,SHUTDOWN", response: response.toString("latin1") }
    )
    if (log !== undefined) {
      assert.strictEqual(stderr, log && `effect-lambda: hello: ${log} (${host}); the program registers itself\n`)
    }
  })

describe("the stub against a server that answers with", { concurrent: true }, () => {
  for (const [name, one] of Object.entries(cases)) it.live(name, () => checkCase(one))

  it.live("a connection that is closed at once", () =>
    Effect.gen(function* () {
      const { host } = yield* hostileServer(
        () => {},
        (socket) => socket.resetAndDestroy()
      )
      // A write after the reset is a SIGPIPE, most of the time.
      for (let time = 0; time < 5; time++) {
        const { code, signal, stderr, variables } = yield* run(host)
        assert.deepStrictEqual({ code, signal }, { code: 0, signal: null })
        assert.isUndefined(handOver(variables).identifier)
        assert.include(stderr, "the program registers itself")
      }
    })
  )
})

describe("the stub against a server that never ends", { concurrent: true }, () => {
  it.live.each<[string, string, string | undefined]>([
    ["its status line", "HTTP/1.1 200 ", undefined],
    ["a header", "HTTP/1.1 200 OK\r\nX-Big: ", undefined],
    ["its headers, after the identifier", head(undefined).slice(0, -2), identifier]
  ])("%s", ([what, start, expected]) =>
    Effect.gen(function* () {
      const filler = what.includes("headers") ? "X-More: 1\r\n".repeat(1000) : "a".repeat(10_000)
      const { host } = yield* hostileServer((socket) => {
        socket.write(start)
        forever(filler)(socket)
      })
      const { signal, variables } = yield* run(host)
      assert.isNull(signal)
      assert.strictEqual(handOver(variables).identifier, expected)
    })
  )
})
