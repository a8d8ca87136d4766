import { defineConfig } from 'vitest/config';

/** For `npm run mutation`, which says in the environment which tests judge the group of files at hand. */
const { MUTATION_TESTS = '', MUTATION_STORAGE = '' } = process.env;

export default defineConfig({
  test: {
    include: MUTATION_TESTS.split(','),
    globalSetup: MUTATION_STORAGE === '' ? [] : ['tests/support/azurite.setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
