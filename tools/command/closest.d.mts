/** The word that was probably meant; undefined when none is close. */
export function closest(given: string, words: readonly string[]): string | undefined;

/** For the end of a message about a word that does not exist: ` Is it start?`, or nothing when none is close. */
export function isIt(given: string, words: readonly string[], prefix?: string): string;
