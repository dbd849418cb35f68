/** The built-in modules of Node that are loaded without `import`. */

export const { basename } = process.getBuiltinModule("node:path")
