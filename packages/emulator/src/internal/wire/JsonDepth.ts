/** The depth of a JSON text, found without recursion. */

/** Whether a text of JSON has more levels of brackets than that, found without reading it by recursion. */
export const isDeeperThan = (json: string, levels: number): boolean => {
  let depth = 0
  let isText = false
  for (let at = 0; at < json.length; at++) {
    const character = json[at]
    if (isText) {
      if (character === "\\") at++
      else if (character === '"') isText = false
    } else if (character === '"') isText = true
    else if (character === "{" || character === "[") {
      if (++depth > levels) return true
    } else if (character === "}" || character === "]") depth--
  }
  return false
}
