/** The compiler's knowledge of a package: the members of its interfaces, with their comments. */
import { basename, join, resolve } from "node:path"
import { API, type Symbol, SymbolFlags } from "typescript/unstable/sync"

export interface Member {
  readonly name: string
  /** The doc comment, as one line. */
  readonly comment: string
}

/**
 * The members that these interfaces of a package add to the ones they extend. An interface is named with its module, in
 * whatever folder that lies: `Telemetry.Options`.
 */
export const membersOf = (
  folder: string,
  interfaces: ReadonlyArray<string>
): ReadonlyMap<string, ReadonlyArray<Member>> => {
  const library = resolve(import.meta.dirname, "../..", folder)
  const api = new API({ cwd: library })
  try {
    const config = join(library, "tsconfig.json")
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config)
    if (project === undefined) throw new Error(`the compiler does not know ${folder}`)
    const { checker, program, rootFiles } = project
    const symbolOf = (path: string): Symbol => {
      const [module = "", name = ""] = path.split(".")
      const files = rootFiles.filter((file) => file.startsWith(`${library}/src/`) && basename(file) === `${module}.ts`)
      const [file] = files.flatMap((path) => program.getSourceFile(path) ?? [])
      const symbol = file && checker.getSymbolAtLocation(file)
      const found = symbol && checker.getExportsOfModule(symbol).find((symbol) => symbol.name === name)
      if (found === undefined || files.length !== 1) throw new Error(`${folder} exports no ${path}`)
      return (found.flags & SymbolFlags.Alias) === 0 ? found : checker.getAliasedSymbol(found)
    }
    const read = (path: string): ReadonlyArray<Member> =>
      Array.from(symbolOf(path).getMembers().values())
        .filter(({ flags }) => (flags & SymbolFlags.Property) !== 0)
        .map((member) => ({
          name: member.name,
          comment: member.getDocumentationComment(checker).replaceAll(/\s+/g, " ")
        }))
    return new Map(interfaces.map((path) => [path, read(path)]))
  } finally {
    api.close()
  }
}
