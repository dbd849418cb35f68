/** `effect-lambda build packages/otel` for LLRT. */
import { playOtel } from "../starts/otel.ts"

playOtel([{ runtime: "llrt", start: "ready" }], [process.arch === "arm64" ? "arm64" : "x64"])
