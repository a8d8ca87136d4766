import * as z from 'zod';
import type { StoragePath } from './settings.ts';

const MAX_SECRETS = 4;

export const boolean = (fallback: boolean) =>
  z
    .string()
    .transform((text) => text.trim().toLowerCase())
    .pipe(z.enum(['true', 'false'], { error: 'must be true or false' }))
    .transform((text) => text === 'true')
    .default(fallback);

export const wholeNumber = (fallback: number, least = 0) =>
  z
    .string()
    .regex(/^\s*\d{1,15}\s*$/, 'must be a whole number, digits only')
    .transform(Number)
    .refine((value) => value >= least, `must be at least ${least}`)
    .default(fallback);

export const decimal = (fallback: number) =>
  z
    .string()
    .regex(/^\s*\d{1,9}(\.\d{1,9})?\s*$/, 'must be a number with a decimal point, such as 3.0')
    .transform(Number)
    .refine((value) => value > 0, 'must be more than 0')
    .default(fallback);

export const storagePath = (fallback: string) =>
  z
    .string()
    .transform((text) => text.trim().replace(/^\/+|\/+$/g, ''))
    .transform((text, context): StoragePath => {
      const [container = '', ...folders] = text.split('/');
      if (!/^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/.test(container)) {
        context.addIssue('must begin with a container name: 3 to 63 lower-case letters, digits and single hyphens');
      }
      if (folders.some((folder) => !/^[A-Za-z0-9._-]{1,200}$/.test(folder) || /^\.+$/.test(folder))) {
        context.addIssue('folders after the container may hold letters, digits, dots, hyphens and underscores');
      }
      return { container, prefix: folders.map((folder) => `${folder}/`).join('') };
    })
    .prefault(fallback);

export const secrets = z
  .string({ error: 'is required: the secret that ElevenLabs showed when the webhook was created' })
  .transform((text) => text.split(','))
  .superRefine((list, context) => {
    if (list.some((secret) => secret === '')) context.addIssue('holds an empty secret: look for a stray comma');
    if (list.some((secret) => secret !== secret.trim())) {
      context.addIssue('has white space or a line break at an end of a secret: paste it again without it');
    }
    if (list.length > MAX_SECRETS) context.addIssue(`holds more than ${MAX_SECRETS} secrets`);
  });
