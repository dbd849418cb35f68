// Symbols. Superfluous when LLRT has them: the members of a class would all have the name "undefined".

for (const name of ["dispose", "asyncDispose"]) {
  if (Symbol[name] === undefined) Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) })
}
