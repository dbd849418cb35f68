/** The runtime has `node:tls`. */
import type { MakeExchange } from "./Tls.ts"

export const makeExchange: MakeExchange = undefined
