/** Layers with one faulty symbolic link each, and what has to be said about it. */
import type { Broken } from "./brokenLayers.ts"
import { beside, good } from "./foreignLayer.ts"

export const brokenLinks: ReadonlyArray<Broken> = [
  {
    title: "an absolute symbolic link",
    files: beside("hello/node", "/usr/local/bin/node", { mode: 0o120777 }),
    finding: ["error", "link", "hello/node", /outside the layer/]
  },
  {
    title: "a symbolic link to nowhere",
    files: [good, { path: "extensions/other", bytes: "../hello/run", mode: 0o120777 }],
    finding: ["error", "link", "extensions/other", /not in the layer/]
  },
  {
    title: "a symbolic link to a directory instead of an extension",
    files: [good, { ...good, path: "other/run" }, { path: "extensions/other", bytes: "../other", mode: 0o120777 }],
    finding: ["error", "link", "extensions/other", /a directory/]
  },
  {
    title: "a symbolic link to itself",
    files: [good, { path: "extensions/other", bytes: "other", mode: 0o120777 }],
    finding: ["error", "link", "extensions/other", /circle/]
  },
  {
    title: "a file without x behind two symbolic links",
    files: [
      good,
      { ...good, path: "1.0/run", mode: 0o100644 },
      { path: "current", bytes: "1.0", mode: 0o120777 },
      { path: "extensions/other", bytes: "/opt/current/run", mode: 0o120777 }
    ],
    finding: ["error", "not-executable", "extensions/other", /./]
  }
]
