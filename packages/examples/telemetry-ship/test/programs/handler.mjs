// Logs the lines of its event, each as one record.
export const handler = async ({ lines }) => {
  // oxlint-disable-next-line no-console
  for (const line of lines) console.log(line)
}
