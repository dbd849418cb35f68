/**
 * The names under which Lambda's sandbox knows itself. Extensions bind their telemetry listener to them, so they have to
 * lead to this machine without the network being asked.
 */

export const names: ReadonlyArray<string> = ["sandbox.localdomain", "sandbox"]

/** Where telemetry is delivered to. */
export const address = "127.0.0.1"

/** For a person to add. */
export const line = `${address} ${names.join(" ")}`

/** Address and names of a line, without its comment. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  text
    .replace(/#.*/, "")
    .split(/\s+/)
    .filter((word) => word !== "")

const isOurs = (word: string): boolean => names.includes(word.toLowerCase())

/** Do both names lead to 127.0.0.1, and nowhere else? `hosts` is the text of a hosts file. */
export const resolves = (hosts: string): boolean => {
  const lines = hosts.split("\n").map(wordsOf)
  return names.every((name) => {
    const naming = lines.filter((words) => words.slice(1).some((word) => word.toLowerCase() === name))
    return naming.length > 0 && naming.every(([found]) => found === address)
  })
}

/** The same hosts file with both names, whatever it said about them. */
export const withNames = (hosts: string): string => {
  const others = hosts.split("\n").flatMap((text) => {
    const [first = "", ...rest] = wordsOf(text)
    if (!rest.some(isOurs)) return [text]
    const left = rest.filter((word) => !isOurs(word))
    return left.length === 0 ? [] : [[first, ...left].join(" ")]
  })
  return [...names.map((name) => `${address} ${name}`), ...others].join("\n")
}

/**
 * The same nsswitch.conf with the hosts file asked first, `undefined` where it is. Some systems ask a service first that
 * has the hosts file of the machine and not that of the process, and goes on to the network.
 */
export const hostsFileFirst = (nsswitch: string): string | undefined => {
  const found = /^(\s*hosts:)[ \t]*(.*)$/m.exec(nsswitch)
  if (found === null || /^files\b/.test(found[2] ?? "")) return undefined
  return nsswitch.replace(found[0], `${found[1]} files ${found[2]}`)
}
