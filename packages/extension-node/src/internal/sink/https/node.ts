/** The runtime has `node:tls`. */
import type { MakeExchange } from "./Https.ts"

export const makeExchange: MakeExchange = undefined
