import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tests/support/longestFirst.ts';

// Every test file, and every command that one runs, is a process of its own, and compiles the same modules. Coverage would be less precise.
if (!process.argv.includes('--coverage'))
  process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compile', import.meta.url));

export default defineConfig({
  test: {
    pool: 'forks',
    // Most tests wait for sockets, processes or storage more than they compute: more of them than cores.
    maxWorkers: 5,
    setupFiles: ['tests/support/compileCache.ts'],
    // Only ends what hangs: a busy machine may stand still for seconds.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000 } },
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './tests/support/lastLine.reporter.ts'],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'json-summary'],
      thresholds: {
        lines: 90,
        'src/lib/signature/*.ts': { lines: 100 },
        'src/lib/json/*.ts': { lines: 100 },
      },
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['tests/{lib,vectors,properties}/**/*.test.ts'],
          exclude: ['**/*.azurite.test.ts'],
          // A process for many files, in half the time: what these test keeps nothing in its modules.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['tests/{app,tools,repository}/**/*.test.ts', 'tests/lib/**/*.azurite.test.ts'],
          exclude: ['tests/bench/bench.test.ts'],
          globalSetup: ['tests/support/azurite.setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'infra',
          include: ['tests/infra/**/*.test.ts'],
          globalSetup: ['tests/support/azurite.setup.ts', 'tests/infra/bicep.setup.ts'],
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'reliability',
          include: ['tests/reliability/**/*.test.ts'],
          globalSetup: ['tests/support/azurite.setup.ts'],
          // After the others: these files make most load.
          sequence: { groupOrder: 1 },
          maxConcurrency: 16,
        },
      },
      {
        extends: true,
        test: {
          name: 'page',
          include: ['tests/page/**/*.test.ts'],
          globalSetup: ['tests/support/azurite.setup.ts', 'tests/page/chromium.setup.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      // Alone: it compares times.
      { extends: true, test: { name: 'bench', include: ['tests/bench/bench.test.ts'], sequence: { groupOrder: 2 } } },
    ],
  },
});
