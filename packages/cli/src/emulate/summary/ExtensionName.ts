/** The name of an extension in a journal. */
import type { Source } from "@effect-lambda/emulator/Journal"

/** The name in a source of the form `extension:NAME`. */
export const of = (source: Source): string => source.slice("extension:".length)
