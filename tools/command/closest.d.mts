/** The word that was probably meant; undefined when none is close. */
export function closest(given: string, words: readonly string[]): string | undefined;
