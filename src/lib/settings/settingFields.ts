import * as z from 'zod/mini';
import { idSchema } from '../ids.ts';

/** One of a few words, in any case. */
export const word = <const W extends string>(words: readonly W[], error: string) =>
  z.pipe(
    z.pipe(
      z.string(),
      z.transform((text) => {
        const spoken = text.trim().toLowerCase();
        return words.find((known) => known.toLowerCase() === spoken) ?? spoken;
      }),
    ),
    z.enum(words, { error }),
  );

export const boolean = (fallback: boolean) =>
  z._default(
    z.pipe(
      word(['true', 'false'], 'must be true or false'),
      z.transform((text) => text === 'true'),
    ),
    fallback,
  );

const isId = (text: string) => idSchema.safeParse(text).success;

/** Ids of agents, separated by commas; none when not set. */
export const agentIds = z._default(
  z
    .pipe(
      z.string(),
      z.transform((text) => text.split(',').map((id) => id.trim())),
    )
    .check(z.refine((ids) => ids.every(isId), 'must be ids of agents, separated by commas')),
  [],
);

interface Range {
  readonly least?: number;
  readonly most?: number;
}

const number = (form: RegExp, error: string) => z.pipe(z.string().check(z.regex(form, error)), z.transform(Number));

export const wholeNumber = (fallback: number, { least = 0, most = Number.MAX_SAFE_INTEGER }: Range = {}) =>
  z._default(
    number(/^\s*\d{1,15}\s*$/, 'must be a whole number, digits only').check(
      z.gte(least, `must be at least ${least}`),
      z.lte(most, `must be at most ${most}`),
    ),
    fallback,
  );

export const decimal = (fallback: number, { most }: { readonly most: number }) =>
  z._default(
    number(/^\s*\d{1,9}(\.\d{1,9})?\s*$/, 'must be a number with a decimal point, such as 3.0').check(
      z.gt(0, 'must be more than 0'),
      z.lte(most, `must be at most ${most}`),
    ),
    fallback,
  );

/**
 * The address of an API: https, a host name and perhaps a port, nothing else. Credentials in an address would be sent, and
 * written wherever it is. Addresses by number belong to machines of a cloud rather than to ElevenLabs; those of this machine are for a stand-in, http included.
 */
export const apiAddress = (fallback: string) =>
  z._default(
    z
      .string()
      .check(
        z.refine(
          isApiAddress,
          'must be an https address with a host name, without a path, user or password (or http on loopback, for a stand-in)',
        ),
      ),
    fallback,
  );

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

function isApiAddress(text: string): boolean {
  if (!/^https?:\/\/[^\s/?#@\\]+\/?$/.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  if (LOOPBACK.has(hostname)) return true;
  const isNumeric = hostname.startsWith('[') || /^[\d.]+$/.test(hostname); // URL writes every form of IPv4 like this
  return protocol === 'https:' && !isNumeric;
}
