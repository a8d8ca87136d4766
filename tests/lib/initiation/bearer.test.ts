import { describe, expect, it } from 'vitest';
import { checkBearer } from '../../../src/lib/initiation/bearer.ts';

const SECRETS = ['newest_secret', 'oldest+secret/==', 'third.secret', 'fourth_secret'];

describe('who may ask', () => {
  it.each(SECRETS.flatMap((secret) => [`Bearer ${secret}`, `bearer ${secret}`, `BEARER   ${secret}`]))(
    '%s',
    (header) => {
      expect(() => checkBearer(header, SECRETS)).not.toThrow();
    },
  );

  it.each([
    null,
    '',
    'Bearer',
    'Bearer ',
    'newest_secret',
    'Basic newest_secret',
    'Bearer newest_secre',
    'Bearer newest_secretx',
    'Bearer NEWEST_SECRET',
    'Bearer newest_secret,oldest+secret/==',
    'Bearer newest_secret,Bearer newest_secret',
    'Bearer newest_secret ',
    'Bearer newest_secret,',
    'Bearer\tnewest_secret',
    ' Bearer newest_secret',
    'xBearer newest_secret',
    `Bearer ${'x'.repeat(60_000)}`,
  ])('not %j', (header) => {
    expect(() => checkBearer(header, SECRETS)).toThrow(expect.objectContaining({ code: 'unauthorized', status: 401 }));
  });

  it('nobody without a secret', () => {
    expect(() => checkBearer('Bearer ', [])).toThrow();
    expect(() => checkBearer('Bearer x', [])).toThrow();
    expect(() => checkBearer('', [''])).toThrow();
  });
});
