// Output. Superfluous when LLRT has `process.stdout`.
import { Emitter } from "./emitter.mjs"
import { builtin, define, native } from "./native.mjs"

const makeOutput = (print) => {
  let unfinished = ""
  const output = Object.assign(new Emitter(), {
    bytesWritten: 0,
    // The system has taken every line when `print` returns.
    writableLength: 0,
    isTTY: false,
    writable: true,
    /** Prints values as `console` does. LLRT does not say how long a list of values became, so only a text is counted. */
    print(...values) {
      if (values.length === 1 && typeof values[0] === "string") output.bytesWritten += Buffer.byteLength(values[0]) + 1
      print(...values)
    },
    write(chunk, encoding, callback) {
      const text = unfinished + (typeof chunk === "string" ? chunk : Buffer.from(chunk).toString())
      const end = text.lastIndexOf("\n")
      unfinished = text.slice(end + 1)
      if (end !== -1) output.print(text.slice(0, end))
      const written = typeof encoding === "function" ? encoding : callback
      if (written !== undefined) process.nextTick(written)
      return true
    },
    flush() {
      if (unfinished !== "") output.print(unfinished)
      unfinished = ""
    }
  })
  return output
}

const stdout = makeOutput(native.console.log)
const stderr = makeOutput(native.console.error)
for (const name of ["log", "info", "debug", "trace"]) console[name] = stdout.print
for (const name of ["error", "warn"]) console[name] = stderr.print
export const flush = () => {
  stdout.flush()
  stderr.flush()
}

// These are there, for programs that print by them. They have no frame and no indentation.
for (const name of ["dir", "group", "groupCollapsed", "table"]) console[name] = stdout.print
Object.assign(console, { groupEnd: () => {} })

/** The pages of this process in memory, which is what Lambda counts. LLRT does not tell of its heap. */
const memoryUsage = () => {
  const [, resident = 0] = builtin("fs").readFileSync("/proc/self/statm", "utf8").split(" ")
  return { arrayBuffers: 0, external: 0, heapTotal: 0, heapUsed: 0, rss: Number(resident) * 4096 }
}
memoryUsage.rss = () => memoryUsage().rss

/** The system counts the time on the processor in hundredths of a second. */
const cpuUsage = (since = { user: 0, system: 0 }) => {
  // The name of the program may hold anything.
  const stat = builtin("fs").readFileSync("/proc/self/stat", "utf8").split(") ").at(-1).split(" ")
  return { user: stat[11] * 10_000 - since.user, system: stat[12] * 10_000 - since.system }
}

const members = {
  cpuUsage,
  emitWarning: (warning) => stderr.print(`Warning: ${warning instanceof Error ? warning.message : String(warning)}`),
  execArgv: [],
  execPath: process.argv[0],
  memoryUsage,
  pid: process.id,
  stderr,
  stdout,
  uptime: () => performance.now() / 1000
}
for (const [name, member] of Object.entries(members)) define(process, name, member)
