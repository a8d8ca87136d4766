import * as z from 'zod/mini';
import type { StoragePath } from './settings.ts';

const MAX_SECRETS = 4;

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

const number = (form: RegExp, error: string) => z.pipe(z.string().check(z.regex(form, error)), z.transform(Number));

export const wholeNumber = (fallback: number, least = 0) =>
  z._default(
    number(/^\s*\d{1,15}\s*$/, 'must be a whole number, digits only').check(z.gte(least, `must be at least ${least}`)),
    fallback,
  );

export const decimal = (fallback: number) =>
  z._default(
    number(/^\s*\d{1,9}(\.\d{1,9})?\s*$/, 'must be a number with a decimal point, such as 3.0').check(
      z.gt(0, 'must be more than 0'),
    ),
    fallback,
  );

export const storagePath = (fallback: string) =>
  z.prefault(
    z.pipe(
      z.string(),
      z.transform((text, { issues }): StoragePath => {
        const path = text.trim().replace(/^\/+|\/+$/g, '');
        const [container = '', ...folders] = path.split('/');
        const refuse = (message: string) => issues.push({ code: 'custom', input: text, message });
        if (!/^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/.test(container)) {
          refuse('must begin with a container name: 3 to 63 lower-case letters, digits and single hyphens');
        }
        if (folders.some((folder) => !/^[A-Za-z0-9._-]{1,200}$/.test(folder) || /^\.+$/.test(folder))) {
          refuse('folders after the container may hold letters, digits, dots, hyphens and underscores');
        }
        return { container, prefix: folders.map((folder) => `${folder}/`).join('') };
      }),
    ),
    fallback,
  );

export const secrets = z
  .pipe(
    z.string({ error: 'is required: the secret that ElevenLabs showed when the webhook was created' }),
    z.transform((text) => text.split(',')),
  )
  .check(
    z.superRefine((list, context) => {
      if (list.some((secret) => secret === '')) context.addIssue('holds an empty secret: look for a stray comma');
      if (list.some((secret) => secret !== secret.trim())) {
        context.addIssue('has white space or a line break at an end of a secret: paste it again without it');
      }
      if (list.length > MAX_SECRETS) context.addIssue(`holds more than ${MAX_SECRETS} secrets`);
    }),
  );
