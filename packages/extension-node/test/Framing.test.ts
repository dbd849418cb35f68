/** Every client reads the answers of wire/answerCases.ts alike; node:http, which we did not write, is one of them. */
import { testFraming } from "./wire/framing.ts"
import { clients, ours } from "./wire/implementations.ts"

testFraming(clients, ours)
