import { defineConfig } from 'vitest/config';

/** `npm run test:live`: the real ElevenLabs API, with a key in the environment. No part of `npm test`. */
export default defineConfig({
  test: {
    root: '.',
    include: ['tests/live/**/*.live.test.ts'],
    globalSetup: ['tests/support/azurite.setup.ts'],
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
