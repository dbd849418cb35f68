/**
 * An argument without a value, as a shell makes it of a variable that is not set. As a path it would mean the current
 * folder, whose files `--extensions` would run.
 */

/** Names the empty argument, if there is one. No argument of any command may be empty. */
export const emptyArgument = (args: ReadonlyArray<string>): string | undefined => {
  const index = args.findIndex((arg) => arg === "" || /^--[a-z-]+=$/.test(arg))
  if (index === -1) return undefined
  const flag = args[index] === "" ? args[index - 1] : args[index]?.slice(0, -1)
  const name = flag?.startsWith("-") === true ? flag : `argument ${index + 1}`
  return `${name} is empty: give it a value, or leave it out; a shell variable that is not set becomes an empty argument`
}
