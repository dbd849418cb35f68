/** The files of a project that go into its layer as they are, such as a wrapper script (`effectLambda.files`). */
import * as Effect from "effect/Effect"
import type { LayerFile } from "../layer/LayerFiles.ts"
import type { LayerConfig } from "../project/LayerConfig.ts"
import * as RegularFile from "../shared/RegularFile.ts"
import * as UserError from "../shared/UserError.ts"

/** Scripts and programs can be started; not every system and not every archive keeps the x bit that would say so. */
const isProgram = (bytes: Buffer): boolean =>
  bytes.toString("latin1", 0, 2) === "#!" || bytes.toString("latin1", 0, 4) === "\x7fELF"

/** Reads the files; the name of the setting is part of each error. */
export const read = ({ files }: LayerConfig) =>
  Effect.forEach(files, ({ path, source }) =>
    Effect.try({
      try: (): LayerFile => {
        const { bytes } = RegularFile.read(source)
        return { path, mode: isProgram(bytes) ? 0o755 : 0o644, bytes }
      },
      catch: (cause) => UserError.make(`effectLambda.files: ${source} cannot be read: ${UserError.reasonOf(cause)}`)
    })
  )
