/** Several measurements of one figure. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

export const summarize = (values: ReadonlyArray<number>): Summary => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number) => sorted[index] ?? NaN
  const half = sorted.length >> 1
  return {
    median: sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2,
    min: at(0),
    max: at(sorted.length - 1)
  }
}

/** The median and, where there is one, the spread. */
export const show = ({ max, median, min }: Summary, digits: number, unit: string): string => {
  const spread = min === max ? "" : ` (${min.toFixed(digits)}–${max.toFixed(digits)})`
  return `${median.toFixed(digits)} ${unit}${spread}`
}
