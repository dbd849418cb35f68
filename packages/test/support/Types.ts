/** What the compiler knows of the library: the members of its interfaces, with what their comments say. */
import { join, resolve } from "node:path"
import { API, type Symbol, SymbolFlags } from "typescript/unstable/sync"

export interface Member {
  readonly name: string
  /** The doc comment, as one line. */
  readonly comment: string
}

const library = resolve(import.meta.dirname, "../../extension")

/**
 * The members that these interfaces of the library add to the ones they extend. An interface is named as a user imports it:
 * `Telemetry.Options`.
 */
export const membersOf = (interfaces: ReadonlyArray<string>): ReadonlyMap<string, ReadonlyArray<Member>> => {
  const api = new API({ cwd: library })
  try {
    const config = join(library, "tsconfig.json")
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config)
    const entry = project?.program.getSourceFile(join(library, "src/index.ts"))
    if (project === undefined || entry === undefined) throw new Error("the compiler does not know the library")
    const { checker } = project
    const memberOf = (module: Symbol | undefined, name: string): Symbol => {
      const found = module && checker.getExportsOfModule(module).find((symbol) => symbol.name === name)
      if (found === undefined) throw new Error(`the library exports no ${name}`)
      return (found.flags & SymbolFlags.Alias) === 0 ? found : checker.getAliasedSymbol(found)
    }
    const read = (path: string): ReadonlyArray<Member> => {
      const symbol = path.split(".").reduce<Symbol | undefined>(memberOf, checker.getSymbolAtLocation(entry))
      const members = Array.from(symbol?.getMembers().values() ?? []).filter(
        ({ flags }) => (flags & SymbolFlags.Property) !== 0
      )
      return members.map((member) => ({
        name: member.name,
        comment: member.getDocumentationComment(checker).replaceAll(/\s+/g, " ")
      }))
    }
    return new Map(interfaces.map((path) => [path, read(path)]))
  } finally {
    api.close()
  }
}
