// Prints numbered lines in its init and in each invocation, as many as it is told.
const print = (count, length) => {
  for (let line = 0; line < count; line++) process.stdout.write(`@${crypto.randomUUID()}@${"x".repeat(length)}\n`)
}

print(Number(process.env.INIT_LINES), Number(process.env.LINE_LENGTH))

export const handler = async ({ length, lines }) => {
  print(lines, length)
  return lines
}
