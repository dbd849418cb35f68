/** The chatty function, for a layer that looks for a CommonJS module. */
exports.handler = async (command, context) => {
  const { handler } = await import("../../../../conform/chatty.mjs")
  return handler(command, context)
}
