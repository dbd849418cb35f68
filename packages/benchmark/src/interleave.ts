/**
 * Measures every subject once per round. Each round begins with another one and every second one goes backwards, so that
 * a drift of the machine meets all of them, and nobody always comes after the same.
 */
export const interleave = async <Subject, Figures>(
  subjects: ReadonlyArray<Subject>,
  rounds: number,
  measure: (subject: Subject) => Promise<Figures>
): Promise<ReadonlyMap<Subject, ReadonlyArray<Figures>>> => {
  const measured = new Map(subjects.map((subject): [Subject, Array<Figures>] => [subject, []]))
  for (let round = 0; round < rounds; round++) {
    const first = round % subjects.length
    const turned = [...subjects.slice(first), ...subjects.slice(0, first)]
    for (const subject of round % 2 === 0 ? turned : turned.toReversed()) {
      measured.get(subject)?.push(await measure(subject))
    }
  }
  return measured
}
