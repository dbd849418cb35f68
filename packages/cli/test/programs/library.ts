/** What the programs of EagerLife.test.ts need: layers lie where no package is found. */
export { Extension } from "@effect-lambda/extension"
export { NodeExtension } from "@effect-lambda/extension-node"
export * as Effect from "effect/Effect"
export * as Layer from "effect/Layer"
