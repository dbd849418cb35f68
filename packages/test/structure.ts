/**
 * Prints the structure of each package: modules, floors, circles, and the imports that run back up between folders and
 * between families. Usage: `node packages/test/structure.ts [package]`, and `--arrows` for each import that runs up.
 */
import {
  arrowsOf,
  circlesOf,
  familyOf,
  floorsOf,
  folderOf,
  orderOf,
  packagesWithSources,
  readImports
} from "./support/ImportGraph.ts"

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"))
const showsArrows = process.argv.includes("--arrows")
const lines = ["package | modules | folders | floors | circles | up between folders | up between families"]
for (const [name, graph] of readImports(wanted.length > 0 ? wanted : packagesWithSources())) {
  const circles = circlesOf(graph)
  const folders = orderOf(arrowsOf(graph, folderOf))
  const families = orderOf(arrowsOf(graph, familyOf))
  const folderCount = new Set([...graph.keys()].map(folderOf)).size
  const cells = [graph.size, folderCount, floorsOf(graph), circles.length, folders.up.length, families.up.length]
  lines.push([name, ...cells].join(" | "))
  if (!showsArrows) continue
  for (const circle of circles) lines.push(`  circle: ${circle.join(" → ")}`)
  lines.push(`  folders from the top: ${folders.order.join(", ")}`)
  for (const [from, to] of folders.up) lines.push(`  up: ${from} → ${to}`)
  if (families.up.length > 0) lines.push(`  families from the top: ${families.order.join(", ")}`)
  for (const [from, to] of families.up) lines.push(`  up between families: ${from} → ${to}`)
}
process.stdout.write(`${lines.join("\n")}\n`)
