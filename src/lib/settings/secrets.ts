import { createHash } from 'node:crypto';
import * as z from 'zod/mini';

const MAX_SECRETS = 4;
const LEAST_CHARACTERS = 8;

/** Of the secrets that `npm start` uses and the documentation prints: everybody can sign, or ask, with them. */
const DEVELOPMENT_SECRET_SHA256: ReadonlySet<string> = new Set([
  '0bf700b4f142afdec0cbce5df1a4fb1fc7345e7b51ba11519b23dc5539df50d3',
  '50f4da930e1c6a059d5782d00dc29b048ca0429c62b29c617f67b61313ce0d0e',
]);

/** Spaces, line breaks, and what an editor, a chat or a web page adds unseen: zero-width characters, marks, fillers. */
const UNSEEN = /[\s\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/u;
const QUOTES = /["'`´‘’‚‛“”„‟«»‹›]/;

/** What is wrong with a pasted secret or key; undefined when nothing is. Says which mistake, never a part of the value. */
export function mistakeIn(secret: string): string | undefined {
  if (UNSEEN.test(secret))
    return 'contains white space, a line break or an invisible character: paste it again without it';
  if (QUOTES.test(secret)) return 'contains quotes: paste it again without them';
  if (/^<|>$/.test(secret)) return 'is in angle brackets, like a placeholder: replace it with the secret itself';
  return undefined;
}

/** One secret, or several separated by commas; a comma inside a secret cannot be told from a list. */
const secretsOr = (error: string) =>
  z
    .pipe(
      z.string({ error }),
      z.transform((text) => text.split(',')),
    )
    .check(
      z.superRefine((list, context) => {
        const mistakes = list.map((secret) => (secret === '' ? emptySecret : (mistakeIn(secret) ?? tooShort(secret))));
        for (const mistake of mistakes) if (mistake !== undefined) context.addIssue(mistake);
        if (list.length > MAX_SECRETS) context.addIssue(`holds more than ${MAX_SECRETS} secrets`);
      }),
    );

/** Of webhooks whose secret ElevenLabs makes. */
export const secrets = secretsOr('is required: the secret that ElevenLabs showed when the webhook was created');

/** Such as a header carries: printable ASCII alone (https://www.rfc-editor.org/rfc/rfc9110#section-5.5). */
export const headerSecrets = secretsOr(
  'is required: a secret of your own, which ElevenLabs sends with every call',
).check(
  z.refine(
    (list) => list.every((secret) => /^[!-~]*$/.test(secret)),
    'holds characters that no header can carry: use letters, digits and signs of ASCII',
  ),
);

const emptySecret = 'holds an empty secret: look for a stray comma';

function tooShort(secret: string): string | undefined {
  if ([...secret].length >= LEAST_CHARACTERS) return undefined;
  return `holds a secret of fewer than ${LEAST_CHARACTERS} characters: copy the whole of it (a comma separates two secrets)`;
}

/** Whether anybody who has read the documentation can sign with one of them. */
export function arePublished(list: readonly string[]): boolean {
  return list.some((secret) => DEVELOPMENT_SECRET_SHA256.has(createHash('sha256').update(secret).digest('hex')));
}
