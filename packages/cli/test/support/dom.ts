/** A page as a browser reads it: by the algorithm of the HTML standard, which parse5 has. */
import { parse, type DefaultTreeAdapterTypes } from "parse5"

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly text: string
}

type Node = DefaultTreeAdapterTypes.Node

const textOf = (node: Node): string => {
  if ("value" in node) return node.value
  return "childNodes" in node ? node.childNodes.map(textOf).join("") : ""
}

/** All elements of a page, in their order. */
export const elementsOf = (page: string): ReadonlyArray<Element> => {
  const elements: Array<Element> = []
  const walk = (node: Node): void => {
    if ("tagName" in node) {
      const attributes = Object.fromEntries(node.attrs.map(({ name, value }) => [name, value]))
      elements.push({
        name: node.tagName,
        attributes,
        get text() {
          return textOf(node)
        }
      })
    }
    if ("childNodes" in node) node.childNodes.forEach(walk)
  }
  walk(parse(page))
  return elements
}
