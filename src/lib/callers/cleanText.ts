/** Longer texts are cut: a caller's record fills a sentence, not a page. */
const LONGEST_TEXT = 500;

/**
 * Text that may be put before a language model, or into a prompt's template: one line, without the braces that ElevenLabs fills
 * from dynamic variables, and without characters that nobody sees (direction marks, zero-width ones, tags). Addresses and URLs
 * survive. Empty when nothing is left.
 *
 * @param longest in UTF-16 units; a character is never halved.
 * @example cleanText('Jan\n{{system__caller_id}}') // 'Jan system__caller_id'
 */
export function cleanText(text: string, longest = LONGEST_TEXT): string {
  const line = text
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
    .replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '');
  return withoutBraces(line)
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, longest)
    .replace(/[\uD800-\uDBFF]$/, '') // half of a character, which no form and no JSON can carry
    .trim();
}

/** Also the pairs that come together when others go. */
function withoutBraces(text: string): string {
  const kept: string[] = [];
  for (const sign of text) {
    if ((sign === '{' || sign === '}') && kept.at(-1) === sign) kept.pop();
    else kept.push(sign);
  }
  return kept.join('');
}
