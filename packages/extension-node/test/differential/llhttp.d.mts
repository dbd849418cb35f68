import type { Outcome } from "./outcome.ts"

/** `isUpgrade`: llhttp hands the rest to another protocol, or breaks off; the outcome says nothing. */
export declare const readByLlhttp: (pieces: ReadonlyArray<Buffer>) => Outcome & { readonly isUpgrade: boolean }

export interface ReadAnswer {
  readonly status: number
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** `answer`: the first final one, if it is complete. `isUpgrade`: llhttp hands the rest to another protocol. */
export declare const readAnswerByLlhttp: (
  pieces: ReadonlyArray<Buffer>,
  method: string,
  isOpen: boolean
) => { readonly answer: ReadAnswer | undefined; readonly isUpgrade: boolean }
