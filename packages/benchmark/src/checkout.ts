/** Checkouts of the project, whose programs are built and measured. */
import { execFile } from "node:child_process"
import { existsSync, readFileSync, realpathSync } from "node:fs"
import { basename, dirname, join, resolve, sep } from "node:path"
import { promisify } from "node:util"

export interface Checkout {
  readonly folder: string
  /** The commit of the checkout, for the report. */
  readonly name: string
}

const root = join(import.meta.dirname, "../../..")

const git = async (folder: string, ...args: ReadonlyArray<string>) =>
  (await promisify(execFile)("git", ["-C", folder, ...args])).stdout.trim()

/** A copy without a history is named by its folder. */
const nameOf = async (folder: string): Promise<string> => {
  try {
    if (realpathSync(await git(folder, "rev-parse", "--show-toplevel")) !== realpathSync(folder))
      return basename(folder)
    const commit = await git(folder, "rev-parse", "--short", "HEAD")
    const changes = await git(folder, "status", "--porcelain", "--untracked-files=no")
    return changes === "" ? commit : `${commit} with changes`
  } catch {
    return basename(folder)
  }
}

const installAdvice = 'run "npm run pnpm -- install" there'

/** Says which dependency of a package is not installed. A link to another checkout would measure that checkout. */
const dependencyProblem = (folder: string, packageFolder: string): string | undefined => {
  const manifest: unknown = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"))
  const dependencies: unknown = Reflect.get(Object(manifest), "dependencies")
  for (const [name, version] of Object.entries(Object(dependencies))) {
    const path = join(packageFolder, "node_modules", name)
    if (!existsSync(path)) return `has no dependencies installed, ${path} is missing: ${installAdvice}.`
    const isInside = realpathSync(path).startsWith(realpathSync(folder) + sep)
    if (String(version).startsWith("workspace:") && !isInside) {
      return `uses ${name} of another checkout, ${realpathSync(path)}: ${installAdvice}.`
    }
  }
  return undefined
}

const packageOf = (file: string): string => {
  const folder = dirname(file)
  return existsSync(join(folder, "package.json")) ? folder : packageOf(folder)
}

/**
 * Finds the checkout in a folder, if it has everything that the programs are built from.
 *
 * @param needs files of the checkout, such as the main files of the programs
 * @throws Error with a sentence for the user
 */
export const find = async (path: string, needs: ReadonlyArray<string>): Promise<Checkout> => {
  const folder = resolve(path)
  if (!existsSync(join(folder, "packages/extension/package.json"))) {
    throw new Error(
      `${folder} is not a checkout of this project: it has no packages/extension. Give the folder that "git worktree add" or ` +
        '"git clone" made.'
    )
  }
  for (const need of needs) {
    const file = join(folder, need)
    if (!existsSync(file)) {
      throw new Error(`${folder} has no ${need}, which is built and measured here: compare with a later commit.`)
    }
    const problem = dependencyProblem(folder, packageOf(file))
    if (problem !== undefined) throw new Error(`${folder} ${problem}`)
  }
  return { folder, name: await nameOf(folder) }
}

/** The checkout of this benchmark. */
export const here = async (): Promise<Checkout> => ({ folder: root, name: await nameOf(root) })
