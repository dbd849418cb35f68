/** The sizes of bundles and layers, as figures. */
import { readFile } from "node:fs/promises"
import { gzipSync } from "node:zlib"
import type { Figure } from "./compare.ts"

export interface Size {
  readonly bytes: number
  readonly gzipBytes: number
}

export const sizeOf = async (file: string): Promise<Size> => {
  const content = await readFile(file)
  return { bytes: content.length, gzipBytes: gzipSync(content, { level: 9 }).length }
}

export const kilobytes = (label: string, bytes: number): Figure => ({
  label,
  unit: "KB",
  digits: 1,
  values: [bytes / 1000]
})

export const bundleFigures = ({ bytes, gzipBytes }: Size): ReadonlyArray<Figure> => [
  kilobytes("bundle, minified", bytes),
  kilobytes("bundle, gzip", gzipBytes)
]
