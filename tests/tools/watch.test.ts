import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { watch } from '../../tools/cli/serve/watch.ts';
import { until } from '../support/until.ts';

/** A program that notes its start and then runs on, or ends at once; its build notes that, or fails. */
function project(program: 'runs on' | 'ends with 3', build: 'works' | 'fails' = 'works') {
  const folder = mkdtempSync(join(tmpdir(), 'watch-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'src/lib'), { recursive: true });
  const log = join(folder, 'log');
  const notes = (word: string, then: string) =>
    `import { appendFileSync } from 'node:fs'; appendFileSync(${JSON.stringify(log)}, '${word} '); ${then}`;
  writeFileSync(
    join(folder, 'program.mjs'),
    notes('start', program === 'runs on' ? 'setInterval(() => {}, 1e6)' : 'process.exitCode = 3'),
  );
  writeFileSync(join(folder, 'build.mjs'), notes('build', build === 'works' ? '' : 'process.exitCode = 1'));
  writeFileSync(log, '');
  const stop = Promise.withResolvers<void>();
  const ended = watch({
    program: [join(folder, 'program.mjs')],
    build: [join(folder, 'build.mjs')],
    source: join(folder, 'src'),
    stopped: stop.promise,
  });
  return {
    ended,
    stop: stop.resolve,
    change: () => appendFileSync(join(folder, 'src/lib/a.ts'), ' '),
    /** As many editors save. */
    replace: () => {
      writeFileSync(join(folder, 'src/lib/.a.ts.new'), ' ');
      renameSync(join(folder, 'src/lib/.a.ts.new'), join(folder, 'src/lib/a.ts'));
    },
    says: (text: string) => until(() => readFileSync(log, 'utf8') === text),
  };
}

test('each change is built and the program started again, until it is asked to end', async () => {
  const { change, says, stop, ended } = project('runs on');
  await says('start ');
  change();
  await says('start build start ');
  change();
  await says('start build start build start ');
  stop();
  expect(await ended).toBe(0);
});

test('a file that another one is renamed to has changed, every time', async () => {
  const { change, replace, says, stop, ended } = project('runs on');
  await says('start ');
  change();
  let said = 'start build start ';
  await says(said);
  for (let saved = 0; saved < 3; saved++) {
    replace();
    said += 'build start ';
    await says(said);
  }
  stop();
  expect(await ended).toBe(0);
});

test('a change that cannot be built lets the program run on', async () => {
  const { change, says, stop, ended } = project('runs on', 'fails');
  await says('start ');
  change();
  await says('start build ');
  change();
  await says('start build build ');
  stop();
  expect(await ended).toBe(0);
});

test('a program that ends before any change ends it, with the same exit code', async () => {
  expect(await project('ends with 3').ended).toBe(3);
});
