// Plain JavaScript, because elw asks it under any Node.

/** The word that was probably meant; undefined when none is close. */
export function closest(given, words) {
  const near = words
    .map((word) => ({ word, distance: distance(word, given) }))
    .filter(({ word, distance }) => distance <= (word.length > 5 ? 2 : word.length > 3 ? 1 : 0));
  return near.sort((one, other) => one.distance - other.distance)[0]?.word;
}

/** For the end of a message about a word that does not exist: ` Is it start?`, or nothing when none is close. */
export function isIt(given, words, prefix = '') {
  const meant = closest(given, words);
  return meant === undefined ? '' : ` Is it ${prefix}${meant}?`;
}

/** How many letters have to be put in, taken out, replaced, or swapped with the next one, to make one word of the other. */
function distance(one, other) {
  const rows = [Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1];
    for (let index = 0; index < other.length; index++) {
      const replaced = rows[at][index] + (one[at] === other[index] ? 0 : 1);
      const isSwapped = at > 0 && index > 0 && one[at] === other[index - 1] && other[index] === one[at - 1];
      const swapped = isSwapped ? rows[at - 1][index - 1] + 1 : replaced;
      next.push(Math.min(replaced, swapped, rows[at][index + 1] + 1, next[index] + 1));
    }
    rows.push(next);
  }
  return rows[one.length][other.length];
}
