import { NodeExtension } from "@effect-lambda/extension-node"
import { extension } from "./extension.ts"

NodeExtension.runMain(extension)
