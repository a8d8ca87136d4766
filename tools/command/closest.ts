/** The word that was probably meant; undefined when none is close. */
export function closest(given: string, words: readonly string[]): string | undefined {
  const near = words
    .map((word) => ({ word, distance: distance(word, given) }))
    .filter(({ word, distance }) => distance <= (word.length > 5 ? 2 : word.length > 3 ? 1 : 0));
  return near.sort((one, other) => one.distance - other.distance)[0]?.word;
}

/** How many letters have to be put in, taken out, replaced, or swapped with the next one, to make one word of the other. */
function distance(one: string, other: string): number {
  const rows = [Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (const [at, letter] of [...one].entries()) {
    const row = rows[at] ?? [];
    const next = [at + 1];
    for (const [index, wanted] of [...other].entries()) {
      const replaced = (row[index] ?? 0) + (letter === wanted ? 0 : 1);
      const isSwapped = letter === other[index - 1] && wanted === one[at - 1];
      const swapped = isSwapped ? (rows[at - 1]?.[index - 1] ?? 0) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(replaced, swapped, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    rows.push(next);
  }
  return rows.at(-1)?.at(-1) ?? 0;
}
