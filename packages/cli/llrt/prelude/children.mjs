// Processes. Superfluous when a child gets `process.env` and not the environment of this process.
import { adopt } from "./callbacks.mjs"
import { nativeProcesses } from "./native.mjs"

export const spawn = (command, ...rest) => {
  const list = Array.isArray(rest[0]) ? rest[0] : []
  const options = (Array.isArray(rest[0]) ? rest[1] : rest[0]) ?? {}
  const child = adopt(nativeProcesses().spawn(command, list, { ...options, env: { ...(options.env ?? process.env) } }))
  for (const name of ["stdin", "stdout", "stderr"]) adopt(child[name])
  return child
}
