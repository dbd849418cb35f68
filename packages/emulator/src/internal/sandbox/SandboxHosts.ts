/**
 * The names under which Lambda's sandbox knows itself. Extensions bind their telemetry listener to them, so the names
 * have to lead to this machine without a question to the network.
 */

export const names: ReadonlyArray<string> = ["sandbox.localdomain", "sandbox"]

/** The address that telemetry is delivered to, unless the options name another. */
export const defaultAddress = "127.0.0.1"

/** The line that a user can add to the hosts file. */
export const lineOf = (address: string): string => `${address} ${names.join(" ")}`

/** Address and names of a line, without its comment. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  text
    .replace(/#.*/, "")
    .split(/\s+/)
    .filter((word) => word !== "")

const isOurs = (word: string): boolean => names.includes(word.toLowerCase())

/** Tells whether both names lead to this address, and to no other. `hosts` is the text of a hosts file. */
export const resolves = (hosts: string, address: string): boolean => {
  const lines = hosts.split("\n").map(wordsOf)
  return names.every((name) => {
    const naming = lines.filter((words) => words.slice(1).some((word) => word.toLowerCase() === name))
    return naming.length > 0 && naming.every(([found]) => found === address)
  })
}

/** The same hosts file with both names, whatever it said about them. */
export const withNames = (hosts: string, address: string): string => {
  const others = hosts.split("\n").flatMap((text) => {
    const [first = "", ...rest] = wordsOf(text)
    if (!rest.some(isOurs)) return [text]
    const left = rest.filter((word) => !isOurs(word))
    return left.length === 0 ? [] : [[first, ...left].join(" ")]
  })
  return [...names.map((name) => `${address} ${name}`), ...others].join("\n")
}

/**
 * The same nsswitch.conf with the hosts file asked first; `undefined` if it is already. Some systems first ask a
 * service that has the hosts file of the machine, not that of the process, and that goes on to the network.
 */
export const hostsFileFirst = (nsswitch: string): string | undefined => {
  const found = /^([ \t]*hosts:)[ \t]*(.*)$/m.exec(nsswitch)
  if (found === null || /^files\b/.test(found[2] ?? "")) return undefined
  return nsswitch.replace(found[0], `${found[1]} files ${found[2]}`)
}
