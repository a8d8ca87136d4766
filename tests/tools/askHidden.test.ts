import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { askHidden } from '../../tools/command/askHidden.ts';

function terminal() {
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (isRaw: boolean) => raw.push(isRaw) });
  const output = new PassThrough();
  return { input, output, raw };
}

test('what is typed is returned, and shown nowhere: the terminal itself shows nothing meanwhile', async () => {
  const { input, output, raw } = terminal();
  const answer = askHidden('key: ', { input, output });
  input.write('sk_1\u007f2 ');
  input.write('\r');
  expect(await answer).toBe('sk_2');
  output.end();
  expect(await text(output)).toBe('key: \n');
  expect(raw).toEqual([true, false]);
});

test('Enter alone is an empty answer, and so is the end of the input', async () => {
  const [entered, ended] = [terminal(), terminal()];
  entered.input.write('\n');
  ended.input.end();
  expect([await askHidden('', entered), await askHidden('', ended)]).toEqual(['', '']);
});

test('Ctrl-C ends the command instead of going on without an answer', async () => {
  const { input, output, raw } = terminal();
  const answer = askHidden('', { input, output });
  input.write('sk_\u0003');
  await expect(answer).rejects.toThrow('Stopped.');
  expect(raw).toEqual([true, false]);
});
