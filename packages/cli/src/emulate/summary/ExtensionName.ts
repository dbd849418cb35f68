/** The name of a process in a journal. */
import type { Source } from "@effect-lambda/emulator/Journal"

/** The name in a source of the form `extension:NAME`; any other source is its own name. */
export const of = (source: Source): string => source.replace(/^extension:/, "")
