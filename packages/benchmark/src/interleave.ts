/** The order of measurements: rounds in which every subject has its turn. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/**
 * The order of the subjects in each round: shuffled by the seed, and every second round is the one before it backwards. So
 * each of two subjects comes first equally often, and no subject always comes after the same subject.
 */
export const orders = <Subject>(
  subjects: ReadonlyArray<Subject>,
  rounds: number,
  seed: number
): ReadonlyArray<ReadonlyArray<Subject>> => {
  const pairs = Array.from({ length: Math.ceil(rounds / 2) }, () => Random.shuffle(subjects))
  return Effect.runSync(Effect.all(pairs).pipe(Random.withSeed(seed)))
    .flatMap((order) => [order, order.toReversed()])
    .slice(0, rounds)
}

/** Measures every subject once per round: the figures with the same index are of the same round. */
export const interleave = async <Subject, Figures>(
  subjects: ReadonlyArray<Subject>,
  rounds: number,
  seed: number,
  measure: (subject: Subject) => Promise<Figures>
): Promise<ReadonlyMap<Subject, ReadonlyArray<Figures>>> => {
  let round = 0
  const measured = new Map(subjects.map((subject): [Subject, Array<Figures>] => [subject, []]))
  for (const order of orders(subjects, rounds, seed)) {
    for (const subject of order) measured.get(subject)?.push(await measure(subject))
    if (rounds > 1) console.error(`round ${++round} of ${rounds}`)
  }
  return measured
}
