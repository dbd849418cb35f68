// Removes what the compiler made of modules that are gone. The compiler leaves that in dist, and a tarball would carry it.
// Runs in the folder of a package.
import { existsSync, globSync, rmSync } from "node:fs"
import { join } from "node:path"

for (const path of globSync("dist/**/*.{js,js.map,d.ts,d.ts.map}")) {
  const source = join("src", path.slice("dist/".length).replace(/\.(?:js|d\.ts)(?:\.map)?$/, ".ts"))
  if (!existsSync(source)) rmSync(path)
}
