import type { Outcome } from "./outcome.ts"

/** `isUpgrade`: llhttp hands the rest to another protocol, or breaks off; the outcome says nothing. */
export declare const readByLlhttp: (pieces: ReadonlyArray<Buffer>) => Outcome & { readonly isUpgrade: boolean }
