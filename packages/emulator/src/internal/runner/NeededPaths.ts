/** The files of this machine that an environment needs. */
import * as NodePath from "node:path"
import NodeProcess from "node:process"
import type { ExpectedExtension } from "../sandbox/ExtensionFiles.ts"
import type { FunctionProcess } from "../sandbox/FunctionProcess.ts"
import type { Options } from "../settings/Options.ts"

/** The paths that the processes cannot do without. A variable may name a file, such as that of a certificate. */
export const of = (
  { environment = {}, extensions = [], function: functionOptions }: Options,
  found: ReadonlyArray<ExpectedExtension>,
  functionProcess: FunctionProcess | undefined
): ReadonlyArray<string> =>
  [
    NodeProcess.execPath,
    NodeProcess.cwd(),
    ...("opt" in extensions ? [extensions.opt] : []),
    ...found.flatMap(({ file }) => file ?? []),
    ...(functionProcess?.command ?? []),
    functionProcess?.cwd ?? "",
    ...Object.values(environment),
    ...Object.values(functionOptions?.environment ?? {})
  ].filter((path) => NodePath.isAbsolute(path))
