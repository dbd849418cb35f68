/** Errors that nothing catches, one after the other. A line on the output comes before those of each. */
import { Extension } from "@effect-lambda/extension"
import { NodeExtension } from "@effect-lambda/extension-node"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { EventEmitter } from "node:events"
import { readFile } from "node:fs/promises"
import { connect, createServer } from "node:net"
import { gzip } from "node:zlib"

const boom = () => new Error("boom")

const fail = () => {
  throw boom()
}

const failing = async () => {
  await Promise.resolve()
  throw boom()
}

class Own extends Error {
  override readonly name = "Own"
  readonly detail = 7
}

const hostile = {
  get message(): string {
    throw new Error("no message")
  },
  get stack(): string {
    throw new Error("no stack")
  },
  toString(): string {
    throw new Error("no text")
  },
  toJSON(): string {
    throw new Error("no JSON")
  }
}

const circular: { self?: unknown } = {}
circular.self = circular

/** A server that sends something, and a client. */
const talk = (onServer: () => void, onClient: () => void) =>
  new Promise<void>((resolve) => {
    const server = createServer((socket) => {
      socket.on("error", () => {})
      socket.end("hello")
      onServer()
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const socket = connect({ port, host: "127.0.0.1" })
      socket.on("error", () => {})
      socket.on("close", () => server.close(() => resolve()))
      socket.on("data", onClient)
    })
  })

const later = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

class Thenable {
  // oxlint-disable-next-line unicorn/no-thenable
  then(_: unknown, reject: (cause: unknown) => void) {
    reject(boom())
  }
}

type Cases = Readonly<Record<string, () => unknown>>

/** One line, with the error `boom` and its place. */
const placed: Cases = {
  setTimeout: () => setTimeout(fail, 1),
  setInterval: () => {
    const timer = setInterval(() => {
      clearInterval(timer)
      fail()
    }, 1)
  },
  setImmediate: () => setImmediate(fail),
  queueMicrotask: () => queueMicrotask(fail),
  nextTick: () => process.nextTick(fail),
  "a microtask in a microtask": () => queueMicrotask(() => queueMicrotask(fail)),
  "the listener of an emitter": () => {
    const emitter = new EventEmitter()
    emitter.on("x", fail)
    setTimeout(() => emitter.emit("x"), 1)
  },
  "an emitter without a listener for errors": () => setTimeout(() => new EventEmitter().emit("error", boom()), 1),
  "the listener of a server": () => talk(fail, () => {}),
  "the listener of a socket": () => talk(() => {}, fail),
  "a callback of zlib": () => gzip(Buffer.from("x"), fail),
  "a listener of a child": () => spawn("/bin/true").on("exit", fail),
  "a child's output": () => spawn("/bin/echo", ["x"]).stdout.on("data", fail),
  "an event target": () => {
    const controller = new AbortController()
    controller.signal.addEventListener("abort", fail)
    setTimeout(() => controller.abort(), 1)
  },
  "an async function": () => void failing(),
  "an async arrow": () =>
    void (async () => {
      throw boom()
    })(),
  "an async generator": () =>
    void (async () => {
      // oxlint-disable-next-line no-unused-vars
      for await (const _ of (async function* () {
        yield 1
        throw boom()
      })());
    })(),
  "an async method": () =>
    void new (class {
      async go() {
        throw boom()
      }
    })().go(),
  "Promise.reject": () => void Promise.reject(boom()),
  "a chain": () =>
    void Promise.resolve()
      .then(fail)
      .then(() => {}),
  "a branch of a promise that is handled": () => {
    const promise = Promise.reject(boom())
    promise.catch(() => {})
    void promise.then(() => {})
  },
  finally: () => void Promise.reject(boom()).finally(() => {}),
  "finally that throws": () => void Promise.resolve().finally(fail),
  "catch that throws": () => void Promise.reject(new Error("first")).catch(fail),
  "an executor that throws": () => void new Promise(fail),
  "a promise that rejects later": () => void new Promise((_, reject) => setTimeout(() => reject(boom()), 5)),
  "Promise.all": () =>
    void Promise.all([Promise.resolve(1), Promise.reject(boom()), Promise.reject(new Error("second"))]),
  "Promise.race": () => void Promise.race([later(20), Promise.reject(boom())]),
  "Promise.withResolvers": () => Promise.withResolvers().reject(boom()),
  "a thenable": () => void Promise.resolve(new Thenable()),
  "a resolution with a rejected promise": () => void Promise.resolve(Promise.reject(boom())),
  "an outer promise": () => void new Promise((resolve) => resolve(Promise.reject(boom()))),
  "Effect.runPromise": () => void Effect.runPromise(Effect.fail(boom())),
  "Effect.runPromise of a defect": () => void Effect.runPromise(Effect.die(boom())),
  "a subclass of Promise": () => void class extends Promise<unknown> {}.reject(boom()),
  "an error of an own class": () => void Promise.reject(new Own("boom")),
  "an error with a cause": () => void Promise.reject(new Error("boom", { cause: new Error("inner") })),
  "a frozen error": () => void Promise.reject(Object.freeze(boom()))
}

/** Two lines, with the error `boom` and its place. */
const twice: Cases = {
  "two in one tick": () => {
    queueMicrotask(fail)
    queueMicrotask(fail)
  },
  two: () => {
    void Promise.reject(boom())
    void Promise.reject(boom())
  }
}

/** One line. The runtimes have other messages, or the value has no place. */
const single: Cases = {
  "a socket without a listener for errors": () => void connect({ port: 1, host: "127.0.0.1" }),
  "Promise.any": () => void Promise.any([Promise.reject(boom()), Promise.reject(boom())]),
  "fetch to a closed port": () => void fetch("http://127.0.0.1:2/"),
  "a file that is missing": () => void readFile("/nowhere/at/all"),
  undefined: () => void Promise.reject(undefined),
  null: () => void Promise.reject(null),
  "a text": () => void Promise.reject("boom"),
  "a number": () => void Promise.reject(42),
  "a symbol": () => void Promise.reject(Symbol("boom")),
  "an object": () => void Promise.reject({ code: 7 }),
  "a circular object": () => void Promise.reject(circular),
  "a hostile object": () => void Promise.reject(hostile),
  "an object without a prototype": () => void Promise.reject(Object.create(null)),
  "a function": () => void Promise.reject(fail),
  "a proxy that is revoked": () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    void Promise.reject(proxy)
  },
  "an aggregate": () => void Promise.reject(new AggregateError([boom()], "several")),
  "an error without a stack": () => {
    const error = boom()
    delete error.stack
    void Promise.reject(error)
  },
  "thrown undefined": () =>
    setTimeout(() => {
      throw undefined
    }, 1),
  "thrown text": () =>
    setTimeout(() => {
      throw "boom"
    }, 1),
  "thrown null": () =>
    setTimeout(() => {
      throw null
    }, 1),
  "a TypeError of the runtime": () => setTimeout(() => Reflect.get(Object(undefined), "x").y, 1),
  "a stack that overflows": () => {
    const deeper = (): number => deeper() + 1
    setTimeout(deeper, 1)
  },
  "JSON that is wrong": () => setTimeout(() => JSON.parse("{"), 1)
}

/** No line: something handles it. */
const silent: Cases = {
  "Promise.allSettled": () => void Promise.allSettled([Promise.reject(boom())]),
  "Effect.runFork": () => void Effect.runFork(Effect.fail(boom())),
  "handled in the same tick": () => {
    const promise = Promise.reject(boom())
    promise.catch(() => {})
  },
  "handled in a microtask": () => {
    const promise = Promise.reject(boom())
    queueMicrotask(() => promise.catch(() => {}))
  },
  "handled after three microtasks": () => {
    const promise = Promise.reject(boom())
    Promise.resolve()
      .then(() => {})
      .then(() => {})
      .then(() => promise.catch(() => {}))
      .catch(() => {})
  },
  "handled in nextTick": () => {
    const promise = Promise.reject(boom())
    process.nextTick(() => promise.catch(() => {}))
  },
  "handled by await": async () => {
    const promise = failing()
    try {
      await promise
    } catch {}
  }
}

/** The lines that the log has so far. */
const log = { lines: 0 }
const { log: print } = console
Object.assign(console, {
  log: (...values: ReadonlyArray<unknown>) => {
    log.lines++
    print(...values)
  }
})

/** Waits for so many lines, and then for one more than there should be. */
const settled = async (expected: number) => {
  for (let waited = 0; log.lines < expected && waited < 5000; waited++) await later(2)
  await later(10)
}

const kinds: ReadonlyArray<readonly [kind: string, each: number, cases: Cases]> = [
  ["placed", 1, placed],
  ["twice", 2, twice],
  ["single", 1, single],
  ["silent", 0, silent]
]

const play = async () => {
  for (const [kind, each, cases] of kinds) {
    for (const [name, run] of Object.entries(cases)) {
      process.stdout.write(`# ${kind} ${name}\n`)
      const before = log.lines
      await run()
      await settled(before + each)
    }
  }
}

Extension.run({ onInvoke: () => Effect.promise(play) }).pipe(NodeExtension.runMain)
