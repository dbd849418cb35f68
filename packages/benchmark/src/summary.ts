/** Several measurements of one figure as a median and a spread. */

/** Summarizes several measurements of one figure: the median, and the range that holds the middle half of them. */
export interface Summary {
  readonly median: number
  readonly low: number
  readonly high: number
}

export const summarize = (values: ReadonlyArray<number>): Summary => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (quantile: number) => {
    const place = quantile * (sorted.length - 1)
    const [below = NaN, above = below] = sorted.slice(Math.floor(place), Math.floor(place) + 2)
    return below + (above - below) * (place % 1)
  }
  return { median: at(0.5), low: at(0.25), high: at(0.75) }
}

const spread = ({ high, low }: Summary, digits: number): string =>
  low === high ? "" : ` (${low.toFixed(digits)}–${high.toFixed(digits)})`

/** The median and the spread, if there is a spread. */
export const show = (summary: Summary, digits: number, unit: string): string =>
  `${summary.median.toFixed(digits)} ${unit}${spread(summary, digits)}`

export const showRatio = (ratio: Summary): string => `${ratio.median.toFixed(2)}x${spread(ratio, 2)}`
