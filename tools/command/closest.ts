/** The word that was probably meant; undefined when none is close. */
export function closest(given: string, words: readonly string[]): string | undefined {
  const near = words
    .map((word) => ({ word, distance: distance(word, given) }))
    .filter(({ word, distance }) => distance <= (word.length > 5 ? 2 : word.length > 3 ? 1 : 0));
  return near.sort((one, other) => one.distance - other.distance)[0]?.word;
}

/** How many letters have to be put in, taken out or replaced to make one word of the other. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [at, letter] of [...one].entries()) {
    const next = [at + 1];
    for (const [index, wanted] of [...other].entries()) {
      const replaced = (row[index] ?? 0) + (letter === wanted ? 0 : 1);
      next.push(Math.min(replaced, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
