/**
 * The modules of Node that the prelude of a layer for LLRT mends. An import by name would link the export of LLRT itself, past
 * the prelude, so such a module becomes one of the bundle.
 */
import type { Plugin } from "rolldown"

/** The named exports of each module, as the prelude leaves it. */
const mended: Readonly<Record<string, string>> = {
  child_process: "spawn",
  net: "Server, Socket, connect, createConnection, createServer, isIP, isIPv4, isIPv6",
  process: `arch, argv, argv0, cwd, emitWarning, env, execArgv, execPath, exit, getBuiltinModule, getegid, geteuid, getgid,
    getuid, hrtime, kill, nextTick, off, on, once, pid, platform, release, stderr, stdout, version, versions`,
  timers: "clearImmediate, clearInterval, clearTimeout, queueMicrotask, setImmediate, setInterval, setTimeout"
}

const source = (name: string) => (name === "timers" ? "globalThis" : `process.getBuiltinModule("node:${name}")`)

const prefix = "\0llrt:"

export const mendedModules: Plugin = {
  name: "llrt-mended",
  resolveId: {
    order: "pre",
    filter: { id: new RegExp(`^(?:node:)?(?:${Object.keys(mended).join("|")})$`) },
    handler: (id) => ({ id: prefix + id.replace(/^node:/, ""), moduleSideEffects: false })
  },
  load: {
    filter: { id: new RegExp(`^${prefix}`) },
    handler: (id) => {
      const name = id.slice(prefix.length)
      return `const module = ${source(name)}\nexport default module\nexport const { ${mended[name]} } = module\n`
    }
  }
}
